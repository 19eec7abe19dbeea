"""A set-user-ID dlock would run any command with the rights of its owner, so it refuses to run."""

import os
import shutil
import struct
import subprocess
import unittest

from harness import dlock
from harness.case import NOBODY, Case, as_nobody, needs_root

REVISION_2, EFFECTIVE = 0x02000000, 1
CAP_KILL = 5


@needs_root
class PrivilegedProgram(Case):
    def setUp(self):
        super().setUp()
        if os.statvfs(self.directory).f_flag & os.ST_NOSUID:
            self.skipTest("set-user-ID programs do nothing in /tmp here (nosuid)")
        os.chmod(self.directory, 0o1777)
        self.program = shutil.copy(dlock.BINARY, self.path("program"))
        self.locks = self.path("of-nobody")
        os.mkdir(self.locks, 0o700)
        os.chown(self.locks, NOBODY, NOBODY)

    def run_it(self, *words):
        done = subprocess.run([self.program, *words], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, preexec_fn=as_nobody, timeout=60, check=False)
        return done.returncode, (done.stdout + done.stderr).decode()

    def run_a_job(self):
        return self.run_it("run", "--key", "k", *self.local_store, "--status-file", self.path("status"), "--",
                           "touch", self.path("ran"))

    def assert_refused(self, remedy):
        for code, said in (self.run_a_job(), self.run_it("list"), self.run_it("--help")):
            self.assertEqual(code, dlock.CONFIG, said)
            self.assertEqual(said.count("\n"), 1, said)
            self.assertIn(remedy, said)
        self.assertFalse(os.path.exists(self.path("ran")) or os.path.exists(self.path("status")))

    def test_a_set_user_id_dlock_refuses_to_run(self):
        os.chmod(self.program, 0o4755)
        self.assert_refused("chmod ug-s")

    def test_a_set_group_id_dlock_refuses_to_run(self):
        os.chmod(self.program, 0o2755)
        self.assert_refused("chmod ug-s")

    def test_a_dlock_with_file_capabilities_refuses_to_run(self):
        try:
            os.setxattr(self.program, "security.capability", struct.pack("<5I", REVISION_2 | EFFECTIVE, 1 << CAP_KILL, 0, 0, 0))
        except OSError as why:
            self.skipTest(f"files cannot have capabilities here: {why}")
        self.assert_refused("setcap -r")

    def test_without_these_privileges_the_same_file_runs(self):
        code, said = self.run_a_job()
        self.assertEqual((code, said), (0, ""))
        self.assertTrue(os.path.exists(self.path("ran")))


if __name__ == "__main__":
    unittest.main()
