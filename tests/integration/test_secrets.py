"""A password in the memory of dlock: on the same machine only root can read it, even when dlock crashes."""

import os
import resource
import signal
import unittest

from harness import dlock, procs
from harness.case import NOBODY, RedisCase, as_nobody, needs_root, run_quietly
from harness.fake_redis import FakeRedis
from harness.resp import Login

SECRET = "correct-horse-battery"
AS_NOBODY = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
# The environment and the memory, as a debugger of the same user reads them.
LOOK = r"""
import sys
try:
    with open(f"/proc/{sys.argv[1]}/environ", "rb") as file:
        print(sys.argv[2].encode() in file.read())
    with open(f"/proc/{sys.argv[1]}/maps") as maps, open(f"/proc/{sys.argv[1]}/mem", "rb", 0) as memory:
        for line in maps:
            begin, end = (int(each, 16) for each in line.split()[0].split("-"))
            if line.split()[1][:2] == "rw" and "[heap]" in line:
                memory.seek(begin)
                print(sys.argv[2].encode() in memory.read(end - begin))
except PermissionError:
    print("refused")
"""


def with_cores():
    as_nobody()
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@needs_root
class AHeldPassword(RedisCase):
    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o1777)
        self.own_server(login=Login(SECRET))
        self.secret = self.by_environment(f"redis://:{SECRET}@127.0.0.1:{self.redis.port}")

    def hold_as_nobody(self, *words, **how):
        held = self.start_run(*(words or ("sleep", "60")), **{"preexec_fn": as_nobody, **how})
        held.job()
        return held

    def seen_in(self, pid):
        python = "/usr/bin/python3"
        if not os.path.exists(python):
            self.skipTest(f"no {python}, which any user could run")
        return run_quietly(*AS_NOBODY, python, "-c", LOOK, str(pid), SECRET).stdout.decode().split()

    def cores(self):
        return [name for name in os.listdir(self.directory) if name.startswith("core")]

    def test_no_process_of_the_same_user_can_read_a_password_from_either_supervisor(self):
        held = self.hold_as_nobody(**self.secret)
        for pid in (held.pid, held.engine()):
            self.assertEqual(self.seen_in(pid), ["refused"])

    def test_without_a_password_dlock_can_be_debugged_and_the_job_always(self):
        plain = self.hold_as_nobody(store=["--store", f"redis://127.0.0.1:{self.server.port}", "--prefix", self.prefix,
                                           "--trust-restart"])
        held = self.hold_as_nobody(**self.secret)
        for pid in (plain.pid, plain.engine()):
            self.assertNotIn("refused", self.seen_in(pid))
        self.assertEqual(self.seen_in(held.job())[0], "True")  # its environment is that of the caller, unchanged

    def core_of(self, held, pid):
        """Crashes a supervisor. True if it leaves a core file."""
        os.kill(pid, signal.SIGABRT)
        held.wait()
        found = self.cores()
        for name in found:
            os.unlink(self.path(name))
        return bool(found)

    def needs_core_files(self):
        with open("/proc/sys/kernel/core_pattern", encoding="ascii") as file:
            pattern = file.read().strip()
        if not pattern.startswith("core"):
            self.skipTest(f"core files go elsewhere here: {pattern}")
        if os.environ.get("DLOCK_SANITIZE", "none") != "none":
            self.skipTest("a sanitizer's memory makes core files of terabytes")

    def test_no_core_file_of_dlock_contains_a_password(self):
        self.needs_core_files()
        how = {"preexec_fn": with_cores, "cwd": self.directory}
        for supervisor in (lambda held: held.pid, lambda held: held.engine()):
            held = self.hold_as_nobody(**self.secret, **how)
            self.assertFalse(self.core_of(held, supervisor(held)))
            # without a password there is a core file
            plain = self.hold_as_nobody(store=["--store", f"redis://127.0.0.1:{self.server.port}", "--prefix", self.prefix,
                                               "--trust-restart"], **how)
            self.assertTrue(self.core_of(plain, supervisor(plain)))

    def test_a_job_that_crashes_leaves_its_core_file_as_without_dlock(self):
        self.needs_core_files()
        crashed = self.start_run("sh", "-c", "kill -ABRT $$", preexec_fn=with_cores, cwd=self.directory, **self.secret)
        self.assertEqual(crashed.wait(), 128 + signal.SIGABRT)
        self.assertEqual(len(self.cores()), 1)

    def test_either_supervisor_still_finds_and_kills_the_whole_job(self):
        hidden = ["unshare", "-m", "sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh", *AS_NOBODY]
        for contain, prefix in (("walk", AS_NOBODY), ("pidns", AS_NOBODY), ("walk", hidden)):
            if run_quietly(*prefix, "unshare", *(["-Upf"] if contain == "pidns" else []), "true").returncode != 0:
                continue  # not available here
            for supervisor in (lambda held: held.pid, lambda held: held.engine()):
                with self.subTest(contain=contain, prefix=prefix):
                    self.key += "-"
                    held, heads = self.start_tree(options=["--contain", contain], prefix_command=prefix, **self.secret)
                    procs.kill(supervisor(held))
                    heads.wait_gone(1)

    def test_a_password_is_in_no_message_no_status_file_and_no_value_in_redis(self):
        held = self.start_with_status("sleep", "60", options=["-v"], preexec_fn=as_nobody, **self.secret)
        held.job()
        values = [self.redis("GET", key) for key in self.keys()]
        held.signal(signal.SIGTERM)
        held.wait()
        self.assertIn("127.0.0.1", held.status["store"])
        self.assertNotIn(SECRET, f"{values}{held.stderr}{held.status}")

    def test_a_sentinel_never_gets_the_password_of_redis(self):
        fake = FakeRedis(lambda words: b"*-1\r\n")
        self.addCleanup(fake.stop)
        refused = self.run_job("true", **self.by_environment(f"redis+sentinel://:{SECRET}@127.0.0.1:{fake.port}/main"))
        self.assertEqual(refused.code, dlock.CONFIG, refused.stderr)
        self.assertTrue(fake.seen)
        self.assertNotIn(SECRET, f"{fake.seen}")


if __name__ == "__main__":
    unittest.main()
