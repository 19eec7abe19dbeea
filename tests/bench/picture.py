"""Draws the results of scale.py: picture.py MEASURED.json PICTURE.svg. All numbers come from the measurement."""

import json
import math
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 880, 620
INK, QUIET, OURS, OTHERS, SECOND = "#24292f", "#8c959f", "#0969da", "#afb8c1", "#bc4c00"
FONT = 'font-family="system-ui, sans-serif"'


class Panel:
    """A part of the picture, in its own coordinates."""

    def __init__(self, left, top, width, height, title, remark):
        self.left, self.top, self.width, self.height = left, top, width, height
        self.parts = [text(left, top, title, size=15, bold=True), text(left, top + 18, remark, fill=QUIET, size=12)]

    def bars(self, rows, unit):
        """(label, value, whether it is dlock), each as long as its value. There are no broken bars, so the longest sets the scale."""
        most = max(value for _, value, _ in rows)
        room, step = self.width - 215, (self.height - 34) / len(rows)
        for place, (label, value, ours) in enumerate(rows):
            y = self.top + 34 + place * step
            length = max(1.5, room * value / most)
            self.parts.append(text(self.left + 132, y + step * 0.62, label, anchor="end"))
            self.parts.append(f'<rect x="{self.left + 140}" y="{y + step * 0.2:.1f}" width="{length:.1f}" '
                              f'height="{step * 0.6:.1f}" rx="2" fill="{OURS if ours else OTHERS}"/>')
            self.parts.append(text(self.left + 146 + length, y + step * 0.62, f"{shown(value)} {unit}", fill=QUIET))

    def lines(self, series, across, unit):
        """{name: [(x, y)]} on logarithmic axes."""
        xs = sorted({x for points in series.values() for x, _ in points})
        ys = [max(y, 0.01) for points in series.values() for _, y in points]
        low, high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
        left, right, top, bottom = self.left + 56, self.left + self.width - 20, self.top + 58, self.top + self.height - 34

        def at(x, y):
            return (left + (right - left) * (math.log10(x) - math.log10(xs[0])) / (math.log10(xs[-1]) - math.log10(xs[0])),
                    bottom - (bottom - top) * (math.log10(max(y, 0.01)) - low) / max(high - low, 1))
        for power in range(low, high + 1):
            _, y = at(xs[0], 10 ** power)
            self.parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#d8dee4"/>')
            self.parts.append(text(left - 6, y + 4, f"{10.0 ** power:g} {unit}", anchor="end", fill=QUIET))
        for x in xs:
            self.parts.append(text(at(x, 10 ** low)[0], bottom + 16, f"{x:,}", anchor="middle", fill=QUIET))
        self.parts.append(text((left + right) / 2, bottom + 32, across, anchor="middle", fill=QUIET))
        for place, (color, (name, points)) in enumerate(zip((OURS, SECOND, OTHERS), series.items())):
            places = [at(x, y) for x, y in points]
            self.parts.append(f'<polyline fill="none" stroke="{color}" stroke-width="2" points="'
                              + " ".join(f"{x:.1f},{y:.1f}" for x, y in places) + '"/>')
            self.parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in places]
            self.parts.append(text(left + 96 * place, self.top + 42, name, fill=color, bold=True))


def text(x, y, words, anchor="start", fill=INK, size=12, bold=False):
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" font-size="{size}"{weight} {FONT}>{escape(words)}</text>'


def shown(value):
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def panels(measured):
    start = Panel(20, 30, 420, 250, "A job of `true`, whole process", f"median, beside {measured['server']} on one machine")
    start.bars([(name, took, name.startswith("dlock")) for name, took in measured["start_up"].items()], "ms")
    takeover = Panel(460, 30, 400, 250, "Until the next job, which waits, starts", "median; the last two from the end of the liveness on")
    takeover.bars([(one["cause"], one["median"], True) for one in measured["takeover"]], "ms")
    kill = Panel(20, 330, 420, 270, "Deadline to the last process gone", "by the size of the job; the margin has 500 ms for it")
    names = [name for name in ("auto", "walk", "cgroup.kill") if name in measured["kill"][0]]  # the last: the time of the kernel
    kill.lines({name: [(one["size"], one[name][0]) for one in measured["kill"]] for name in names}, "processes", "ms")
    locks = Panel(460, 330, 400, 270, "A renewal, by the locks held on one Redis", "each is renewed every 2 s")
    locks.lines({name: [(one["locks"], one[key]) for one in measured["locks"]] for name, key in (("p50", "p50"), ("p99", "p99"))},
                "locks", "ms")
    return start, takeover, kill, locks


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        measured = json.load(file)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
                   'aria-label="Start-up, takeover, kill and renewal times of dlock, measured">\n'
                   f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n')
        for panel in panels(measured):
            file.write("\n".join(panel.parts) + "\n")
        file.write("</svg>\n")


if __name__ == "__main__":
    main()
