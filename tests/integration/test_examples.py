"""The command lines of README and packaging/examples do what is documented there."""

import json
import os
import re
import shlex
import subprocess
import unittest

from harness import dlock
from harness.case import Case, needs_pid_namespace, unshare_user
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
