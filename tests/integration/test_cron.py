"""Debian's cron runs the line of packaging/examples/crontab on two "machines" that share a store. It takes one or two minutes."""

import os
import subprocess
import unittest

from harness import dlock, life
from harness.case import JOBTOOL, Case, needs, needs_root
from harness.wait import wait_until

EXAMPLE = os.path.join(os.path.dirname(__file__), "..", "..", "packaging", "examples", "crontab")

# cron reads no file of the host and has its own pid file.
MACHINE = """
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/spool/cron
mkdir /var/spool/cron/crontabs
mount --bind /dev/null /etc/crontab
mount --bind "$1" /etc/cron.d
hostname "$2"
exec cron -f
"""


@needs("cron")
@needs_root
class Cron(Case):
    def start_machine(self, number):
        words = ["unshare", "--mount", "--uts", "--propagation", "private", "sh", "-euc", MACHINE, "sh",
                 self.path("cron.d"), f"machine{number}"]
        with open(self.path(f"machine{number}"), "wb") as out:
            machine = subprocess.Popen(words, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.addCleanup(machine.wait)
        self.addCleanup(machine.kill)
        return machine

    def test_two_machines_with_the_same_crontab_line_run_the_job_once(self):
        path = self.life_file()
        with open(EXAMPLE, encoding="utf-8") as file:
            line = file.read()
        status = f"{self.directory}/status-$(hostname)"
        for old, new in {"0 2 * * *": "* * * * *", "redis://10.0.0.5:6379": f"local:{self.locks}",
                         "/usr/local/bin/report": f"{JOBTOOL} tick {path} 0.2",
                         "dlock run": f"{dlock.BINARY} run --status-file {status}"}.items():
            self.assertIn(old, line)
            line = line.replace(old, new)
        os.mkdir(self.path("cron.d"))
        with open(self.path("cron.d", "report"), "w", encoding="utf-8") as file:
            file.write(f"{self.marker}\n{line}")  # cron does not pass its environment on
        machines = [self.start_machine(number) for number in (1, 2)]
        wait_until(lambda: all(os.path.exists(self.path(f"status-machine{number}")) for number in (1, 2)), 75,
                   lambda: f"both machines ran the line: {os.listdir(self.directory)} {[machine.poll() for machine in machines]}")
        self.assertEqual(len(life.runs(path)), 1)
        outcomes = []
        for number in (1, 2):
            with open(self.path(f"status-machine{number}"), encoding="utf-8") as file:
                outcomes.append(file.read().split('"outcome":')[1].split(",")[0].strip(' "'))
        self.assertEqual(sorted(outcomes), ["held", "job_ended"])


if __name__ == "__main__":
    unittest.main()
