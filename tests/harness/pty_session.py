"""A shell on a pseudo-terminal, and its keyboard."""

import os
import pty
import re
import select
import signal
import struct
import termios
import fcntl

from . import procs
from .wait import PATIENCE, NeverHappened, now

PROMPT = "READY> "
SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "--noediting", "-i"],
    "dash": ["dash", "-i"],
    "zsh": ["zsh", "-f", "-i", "+o", "zle", "+o", "promptsp"],
}


class PtySession:
    """An interactive shell that leads its own session, with the pty as its controlling terminal."""

    def __init__(self, shell, env):
        env = {**env, "PS1": PROMPT, "PS2": "", "TERM": "dumb", "HISTFILE": "", "ENV": ""}
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.execvpe(SHELLS[shell][0], SHELLS[shell], env)
        self.output = ""
        self._seen = 0
        self._status = None
        self.expect(re.escape(PROMPT))

    def type(self, text):
        os.write(self._fd, text.encode())

    def line(self, command):
        """Types a command and Enter, at the prompt of the shell."""
        self.type(command + "\n")

    def control(self, letter):
        self.type(chr(ord(letter.upper()) - 64))

    def expect(self, pattern, seconds=20):
        """Waits for the pattern in the output after the last match, and returns the match."""
        give_up = now() + seconds * PATIENCE
        while True:
            match = re.compile(pattern).search(self.output, self._seen)
            if match:
                self._seen = match.end()
                return match
            if now() > give_up:
                raise NeverHappened(f"the terminal did not show {pattern!r} but {self.output[self._seen:]!r}\n"
                                    f"processes of the session: {procs.describe(self.members())}")
            self._read(0.05)

    def prompt(self, seconds=20):
        self.expect(re.escape(PROMPT), seconds)

    def ask(self, command, pattern, seconds=20):
        """Types a command at the prompt, waits for its output and for the next prompt."""
        self.line(command)
        match = self.expect(pattern, seconds)
        self.prompt(seconds)
        return match

    def exit_code(self):
        return int(self.ask('echo "code:$?:"', r"code:(\d+):").group(1))

    def modes(self):
        """The modes of the terminal, as stty prints them."""
        iflag, oflag, cflag, lflag, _, _, control = termios.tcgetattr(self._fd)
        return iflag, oflag, cflag, lflag, control

    def foreground(self):
        return os.tcgetpgrp(self._fd)

    def resize(self, rows, columns):
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def members(self):
        return [pid for pid in procs.all_pids() if (facts := procs.stat(pid)) and facts["session"] == self.pid]

    def stopped(self):
        return [pid for pid in self.members() if procs.state(pid) in ("T", "t")]

    def hang_up(self):
        """The window is closed."""
        os.close(self._fd)
        self._fd = None

    def close(self):
        if self._fd is not None:
            self.hang_up()
        for pid in self.members():
            if pid != self.pid:
                procs.kill(pid)
        procs.kill(self.pid, signal.SIGKILL)
        if self._status is None:
            _, self._status = os.waitpid(self.pid, 0)

    def _read(self, seconds):
        ready, _, _ = select.select([self._fd], [], [], seconds)
        if not ready:
            return
        try:
            self.output += os.read(self._fd, 65536).decode("utf-8", "replace").replace("\r\n", "\n")
        except OSError:
            raise NeverHappened(f"the shell has gone; the terminal showed {self.output!r}") from None
