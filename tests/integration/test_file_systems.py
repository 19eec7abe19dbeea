"""A local store on a file system that may be shared with other machines: FUSE stands for NFS, SMB and sshfs."""

import os
import shutil
import subprocess
import unittest

from harness import dlock
from harness.case import Case, needs_root, run_quietly


def why_no_fuse():
    if shutil.which("bindfs") is None:
        return "bindfs is not installed"
    if not os.path.exists("/dev/fuse"):
        return "no /dev/fuse here"
    return None


@needs_root
@unittest.skipIf(why_no_fuse(), why_no_fuse() or "")
class ALockDirectoryOnFuse(Case):
    def setUp(self):
        super().setUp()
        for name in ("export", "mount"):
            os.mkdir(self.path(name), 0o700)
        done = run_quietly("bindfs", self.path("export"), self.path("mount"))
        if done.returncode != 0:
            self.skipTest(f"bindfs cannot mount here: {done.stdout.decode().strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.path("mount")], check=True)
        self.locks = self.path("mount", "locks")
        self.store = ["--store", f"local:{self.locks}"]

    def test_a_run_is_refused_before_its_job_starts(self):
        refused = self.run_job("touch", self.path("ran"), store=self.store)
        self.assertEqual(refused.code, dlock.CONFIG, refused.stderr)
        self.assert_says(refused, f"the lock directory '{self.locks}' is on FUSE", "--store local:/", "--trust-file-system")
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_two_runs_that_trust_it_exclude_each_other(self):
        held = self.hold(store=[*self.store, "--trust-file-system"])
        second = self.run_job("true", store=[*self.store, "--trust-file-system"])
        self.assertEqual(second.code, dlock.HELD, second.stderr)
        held.signal(15)
        held.wait()

    def test_the_locks_of_others_can_be_shown_there(self):
        held = self.hold(store=[*self.store, "--trust-file-system"])
        shown = self.run_words("status", *self.store, self.key)
        self.assertEqual(shown.code, dlock.HELD, shown.stderr)
        held.signal(15)
        held.wait()

    def test_doctor_says_that_runs_are_refused(self):
        report = self.run_words("doctor", *self.store)
        self.assertEqual(report.code, 1)
        self.assertIn("runs are refused (78)", report.stdout)
        trusted = self.run_words("doctor", *self.store, "--trust-file-system")
        self.assertIn("cannot check whether flock(2) works there", " ".join(trusted.stdout.split()))

    def test_a_directory_beside_it_is_used(self):
        self.assertEqual(self.run_job("true", store=["--store", f"local:{self.path('own')}"]).code, 0)


if __name__ == "__main__":
    unittest.main()
