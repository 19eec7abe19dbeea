"""Completions in the real shells: text is typed, the tab key is pressed, and the output of the shell is compared."""

import os
import pty
import re
import select
import subprocess
import unittest

from harness import dlock
from harness.case import Case, needs
from harness.wait import PATIENCE, NeverHappened, now

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILES = os.path.join(ROOT, "packaging", "completions")
COMMANDS = {"run", "status", "list", "unlock", "doctor", "heartbeat", "completion"}  # drift compares them with --help


class Completions(Case):
    """A `dlock` on PATH, and locks with keys of all kinds."""

    KEYS = ("backup", "back up", "a:b:c", "$(touch pwned)", "quo'te\"", "-dash")

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("bin"))
        os.symlink(dlock.BINARY, self.path("bin", "dlock"))
        self.env["PATH"] = self.path("bin") + ":" + self.env["PATH"]
        self.env["DLOCK_STORE"] = f"local:{self.locks}"

    def hold_all(self):
        for key in self.KEYS:
            self.start_run("sleep", "60", key=key).job()

    def options_of(self, command):
        text = subprocess.run([dlock.BINARY, command, "--help"], stdout=subprocess.PIPE, check=True, text=True).stdout
        return {name for names in re.findall(r"^  (-\S+)", text, re.M) for name in names.split(",")}

    def assert_nothing_ran(self):
        self.assertFalse(os.path.exists(self.path("pwned")))


class Printed(Completions):
    def test_dlock_completion_prints_the_file_of_that_shell(self):
        for shell, name in (("bash", "dlock.bash"), ("zsh", "_dlock"), ("fish", "dlock.fish")):
            with self.subTest(shell=shell), open(f"{FILES}/{name}", "rb") as file:
                done = subprocess.run([dlock.BINARY, "completion", shell], stdout=subprocess.PIPE, check=True)
                self.assertEqual(done.stdout, file.read())


class Typist:
    """A shell with line editing on its own terminal."""

    def __init__(self, words, env, directory):
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execvpe(words[0], words, env)
        self.output = ""

    def type(self, text):
        os.write(self._fd, text.encode())

    def expect(self, pattern, seconds=15):
        give_up = now() + seconds * PATIENCE
        while not (match := re.search(pattern, self.output)):
            if now() > give_up:
                raise NeverHappened(f"the terminal did not show {pattern!r} but {self.output!r}")
            self._read()
        self.output = self.output[match.end():]
        return match

    def expect_all(self, *patterns, seconds=15):
        """Waits for all patterns, in any order."""
        give_up = now() + seconds * PATIENCE
        while missing := [pattern for pattern in patterns if not re.search(pattern, self.output)]:
            if now() > give_up:
                raise NeverHappened(f"the terminal did not show {missing} but {self.output!r}")
            self._read()

    def _read(self):
        if select.select([self._fd], [], [], 0.05)[0]:
            self.output += os.read(self._fd, 65536).decode(errors="replace")

    def close(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self._fd)


def text_of(*names):
    with open(os.path.join(ROOT, *names), encoding="utf-8") as file:
        return file.read()


class LoadedAsDocumented(Completions):
    """The line of the README is put into the file that it names; then the shell that reads this file completes."""

    def documented(self):
        """{shell: (line, file below the home directory)}"""
        found = re.findall(r"`([^`]*dlock completion (\w+)[^`]*)` in `~/([^`]+)`", text_of("README.md"))
        self.assertEqual(sorted(shell for _, shell, _ in found), ["bash", "fish", "zsh"])
        return {shell: (line, file) for line, shell, file in found}

    def write_start_file(self, shell, before=""):
        line, file = self.documented()[shell]
        os.makedirs(os.path.dirname(self.path(file)), exist_ok=True)
        with open(self.path(file), "w", encoding="ascii") as start_file:
            start_file.write(f"{before}{line}\n")
        self.env.update(HOME=self.directory, TERM="dumb")
        for name in ("ZDOTDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            self.env.pop(name, None)

    def begin(self, *words):
        typist = Typist(words, self.env, self.directory)
        self.addCleanup(typist.close)
        typist.type("PS1='READY> '; echo be''gin\n")
        typist.expect("begin\\r?\\n")
        typist.expect("READY> ")
        return typist

    def assert_completes(self, typist):
        typist.type("dlock sta\t")
        typist.expect("dlock status ")
        typist.type("\025dlock run --on-sil\t")
        typist.expect("dlock run --on-silence ")

    def test_readme_help_and_man_page_name_the_same_lines(self):
        said = subprocess.run([dlock.BINARY, "completion", "--help"], stdout=subprocess.PIPE, check=True, text=True).stdout
        page = text_of("man", "dlock.1")
        for line, file in self.documented().values():
            with self.subTest(line):
                self.assertRegex(said, rf"(?m)^  {re.escape(line)} +in ~/{re.escape(file)}")
                self.assertRegex(page, rf"(?m)^\.Ql {re.escape(line)}\nin\n\.Pa ~/{re.escape(file)}(?:$| )")

    def test_bash(self):
        self.write_start_file("bash")
        self.assert_completes(self.begin("bash", "-i"))

    @needs("zsh")
    def test_zsh(self):
        self.write_start_file("zsh", before="autoload -U compinit; compinit -D -u\nsetopt no_beep\n")
        self.assert_completes(self.begin("zsh", "-o", "no_global_rcs", "-i"))

    @needs("zsh")
    def test_zsh_from_a_file_on_its_search_path(self):
        os.mkdir(self.path("functions"))
        with open(self.path("functions", "_dlock"), "wb") as file:
            subprocess.run([dlock.BINARY, "completion", "zsh"], stdout=file, check=True)
        with open(self.path(".zshrc"), "w", encoding="ascii") as file:
            file.write("fpath=(~/functions $fpath); autoload -U compinit; compinit -D -u\nsetopt no_beep\n")
        self.env.update(HOME=self.directory, TERM="dumb")
        self.env.pop("ZDOTDIR", None)
        self.assert_completes(self.begin("zsh", "-o", "no_global_rcs", "-i"))

    @needs("fish")
    def test_fish(self):
        self.write_start_file("fish")
        for typed, offered in (("dlock sta", "status"), ("dlock run --on-sil", "--on-silence")):
            done = subprocess.run(["fish", "-c", "complete -C $argv[1]", typed], env=self.env, cwd=self.directory,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
            self.assertEqual([line.split("\t")[0] for line in done.stdout.splitlines()], [offered])


class Bash(Completions):
    def complete(self, line):
        """The offers of the completion function with the cursor at the end of the line, split as by Readline."""
        script = r"""
          source "$1"; line=$2
          words=(); rest=$line
          while [[ -n $rest ]]; do
            if [[ $rest == [\ ]* ]]; then rest=${rest#?}; continue; fi
            if [[ $rest =~ ^[:=]+ || $rest =~ ^[^:=\ ]+ ]]; then words+=("${BASH_REMATCH[0]}"); rest=${rest#"${BASH_REMATCH[0]}"}; fi
          done
          [[ $line != *\  ]] || words+=("")
          COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1)) COMP_LINE=$line COMP_POINT=${#line}
          compopt() { :; }
          _dlock dlock
          printf '%s\n' "${COMPREPLY[@]}" """
        done = subprocess.run(["bash", "--norc", "-c", script, "bash", f"{FILES}/dlock.bash", line], env=self.env, cwd=self.directory,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
        return done.stdout.splitlines() if done.stdout != "\n" else []

    def test_sub_commands_and_the_options_of_each_are_offered(self):
        self.assertEqual(set(self.complete("dlock ")), COMMANDS | {"--help", "--version"})
        self.assertEqual(self.complete("dlock st"), ["status"])
        for command in COMMANDS:
            self.assertEqual(set(self.complete(f"dlock {command} -")), self.options_of(command))
        self.assertEqual(self.complete("dlock run --on-sil"), ["--on-silence"])

    def test_values_of_options_are_offered(self):
        self.assertEqual(self.complete("dlock run --on-silence "), ["kill", "continue"])
        self.assertEqual(self.complete("dlock run --on-silence=k"), ["kill"])
        self.assertEqual(self.complete("dlock run --contain pi"), ["pidns"])
        self.assertEqual(self.complete("dlock run --once-per "), ["hourly", "daily"])
        self.assertEqual(self.complete("dlock run -s TER"), ["TERM"])
        self.assertEqual(self.complete("dlock run --store redis+c"), ["redis+cluster://"])
        with open(self.path("a-file"), "w", encoding="ascii"):
            self.assertEqual(self.complete("dlock run --status-file a-f"), ["a-file"])
        self.assertEqual(self.complete("dlock run --key k --ttl "), [])
        self.assertEqual(self.complete("dlock run --nonblock "), ["--"])
        self.assertEqual(self.complete("dlock completion "), ["bash", "zsh", "fish"])

    def test_keys_are_quoted_and_never_executed(self):
        self.hold_all()
        offered = self.complete("dlock status ")
        self.assertEqual(len(offered), len(self.KEYS))
        for word in offered:  # each is one word for the shell, and equals its key
            said = subprocess.run(["bash", "-c", f"printf %s {word}"], stdout=subprocess.PIPE, check=True, text=True, cwd=self.directory).stdout
            self.assertIn(said, self.KEYS)
        self.assertEqual(self.complete("dlock unlock --force back"), ["back\\ up", "backup"])
        self.assertEqual(self.complete("dlock status a:b"), ["b:c"])
        self.assert_nothing_ran()

    def test_keys_come_from_the_store_of_the_command_line(self):
        self.hold_all()
        self.env["DLOCK_STORE"] = "redis://127.0.0.1:1"
        self.assertEqual(self.complete("dlock status back"), [])
        self.assertEqual(self.complete(f"dlock status --store local:{self.locks} backu"), ["backup"])
        self.assertEqual(self.complete(f"dlock status --store=local:{self.locks} backu"), ["backup"])

    def test_the_command_of_the_job_is_completed_as_a_command(self):
        self.assertIn("sleep", self.complete("dlock run --key k -- sle"))
        with open(self.path("a-file"), "w", encoding="ascii"):
            self.assertEqual(self.complete("dlock run --key k -- cat a-f"), ["a-file"])

    def test_completion_works_at_an_interactive_prompt(self):
        typist = Typist(["bash", "--norc", "--noprofile", "-i"], {**self.env, "PS1": "READY> ", "TERM": "dumb"}, self.directory)
        self.addCleanup(typist.close)
        typist.expect("READY> ")
        typist.type(f"source {FILES}/dlock.bash\n")
        typist.expect("READY> ")
        typist.type("dlock sta\t")
        typist.expect("dlock status ")
        typist.type("\025dlock run --orphans=le\t")
        typist.expect("--orphans=leave")


@needs("zsh")
class Zsh(Completions):
    def begin(self):
        typist = Typist(["zsh", "-f", "-i"], {**self.env, "TERM": "dumb", "ZDOTDIR": self.directory}, self.directory)
        self.addCleanup(typist.close)
        typist.type(f"PS1='READY> '; fpath=({FILES} $fpath); autoload -U compinit; compinit -D -u; setopt no_beep\n")
        typist.type("bindkey '^I' expand-or-complete; LISTMAX=9999; print be''gin\n")
        typist.expect("begin\\r?\\n")
        typist.expect("READY> ")
        return typist

    def after(self, typist, typed, pattern):
        typist.type(f"\025{typed}\t")
        return typist.expect(pattern)

    def test_sub_commands_options_values_and_keys_are_completed(self):
        self.hold_all()
        typist = self.begin()
        self.after(typist, "dlock sta", "status ")
        self.after(typist, "dlock run --on-sil", "--on-silence ")
        self.after(typist, "dlock run --on-silence con", "continue ")
        self.after(typist, "dlock run --orphans=le", "--orphans=leave ")
        self.after(typist, "dlock run --once-per dai", "daily ")
        self.after(typist, "dlock run -s TER", "TERM ")
        self.after(typist, "dlock completion fi", "fish ")
        self.after(typist, "dlock status backu", "backup ")
        self.after(typist, "dlock unlock a:b", "a:b:c ")
        self.after(typist, "dlock run --key k -- printen", "printenv ")
        self.assert_nothing_ran()

    def test_every_option_of_each_sub_command_is_offered(self):
        typist = self.begin()
        for command in sorted(COMMANDS):
            with self.subTest(command=command):
                typist.output = ""
                typist.type(f"\025dlock {command} -\t\t")
                options = self.options_of(command)
                typist.expect_all(*(rf"{re.escape(option)}(?![\w-])" for option in options))
                typist.type("\025\n")
                typist.expect("READY> ")


@needs("fish")
class Fish(Completions):
    def complete(self, line):
        script = f"source {FILES}/dlock.fish; complete -C $argv[1]"
        done = subprocess.run(["fish", "--no-config", "-c", script, line], env={**self.env, "HOME": self.directory}, cwd=self.directory,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
        return [line.split("\t")[0] for line in done.stdout.splitlines()]

    def test_sub_commands_and_the_options_of_each_are_offered(self):
        self.assertEqual(set(self.complete("dlock ")), COMMANDS)
        for command in COMMANDS:
            self.assertEqual(set(self.complete(f"dlock {command} -")), self.options_of(command))

    def test_values_of_options_are_offered(self):
        self.assertEqual(set(self.complete("dlock run --on-silence ")), {"kill", "continue"})
        self.assertEqual(self.complete("dlock run --on-silence=k"), ["--on-silence=kill"])
        self.assertEqual(set(self.complete("dlock run --once-per ")), {"hourly", "daily"})
        self.assertEqual(set(self.complete("dlock completion ")), {"bash", "zsh", "fish"})
        self.assertIn("TERM", self.complete("dlock run -s TER"))
        with open(self.path("a-file"), "w", encoding="ascii"):
            self.assertEqual(self.complete("dlock run --status-file a-f"), ["a-file"])

    def test_keys_are_quoted_and_never_executed(self):
        self.hold_all()
        self.assertEqual(set(self.complete("dlock status back")), {"backup", "back up"})
        self.assertEqual(set(self.complete("dlock unlock --force a:b")), {"a:b:c"})
        self.assert_nothing_ran()

    def test_the_command_of_the_job_is_completed_as_a_command(self):
        self.assertIn("printenv", self.complete("dlock run --key k -- printen"))
        with open(self.path("a-file"), "w", encoding="ascii"):
            self.assertIn("a-file", self.complete("dlock run --key k -- cat a-f"))


if __name__ == "__main__":
    unittest.main()
