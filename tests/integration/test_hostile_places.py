"""Files and directories of another user at the lock directory of the embedded store and above it."""

import os
import unittest

from harness import dlock
from harness.case import NOBODY, Case, needs_root


class HostilePlaces(Case):
    def refuse(self, ended, *texts):
        self.assertEqual(ended.code, dlock.CONFIG, ended.stderr)
        self.assertEqual(len(ended.own_lines), 1, ended.stderr)
        self.assert_says(ended, *texts)
        self.assertFalse(os.path.exists(self.path("ran")))

    def run_touch(self, **how):
        return self.run_job("touch", self.path("ran"), **how)


class AboveTheLocks(HostilePlaces):
    """A user who can replace the lock directory can make two jobs run at once."""

    def below(self, mode, owner=None):
        above = self.path("above")
        os.mkdir(above)
        os.chmod(above, mode)
        if owner is not None:
            os.chown(above, owner, owner)
        return ["--store", f"local:{above}/locks"]

    def test_a_parent_directory_that_is_writable_for_everyone_is_refused(self):
        self.refuse(self.run_touch(store=self.below(0o777)), "renamed by other users", self.path("above"), "--store")

    @needs_root
    def test_a_parent_directory_of_another_user_is_refused(self):
        self.refuse(self.run_touch(store=self.below(0o755, NOBODY)), "renamed by other users", f"user id {NOBODY}")

    def test_a_link_that_other_users_can_replace_is_refused(self):
        self.below(0o777)
        os.mkdir(self.path("real"))
        os.symlink(self.path("real"), self.path("above", "link"))
        self.refuse(self.run_touch(store=["--store", f"local:{self.path('above', 'link')}/locks"]), "renamed by other users")

    def test_a_link_into_a_directory_that_is_writable_for_everyone_is_refused(self):
        self.below(0o777)
        os.symlink(self.path("above"), self.path("link"))
        self.refuse(self.run_touch(store=["--store", f"local:{self.path('link')}/locks"]), "renamed by other users")

    def test_a_sticky_parent_and_one_of_the_own_group_are_accepted(self):
        self.assertEqual(self.run_job("true", store=self.below(0o1777)).code, 0)
        os.chmod(self.path("above"), 0o775)
        self.assertEqual(self.run_job("true", store=["--store", f"local:{self.path('above')}/locks"]).code, 0)


class LockFiles(HostilePlaces):
    """Lock files in a directory that was once writable for other users."""

    def setUp(self):
        super().setUp()
        self.lock = os.path.join(self.locks, "job.lock")

    @needs_root
    def test_a_lock_file_of_another_user_is_refused(self):
        with open(self.lock, "wb"):
            pass
        os.chown(self.lock, NOBODY, NOBODY)
        self.refuse(self.run_touch(), f"user id {NOBODY}", "remove it")

    def test_a_lock_file_that_is_a_hard_link_is_refused_and_left_unchanged(self):
        with open(self.path("precious"), "w", encoding="ascii") as file:
            file.write("precious")
        os.link(self.path("precious"), self.lock)
        self.refuse(self.run_touch(), "hard link", "remove it")
        with open(self.path("precious"), encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")


if __name__ == "__main__":
    unittest.main()
