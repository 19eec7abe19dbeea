"""The reports about a run after its end: status file, metrics, hooks."""

import fcntl
import json
import os
import re
import signal
import time
import unittest

from harness import dlock, procs
from harness.case import Case, OnRedis, as_nobody, needs_root
from harness.wait import LATE, PATIENCE, hold_for, now, wait_until

OPTIONS = ["--ttl", "2s"]


def samples(text):
    """{name: {labels: value}} of a file in the text format of Prometheus, parsed strictly."""
    found, typed = {}, {}
    for line in text.splitlines():
        if comment := re.fullmatch(r"# (HELP|TYPE) (\w+) (.+)", line):
            kind, name, what = comment.groups()
            if kind == "TYPE":
                assert name not in typed, f"{name} has its type twice"
                typed[name] = what
            continue
        name, labels, value = re.fullmatch(r'(\w+)\{((?:\w+="(?:[^"\\]|\\.)*",?)+)\} (\S+)', line).groups()
        assert any(name == known or typed[known] == "summary" and name in (f"{known}_sum", f"{known}_count") for known in typed), line
        found.setdefault(name, {})[labels] = float(value)
    return found


class StatusFileTests:
    def test_the_status_file_reports_the_times_and_the_resource_use_of_the_job(self):
        burn = "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; sleep 0.3"
        ended = self.start_with_status("sh", "-c", burn, options=OPTIONS)
        self.assertEqual(ended.wait(), 0)
        told = ended.status
        self.assertGreaterEqual(told["held_ms"], 300)
        self.assertLess(told["waited_ms"], 5000 * PATIENCE)
        self.assertGreater(told["job"]["user_ms"] + told["job"]["system_ms"], 5)
        self.assertGreater(told["job"]["max_rss_kib"], 300)

    def test_the_status_file_of_a_refused_waiter_reports_the_time_waited_and_the_holder(self):
        held = self.start_run("sleep", "60", options=[*OPTIONS, "--note", "nightly"])
        held.job()
        ended = self.start_with_status("true", options=[*OPTIONS, "-w", "300ms"])
        self.assertEqual(ended.wait(), dlock.HELD)
        self.assertGreaterEqual(ended.status["waited_ms"], 300)
        self.assertEqual((ended.status["holder"]["pid"], ended.status["holder"]["note"]), (held.pid, "nightly"))
        self.assertNotIn("held_ms", ended.status)

    def test_the_status_file_of_a_lost_lock_names_who_took_it(self):
        held = self.start_with_status("sleep", "60", options=OPTIONS)
        held.job()
        store = [word for word in self.default_store if word != "--trust-restart"]
        taken = self.run_words("unlock", "--force", *store, self.key)
        self.assertEqual((taken.code, held.wait()), (0, dlock.LOST))
        self.assertEqual((held.status["outcome"], held.status["lost_to"]["pid"]), ("lock_lost", taken.pid))


class StatusFileOnTheEmbeddedStore(StatusFileTests, Case):
    pass


class StatusFileOnRedis(StatusFileTests, OnRedis):
    def test_the_status_file_reports_the_renewals(self):
        ended = self.start_with_status("sleep", "1.5", options=OPTIONS)
        self.assertEqual(ended.wait(), 0)
        renewals = ended.status["renewals"]
        self.assertGreaterEqual(renewals["count"], 2)
        self.assertGreater(renewals["mean_ms"], 0)
        self.assertGreaterEqual(renewals["max_ms"], renewals["mean_ms"])


    def test_a_loss_that_is_noticed_only_at_the_release_names_the_new_holder(self):
        end = self.path("end")
        held = self.start_with_status("/bin/sh", "-c", f"until test -e {end}; do sleep 0.02; done", options=["--ttl", "60s"])
        held.job()
        self.redis("SET", self.lock_name, '{"ownerHash":"job@other/1.1.1","processHash":"other/1.1","host":"other"}')
        with open(end, "w", encoding="ascii"):
            self.assertEqual(held.wait(), dlock.LOST)
        self.assertEqual((held.status["outcome"], held.status["lost_to"]["host"]), ("lock_lost", "other"))


class Metrics(Case):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("metrics"))
        self.file = self.path("metrics", "dlock.prom")

    def run_counted(self, *words, code=0, options=(), **how):
        ended = self.run_job(*words, options=[*OPTIONS, "--metrics-file", self.file, *options], **how)
        self.assertEqual(ended.code, code, ended.stderr)
        return ended

    def read(self):
        with open(self.file, encoding="utf-8") as file:
            return samples(file.read())

    def test_runs_are_counted_by_outcome(self):
        began = time.time()
        for _ in range(3):
            self.run_counted("sleep", "0.1")
        succeeded = time.time()
        self.run_counted("sh", "-c", "exit 3", code=3)
        held = self.start_run("sleep", "60", options=OPTIONS)
        held.job()
        self.run_counted("true", code=dlock.HELD, options=["-w", "200ms"])
        told = self.read()
        key = 'key="job"'
        self.assertEqual(told["dlock_runs_total"], {f'{key},outcome="success"': 3, f'{key},outcome="job_failed"': 1, f'{key},outcome="held"': 1})
        self.assertEqual((told["dlock_wait_seconds_count"][key], told["dlock_hold_seconds_count"][key]), (5, 4))
        self.assertGreaterEqual(told["dlock_wait_seconds_sum"][key], 0.2)
        self.assertGreaterEqual(told["dlock_hold_seconds_sum"][key], 0.3)
        self.assertEqual(told["dlock_last_exit_code"][key], dlock.HELD)
        self.assertTrue(began < told["dlock_last_success_timestamp_seconds"][key] <= succeeded + 0.01)
        self.assertGreater(told["dlock_last_run_timestamp_seconds"][key], succeeded)

    def test_several_keys_share_one_metrics_file_whatever_characters_they_contain(self):
        for key in ("a", 'quo"te', "back\\slash", "b c"):
            self.run_counted("true", key=key)
        labels = set(self.read()["dlock_last_exit_code"])
        self.assertEqual(labels, {'key="a"', 'key="quo\\"te"', 'key="back\\\\slash"', 'key="b c"'})

    def test_concurrent_runs_lose_no_count(self):
        runs = [self.start_run("true", key=f"k{number % 4}", options=["--limit", "100", "--metrics-file", self.file])
                for number in range(40)]
        self.assertEqual([run.wait() for run in runs], [0] * 40)
        self.assertEqual(sum(self.read()["dlock_runs_total"].values()), 40)
        self.assertEqual(os.listdir(self.path("metrics")), ["dlock.prom"])

    def test_a_run_waits_for_another_one_that_writes_the_metrics(self):
        self.run_job("true", options=["--metrics-file", self.file])
        with open(self.file, encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            waits = self.start_run("true", options=["--metrics-file", self.file])
            hold_for(0.5, waits.running, "dlock")
            self.assertEqual(sum(self.read()["dlock_runs_total"].values()), 1)
        self.assertEqual(waits.wait(), 0)
        self.assertEqual(sum(self.read()["dlock_runs_total"].values()), 2)

    def test_a_metrics_file_that_cannot_be_used_prevents_the_start(self):
        other = self.path("other.prom")
        with open(other, "w", encoding="ascii") as file:
            file.write("node_load1 0.5\n")
        for path, says in ((self.path("none", "x.prom"), "No such file or directory"), (other, "contains something other than metrics of dlock"),
                           (self.path(), "exists and is not a regular file"), ("/proc/x.prom", "cannot be written")):
            with self.subTest(path=path):
                refused = self.run_job("touch", self.path("ran"), options=["--metrics-file", path])
                self.assertEqual(refused.code, dlock.CONFIG)
                self.assert_says(refused, f"--metrics-file '{path}'", says)
        self.assertFalse(os.path.exists(self.path("ran")))
        with open(other, encoding="ascii") as file:
            self.assertEqual(file.read(), "node_load1 0.5\n")

    @needs_root
    def test_a_metrics_file_in_a_directory_of_another_user_prevents_the_start(self):
        os.chmod(self.path("metrics"), 0o755)
        mine = self.path("mine")
        os.mkdir(mine)
        os.chown(mine, 65534, 65534)
        refused = self.run_job("true", store=["--store", f"local:{mine}"], options=["--metrics-file", self.file], preexec_fn=as_nobody)
        self.assertEqual(refused.code, dlock.CONFIG)
        self.assert_says(refused, "--metrics-file", "Permission denied")

    def test_a_metrics_file_that_stays_locked_delays_the_end_by_at_most_ten_seconds(self):
        import fcntl
        self.run_counted("true")
        with open(self.file, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            began = now()
            ended = self.run_counted("sh", "-c", "exit 3", code=3)
            self.assertLess(now() - began, 10 + LATE + 1 * PATIENCE)
            self.assert_says(ended, "--metrics-file", "could not be written")

    def test_sigterm_ends_the_wait_for_a_locked_metrics_file(self):
        import fcntl
        self.run_counted("true")
        with open(self.file, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            ran = self.start_run("sh", "-c", "sleep 0.3; exit 1", options=[*OPTIONS, "--metrics-file", self.file, "--on-failure", f"touch {self.path('hook')}"])
            ran.engine()
            wait_until(lambda: not procs.children(ran.pid), 5, "both supervisors' work is done but for the files")
            asked = now()
            ran.signal(signal.SIGTERM)
            self.assertEqual(ran.wait(), 1)
            self.assertLess(now() - asked, 5)
            self.assert_says(ran, "could not be written", "was not run, because dlock was asked to stop")
            self.assertFalse(os.path.exists(self.path("hook")))


class ALongReport(OnRedis):
    def test_a_report_with_very_long_values_is_complete_and_runs_the_right_hook(self):
        long = "x" * 30_000
        value = {"ownerHash": f"{self.key}@{long}/1.1.1", "processHash": f"{long}/1.1", "host": long, "user": long, "command": long,
                 "note": long, "trace": long, "acquiredAt": long}
        self.redis("SET", self.lock_name, json.dumps(value))
        self.redis("SET", f"{self.prefix}proc:{long}/1.1", "{}")
        refused = self.start_with_status("true", options=["--on-skip", f"touch {self.path('skipped')}", "--on-failure", f"touch {self.path('failed')}",
                                                          "--metrics-file", self.path("metrics")], more_env={"USER": long})
        self.assertEqual(refused.wait(), dlock.HELD, refused.stderr)
        self.assertEqual(refused.status["outcome"], "held")
        self.assertLess(len(refused.status["holder"]["host"]), 5000)
        self.assertTrue(os.path.exists(self.path("skipped")))
        self.assertFalse(os.path.exists(self.path("failed")))
        with open(self.path("metrics"), encoding="utf-8") as file:
            self.assertIn('outcome="held"', file.read())


class Hooks(Case):
    TELL = 'cat > {0}/stdin; echo "$DLOCK_KEY $DLOCK_OUTCOME $DLOCK_EXIT_CODE" > {0}/env'

    def told(self):
        with open(self.path("env"), encoding="utf-8") as file:
            key, outcome, code = file.read().split()
        with open(self.path("stdin"), encoding="utf-8") as file:
            report = json.load(file)
        os.unlink(self.path("env"))  # the next hook has to write it
        return key, outcome, int(code), report

    def with_hook(self, option, *words, options=(), **how):
        return self.run_job(*words, options=[*OPTIONS, option, self.TELL.format(self.directory), *options], **how)

    def read(self, name):
        try:
            with open(self.path(name), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def hold_it(self):
        held = self.start_run("sleep", "60", options=OPTIONS)
        held.job()
        return held

    def test_a_skipped_run_runs_on_skip(self):
        held = self.hold_it()
        self.assertEqual(self.with_hook("--on-skip", "true").code, dlock.HELD)
        key, outcome, code, report = self.told()
        self.assertEqual((key, outcome, code, report["holder"]["pid"]), ("job", "held", dlock.HELD, held.pid))

    def test_a_run_whose_slot_is_used_runs_on_skip(self):
        self.run_job("true", options=["--once-per", "daily"])
        self.assertEqual(self.with_hook("--on-skip", "true", options=["--once-per", "daily"]).code, 0)
        self.assertEqual(self.told()[1], "already_done")

    def test_a_failed_run_runs_on_failure(self):
        for words, code, outcome in ((["sh", "-c", "exit 3"], 3, "job_failed"), (["sh", "-c", "kill -9 $$"], 137, "job_failed"),
                                     (["/no/such"], 127, "cannot_run")):
            with self.subTest(words=words):
                self.assertEqual(self.with_hook("--on-failure", *words).code, code)
                self.assertEqual(self.told()[:3], ("job", outcome, code))

    def test_a_lost_lock_runs_on_lost_and_without_it_on_failure(self):
        for option in ("--on-lost", "--on-failure"):
            with self.subTest(option=option):
                held = self.start_run("sleep", "60", options=[*OPTIONS, option, self.TELL.format(self.directory)])
                held.job()
                os.unlink(os.path.join(self.locks, "job.lock"))
                self.assertEqual(held.wait(), dlock.LOST)
                self.assertEqual(self.told()[1], "lock_lost")
        held = self.start_run("sleep", "60", options=[*OPTIONS, "--on-lost", "echo its-own", "--on-failure", "echo the-other"])
        held.job()
        os.unlink(os.path.join(self.locks, "job.lock"))
        self.assertEqual(held.wait(), dlock.LOST)
        self.assertIn("its-own", held.stderr)
        self.assertNotIn("the-other", held.stderr)

    def test_a_successful_run_runs_no_hook(self):
        ended = self.run_job("true", options=["--on-skip", "echo X", "--on-lost", "echo X", "--on-failure", "echo X"])
        self.assertEqual((ended.code, ended.stdout, ended.stderr), (0, "", ""))

    def test_the_lock_is_free_while_a_hook_runs_and_its_output_goes_to_stderr(self):
        store = " ".join(self.local_store)
        hook = f"{dlock.BINARY} run {store} --key job -- echo free"
        ended = self.run_job("false", options=[*OPTIONS, "--on-failure", hook])
        self.assertEqual((ended.code, ended.stdout, ended.stderr), (1, "", "free\n"))

    def test_a_hook_that_hangs_is_killed_and_reported(self):
        began = now()
        ended = self.run_job("false", options=[*OPTIONS, "--on-failure", "sleep 60 & sleep 60", "--hook-timeout", "300ms"])
        self.assertEqual(ended.code, 1)
        self.assert_says(ended, "--on-failure 'sleep 60 & sleep 60' did not end within 0.3s and was killed")
        self.assertLess(now() - began, 3 * PATIENCE)

    def test_sigterm_ends_the_wait_for_a_hook(self):
        ends = self.start_run("false", options=[*OPTIONS, "--on-failure", f": > {self.path('begun')}; sleep 60"])
        wait_until(lambda: os.path.exists(self.path("begun")), 15, "the hook runs")
        ends.signal(signal.SIGTERM)
        self.assertEqual(ends.wait(5), 1)
        self.assert_says(ends, "was killed, because dlock was asked to stop")

    def test_a_hook_that_fails_is_reported_and_does_not_change_the_exit_code(self):
        ended = self.run_job("sh", "-c", "exit 3", options=[*OPTIONS, "--on-failure", "exit 4"])
        self.assertEqual(ended.code, 3)
        self.assert_says(ended, "--on-failure 'exit 4' exited with 4")

    def test_a_hook_has_the_signal_settings_of_the_caller_and_no_descriptor_of_dlock(self):
        hook = "grep -E '^Sig(Blk|Ign)' /proc/self/status; ls /proc/$$/fd | tr '\\n' ' '"
        ended = self.run_job("false", options=[*OPTIONS, "--on-failure", hook])
        blocked, ignored, descriptors = ended.stderr.splitlines()
        self.assertEqual((int(blocked.split()[1], 16), descriptors.split()[:3]), (0, ["0", "1", "2"]))
        self.assertEqual(int(ignored.split()[1], 16) & (1 << (signal.SIGTERM - 1)), 0)
        self.assertLessEqual(len(descriptors.split()), 4)  # plus the directory that ls reads

    def test_a_hook_dies_when_the_front_is_killed(self):
        ends = self.start_run("false", options=[*OPTIONS, "--on-failure", f"echo $$ > {self.path('pid')}; exec sleep 60"])
        wait_until(lambda: self.read("pid").endswith("\n"), 15, "it runs")
        pid = int(self.read("pid"))
        ends.signal(signal.SIGKILL)
        ends.wait()
        wait_until(lambda: not procs.alive(pid), 5, "the hook is gone")

    def test_an_invalid_hook_timeout_is_refused(self):
        for bad in ("0", "soon", "-1s"):
            refused = self.run_job("true", options=["--on-failure", "true", "--hook-timeout", bad])
            self.assertEqual(refused.code, dlock.USAGE)
            self.assert_says(refused, f"--hook-timeout '{bad}'")


if __name__ == "__main__":
    unittest.main()
