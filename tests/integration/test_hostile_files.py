"""Files of another user where dlock reads its settings and writes its results."""

import os
import unittest

from harness import dlock
from harness.case import Case
from harness.wait import PATIENCE, now


class Settings(Case):
    def test_a_configuration_file_that_is_writable_for_everyone_is_refused(self):
        settings = self.path("dlock.toml")
        with open(settings, "w", encoding="ascii") as file:
            file.write(f'on-failure = "touch {self.path("ran")}"\n')
        os.chmod(settings, 0o646)
        for how in ({"options": ["--config", settings]}, {"more_env": {"DLOCK_CONFIG": settings}}):
            refused = self.run_job("false", **how)
            self.assertEqual(refused.code, dlock.CONFIG, refused.stderr)
            self.assert_says(refused, settings, "chmod o-w")
            self.assertFalse(os.path.exists(self.path("ran")))

    def test_an_empty_configuration_can_still_be_chosen_with_dev_null(self):
        self.assertEqual(self.run_job("true", options=["--config", "/dev/null"]).code, 0)


class Results(Case):
    """A job, or another process with write access, changes the directory while the job runs."""

    def test_a_pipe_in_the_place_of_the_metrics_file_does_not_block(self):
        metrics = self.path("metrics")
        began = now()
        ended = self.run_job("mkfifo", metrics, options=["--metrics-file", metrics])
        self.assertEqual(ended.code, 0)
        self.assert_says(ended, "--metrics-file", "could not be written")
        self.assertLess(now() - began, 5 * PATIENCE)

    def test_a_link_in_the_place_of_a_result_file_is_not_followed(self):
        with open(self.path("precious"), "w", encoding="ascii") as file:
            file.write("precious")
        for option in ("--metrics-file", "--status-file"):
            result = self.path(option)
            self.run_job("ln", "-s", self.path("precious"), result, options=[option, result])
            with open(self.path("precious"), encoding="ascii") as file:
                self.assertEqual(file.read(), "precious")


if __name__ == "__main__":
    unittest.main()
