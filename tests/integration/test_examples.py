"""The command lines of README and packaging/examples do what is documented there."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import unittest

from harness import dlock
from harness.case import Case, needs, needs_pid_namespace, unshare_user
from harness.pty_session import PtySession
from harness.redis_server import RedisServer
from harness.resp import Login

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")


def text_of(*names):
    with open(os.path.join(ROOT, *names), encoding="utf-8") as file:
        return file.read()


class ExampleCase(Case):
    def setUp(self):
        super().setUp()
        self.bin = self.path("bin")
        os.mkdir(self.bin)
        os.symlink(dlock.BINARY, os.path.join(self.bin, "dlock"))
        self.env["PATH"] = self.bin + ":" + self.env["PATH"]
        self.env["DLOCK_STORE"] = f"local:{self.locks}"

    def script(self, name, text="echo ran"):
        path = os.path.join(self.bin, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)

    def shell(self, line, **more):
        return subprocess.run(["sh", "-c", line], env={**self.env, **more}, cwd=self.bin, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)

    def assert_ran(self, done):
        self.assertEqual((done.returncode, done.stdout), (0, "ran\n"), done.stderr)


class ComingFromAnotherLock(ExampleCase):
    def rows(self):
        rows = re.findall(r"^\| `((?:flock|consul|etcdctl) .*)` \| `(dlock .*)` \|$", text_of("README.md"), re.M)
        return [(old.replace("\\|", "|"), new.replace("\\|", "|")) for old, new in rows]

    def setUp(self):
        super().setUp()
        self.script("cmd", "cat >/dev/null; echo ran")

    def test_each_line_runs_its_command(self):
        rows = self.rows()
        self.assertGreater(len(rows), 12)
        for old, new in rows:
            with self.subTest(new):
                self.assert_ran(self.shell(new))

    def test_flock_and_dlock_agree_when_the_lock_is_free_and_when_it_is_held(self):
        file = self.path("file")
        agreed = 0
        for old, new in self.rows():
            if not old.startswith("flock"):
                continue
            theirs = old.replace("/run/lock/report", file).replace("-w 10", "-w 0.2")
            ours = new.replace("-w 10s", "-w 200ms")
            if " -n" not in old and " -w" not in old:  # it would wait forever
                continue
            with self.subTest(old):
                for theirs_held, ours_held in ((theirs, ours), (f"flock {file} {theirs}", f"dlock run --key report -- {ours}")):
                    them, us = self.shell(theirs_held), self.shell(ours_held)
                    self.assertEqual((them.returncode == 0, them.stdout), (us.returncode == 0, us.stdout), (them, us))
                agreed += 1
        self.assertGreater(agreed, 4)

    def test_the_exit_code_of_the_job_is_kept(self):
        self.script("cmd", "exit 3")
        for _, new in self.rows():
            if "|" not in new:
                with self.subTest(new):
                    self.assertEqual(self.shell(new).returncode, 3)


class Pipelines(ExampleCase):
    def test_the_steps_for_gitlab_and_github_run_their_script(self):
        self.script("deploy.sh")
        environment = {"CI_ENVIRONMENT_NAME": "production", "CI_PIPELINE_ID": "4711", "CI_COMMIT_REF_NAME": "main",
                       "GITHUB_RUN_ID": "4711", "GITHUB_REF_NAME": "main"}
        for name, before in (("gitlab-ci.yml", "    - "), ("github-actions.yml", "      - run: ")):
            with self.subTest(name):
                (line,) = [line for line in text_of("packaging", "examples", name).splitlines() if " dlock run " in line]
                self.assertTrue(line.startswith(before))
                self.assert_ran(self.shell(line[len(before):], **environment))

    def test_a_second_pipeline_waits_and_names_the_holder(self):
        self.script("deploy.sh", "cat")
        line = next(line.strip()[2:] for line in text_of("packaging", "examples", "gitlab-ci.yml").splitlines() if " dlock run " in line)
        environment = {"CI_ENVIRONMENT_NAME": "production", "CI_PIPELINE_ID": "4711", "CI_COMMIT_REF_NAME": "main"}
        with subprocess.Popen(["sh", "-c", f"exec {line}"], env={**self.env, **environment}, cwd=self.bin, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as first:
            self.addCleanup(first.kill)
            first.stdin.write("deploying\n")
            first.stdin.flush()
            self.assertEqual(first.stdout.readline(), "deploying\n")
            second = self.shell(line.replace("-w 30m", "-w 300ms"), **environment)
            self.assertEqual(second.returncode, dlock.HELD)
            self.assertIn("key 'deploy/production': the lock is held by host", second.stderr)
            self.assertIn("trace: 4711", second.stderr)
            first.stdin.close()
            self.assertEqual(first.wait(30), 0)

    def test_the_shell_lines_of_the_readme_run_their_scripts(self):
        lines = [line for block in re.findall(r"^```sh\n(.*?)^```$", text_of("README.md"), re.M | re.S)
                 for line in block.splitlines() if line.startswith("dlock run ") and line.rstrip().endswith(".sh")]
        self.assertGreater(len(lines), 3)
        for line in lines:
            with self.subTest(line):
                self.script(shlex.split(line)[-1].removeprefix("./"))
                self.assert_ran(self.shell(line, BUILD_ID="4711", RELEASE="4.2"))


class ProgramsThatLockThemselves(ExampleCase):
    """The lines of README and man page, and packaging/examples/nightly.js, in front of work in that language.

    The work reports its key and its arguments, reads its standard input to the end, and exits with 3.
    """

    SHELL = 'echo "ran $DLOCK_KEY:" "$@"\ncat >/dev/null\nexit 3\n'
    PYTHON = 'print("ran", os.environ["DLOCK_KEY"] + ":", *sys.argv[1:], flush=True)\nsys.stdin.read()\nsys.exit(3)\n'
    NODE = """console.log("ran", process.env.DLOCK_KEY + ":", ...process.argv.slice(2));
              process.stdin.resume();
              process.stdin.on("end", () => process.exit(3));"""

    def setUp(self):
        super().setUp()
        blocks = re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed$", text_of("man", "dlock.1"), re.M | re.S)
        (in_man,) = [block for block in blocks if block.startswith("[ ")]
        (in_readme,) = re.findall(r"^\[ .*\n", text_of("README.md"), re.M)
        (python,) = [block for block in blocks if block.startswith("import ")]
        self.programs = [self.program("python", sys.executable, python + self.PYTHON)]
        for shell in ("sh", "bash", "dash", "zsh"):
            if path := shutil.which(shell):
                self.programs.append(self.program(f"man.{shell}", path, f"set -eu\n{in_man}{self.SHELL}"))
                self.programs.append(self.program(f"readme.{shell}", path, f"set -eu\n{in_readme}{self.SHELL}"))
        if path := shutil.which("node"):
            self.programs.append(self.node_program(path, self.NODE))

    def program(self, name, interpreter, text):
        path = os.path.join(self.bin, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!{interpreter}\n{text}")
        os.chmod(path, 0o755)
        return path

    def node_program(self, interpreter, work):
        example, place = text_of("packaging", "examples", "nightly.js"), "// The work of the program.\n"
        self.assertIn(place, example)
        return self.program("node", interpreter, example.replace(place, work))

    def begin(self, *words, says="ran nightly:", **env):
        """Starts it. Returns when the work has begun."""
        started = subprocess.Popen(words, env={**self.env, **env}, cwd=self.bin, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, start_new_session=True)
        for clean_up in (started.stdout.close, started.wait, started.kill, started.stdin.close):  # the last one comes first
            self.addCleanup(clean_up)
        self.assertEqual(started.stdout.readline().rstrip("\n"), says)
        return started

    def run_program(self, *words, **env):
        return subprocess.run(words, env={**self.env, **env}, cwd=self.bin, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False)

    def test_of_two_copies_one_runs_and_the_other_exits_with_75(self):
        for program in self.programs:
            with self.subTest(program):
                first = self.begin(program, "a b", "c*", says="ran nightly: a b c*")
                second = self.run_program(program)
                self.assertEqual((second.returncode, second.stdout), (dlock.HELD, ""), second.stderr)
                self.assertIn("key 'nightly': the lock is held by", second.stderr)
                first.stdin.close()
                self.assertEqual(first.wait(30), 3)
                self.assertEqual(self.run_program(program).returncode, 3)

    def test_under_the_lock_of_its_key_it_runs_at_once_and_under_another_it_holds_both(self):
        for program in self.programs:
            with self.subTest(program):
                done = self.run_program("dlock", "run", "--key", "nightly", "--", program)
                self.assertEqual((done.returncode, done.stdout), (3, "ran nightly:\n"), done.stderr)
                both = self.begin("dlock", "run", "--key", "other", "--", program)
                for key in ("nightly", "other"):
                    self.assertEqual(self.run_job("true", key=key).code, dlock.HELD)
                both.stdin.close()
                self.assertEqual(both.wait(30), 3)

    def test_a_signal_reaches_the_work_and_ends_the_program(self):
        for program in self.programs:
            with self.subTest(program):
                started = self.begin(program)
                started.terminate()
                self.assertEqual(started.wait(30), -signal.SIGTERM)
                self.assertEqual(self.run_job("true", key="nightly").code, 0)

    @needs("node")
    def test_the_node_program_leaves_ctrl_c_to_the_work(self):
        program = self.node_program(shutil.which("node"), """let interrupts = 0;
              process.on("SIGINT", () => console.log(`interrupt ${++interrupts}.`));
              process.on("exit", () => console.log(`${interrupts} interrupts`));
              """ + self.NODE)
        session = PtySession("bash", self.env)
        self.addCleanup(session.close)
        session.line(program)
        session.expect("ran nightly:\n")
        session.control("c")
        session.expect(r"interrupt 1\.")
        session.control("d")
        session.expect("1 interrupts")
        session.prompt()
        self.assertEqual(session.exit_code(), 3)

    def test_without_dlock_it_does_not_run(self):
        for program in self.programs:
            with self.subTest(program):
                done = self.run_program(program, PATH=self.path("nothing"))
                self.assertNotEqual(done.returncode, 0)
                self.assertEqual(done.stdout, "")


@needs_pid_namespace
class Kubernetes(ExampleCase):
    def test_the_command_of_the_cronjob_is_pid_1_of_its_container_and_runs_once_a_day(self):
        server = RedisServer(self.path("redis"), login=Login("a password"))
        self.addCleanup(server.stop)
        (command,) = re.findall(r"^ *command: (\[.*?\])$", text_of("packaging", "examples", "kubernetes-cronjob.yaml"), re.M | re.S)
        words = json.loads(command)
        secret = words.index("--password-file") + 1
        self.assertTrue(words[secret].startswith("/run/secrets/"))
        words[secret] = self.path("password")
        with open(words[secret], "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o400)) as file:
            file.write("a password\n")
        words[1:2] = ["run", "--trust-restart"]
        self.env["DLOCK_STORE"] = server.url
        self.script("report", 'echo "ran under pid $(ps -o ppid= -p $PPID | tr -d " ")"')
        words[-1] = os.path.join(self.bin, "report")
        container = ["unshare", *unshare_user(), "--pid", "--fork", "--mount-proc"]

        def run():
            return subprocess.run([*container, *words], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        first = run()
        self.assertEqual((first.returncode, first.stdout), (0, "ran under pid 1\n"), first.stderr)
        second = run()
        self.assertEqual((second.returncode, second.stdout), (0, ""))
        self.assertIn("already done by", second.stderr)


if __name__ == "__main__":
    unittest.main()
