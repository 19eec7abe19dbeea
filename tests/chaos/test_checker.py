"""The checker detects breaches: handwritten histories that each break one invariant, and a sound one that breaks none."""

import json
import os
import shutil
import tempfile
import unittest

from .checker import Checker
from .history import History

PLAN = {"seed": 0, "deployment": "redis", "sharing": "alone", "limit": 1, "ttl": 2.0, "trusts_restart": True, "plays": 7.0,
        "machines": [[], []], "faults": []}


class CheckerTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="dl-checker-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.directory)
        self.plan, self.events, self.samples, self.leases = dict(PLAN), [], [], []
        self.run_of("m0-1", 10.0, 11.0, token=1)
        self.run_of("m1-1", 11.1, 12.0, token=2, machine=1)
        self.tell(20.0, "left", processes="", keys={})
        self.tell(20.1, "end")

    # -- a history ----------------------------------------------------------------------------------------------------

    def tell(self, at, what, **facts):
        self.events.append({"at": at, "what": what, **facts})

    def run_of(self, name, first, last, *, token, machine=0, code=0, finished=True, options=(), expected=0, pauses=(),
               waited_since=None):
        """A run whose job wrote a sign of life every 5 ms, except in the pauses [(from, to)]."""
        self.tell(first - 0.1 if waited_since is None else waited_since, "run", run=name, machine=machine, options=list(options), clock="true")
        self.tell(last + 0.05, "ended", run=name, machine=machine, code=code, expected=expected, probe=False, waits=False)
        ticks = [first + 0.005 * count for count in range(int((last - first) / 0.005) + 1)]
        ticks = [tick for tick in ticks if not any(begin < tick < end for begin, end in pauses)]
        with open(os.path.join(self.directory, f"life-{name}"), "w", encoding="ascii") as file:
            for place, tick in enumerate(ticks):
                what = "start" if place == 0 else "end" if finished and place == len(ticks) - 1 else "tick"
                file.write(f"{what} {token} 7 {int(tick * 1e9)}\n")

    def fault(self, kind, begin, end, *, run=None, machine=None):
        facts = {"kind": kind, "run": run, "machine": machine, "lasts": end - begin}
        self.tell(begin, "fault", began=begin, **facts)
        self.tell(end, "undoing", **facts)
        self.tell(end, "undone", **facts)

    def sample(self, at, token, alive_ms=2000):
        self.samples.append({"sent": at, "received": at + 0.001, "owner": f"job@m/{token}" if token else None, "token": token,
                             "liveness": f"dlock:proc:{token}", "alive_ms": alive_ms, "clients": 2})

    def lease(self, at, token):
        self.leases.append({"at": at, "liveness": f"dlock:proc:{token}", "ttl_ms": 2000})

    def breaches(self):
        with open(os.path.join(self.directory, "plan.json"), "w", encoding="utf-8") as file:
            json.dump(self.plan, file)
        for name, facts in (("events", self.events), ("samples", self.samples), ("leases", self.leases)):
            with open(os.path.join(self.directory, f"{name}.jsonl"), "w", encoding="utf-8") as file:
                file.writelines(json.dumps(fact) + "\n" for fact in facts)
        return Checker(History(self.directory)).breaches()

    def assert_breach(self, rule):
        found = self.breaches()
        self.assertTrue(any(breach.startswith(rule) for breach in found), found)

    # -- what it finds ------------------------------------------------------------------------------------------------

    def test_a_sound_history_breaks_no_invariant(self):
        self.sample(10.5, 1)
        self.sample(11.5, 2)
        self.assertEqual(self.breaches(), [])

    def test_two_jobs_at_once_for_5_ms_are_an_overlap(self):
        self.run_of("m0-2", 13.0, 14.0, token=3)
        self.run_of("m1-2", 13.995, 15.0, token=4, machine=1)
        self.assert_breach("no overlap")

    def test_three_jobs_with_a_limit_of_two_are_an_overlap(self):
        self.plan.update(sharing="limit", limit=2)
        for number in range(3):
            self.run_of(f"m0-{number + 2}", 13.0 + number / 10, 14.0, token=number + 3, options=["--limit", "2"])
        self.assert_breach("no overlap")

    def test_two_jobs_with_a_limit_of_two_are_no_overlap(self):
        self.plan.update(sharing="limit", limit=2)
        for number in range(2):
            self.run_of(f"m0-{number + 2}", 13.0 + number / 10, 14.0, token=number + 3, options=["--limit", "2"])
        self.assertEqual(self.breaches(), [])

    def test_a_writer_beside_a_reader_is_an_overlap(self):
        self.plan.update(sharing="shared")
        self.run_of("m0-2", 13.0, 14.0, token=3, options=["--shared"])
        self.run_of("m1-2", 13.5, 15.0, token=4, machine=1)
        self.assert_breach("no overlap")

    def test_lost_memory_of_the_store_excuses_an_overlap_of_one_renewal_interval_only(self):
        self.fault("flushall", 13.4, 13.4)
        self.run_of("m0-2", 13.0, 13.9, token=3, code=80, finished=False)
        self.run_of("m1-2", 13.5, 15.0, token=4, machine=1)
        self.assertEqual(self.breaches(), [])
        self.run_of("m0-3", 15.1, 18.0, token=5, code=80, finished=False)
        self.fault("flushall", 15.5, 15.5)
        self.run_of("m1-3", 15.6, 18.5, token=6, machine=1)
        self.assert_breach("no overlap")

    def test_a_stopped_job_is_no_overlap_and_a_job_that_continues_after_it_was_resumed_is(self):
        self.fault("pause", 13.2, 16.0, run="m0-2", machine=0)
        self.run_of("m0-2", 13.0, 16.1, token=3, code=81, finished=False, pauses=[(13.2, 16.0)])
        self.run_of("m1-2", 15.3, 17.5, token=4, machine=1)
        self.assertEqual(self.breaches(), [])
        self.run_of("m0-2", 13.0, 17.0, token=3, code=81, finished=False, pauses=[(13.2, 16.0)])
        self.assert_breach("no overlap")

    def test_a_job_that_survives_the_death_of_its_machine_is_an_overlap(self):
        self.fault("crash", 13.5, 13.5, run="m0-2", machine=0)
        self.run_of("m0-2", 13.0, 16.1, token=3, code=137, finished=False)
        self.run_of("m1-2", 15.3, 17.5, token=4, machine=1)
        self.assert_breach("no overlap")

    def test_a_fault_of_another_machine_excuses_no_overlap(self):
        self.fault("pause", 13.2, 16.0, run="m1-1", machine=1)
        self.run_of("m0-2", 13.0, 16.1, token=3)
        self.run_of("m1-2", 15.3, 17.5, token=4, machine=1)
        self.assert_breach("no overlap")

    def test_a_token_that_does_not_rise_is_a_breach(self):
        self.run_of("m0-2", 13.0, 14.0, token=2)
        self.assert_breach("tokens increase")

    def test_tokens_that_two_masters_grant_at_the_same_moment_have_no_order(self):
        self.fault("flushall", 12.995, 12.995)
        self.run_of("m0-2", 13.0, 13.3, token=4, code=80, finished=False)
        self.run_of("m1-2", 13.01, 14.0, token=3, machine=1)
        self.assertEqual(self.breaches(), [])

    def test_a_later_token_of_the_second_master_must_be_higher(self):
        self.fault("flushall", 14.4, 14.4)
        self.run_of("m0-2", 13.0, 14.7, token=4, code=80, finished=False)
        self.run_of("m1-2", 14.5, 15.0, token=3, machine=1)
        self.assert_breach("tokens increase")

    def test_a_job_that_runs_after_its_lock_was_released_is_a_breach(self):
        self.sample(10.5, None)
        self.assert_breach("the lock belongs to the job")

    def test_a_job_that_runs_while_another_run_has_the_lock_is_a_breach(self):
        self.sample(10.5, 2)
        self.assert_breach("the lock belongs to the job")

    def test_a_job_that_outlives_its_liveness_is_a_breach(self):
        self.fault("cut-both", 13.1, 17.0, machine=0)
        self.run_of("m0-2", 13.0, 15.2, token=3, code=81, finished=False)
        self.sample(13.1, 3, alive_ms=2000)
        self.sample(15.13, 3, alive_ms=-2)
        self.assert_breach("nobody outlives the lease")

    def test_a_job_that_outlives_its_liveness_in_an_outage_is_a_breach(self):
        self.fault("client-pause", 13.5, 17.0)
        self.run_of("m0-2", 13.0, 15.45, token=3, code=81, finished=False)
        self.sample(13.1, 3, alive_ms=2000)
        self.tell(9.0, "feed", up=True)
        self.lease(13.4, 3)
        self.assert_breach("nobody outlives the lease")
        self.lease(13.46, 3)
        self.assertEqual(self.breaches(), [])
        self.tell(13.45, "feed", up=False)
        self.leases.pop()
        self.assertEqual(self.breaches(), [])

    def test_a_renewal_that_was_not_observed_is_no_breach(self):
        self.fault("client-pause", 13.5, 17.0)
        self.run_of("m0-2", 13.0, 15.2, token=3, code=81, finished=False)
        self.sample(13.1, 3, alive_ms=2000)
        self.sample(17.1, 3, alive_ms=-2)
        self.assertEqual(self.breaches(), [])

    def test_a_wrong_exit_code_is_a_breach(self):
        for code, finished in ((0, False), (75, True), (80, False), (81, False), (71, False), (137, False), (143, False), (70, False),
                               (69, True)):
            with self.subTest(code=code):
                self.run_of("m0-2", 13.0, 14.0, token=3, code=code, finished=finished)
                self.assert_breach("codes are true")
                self.events = [event for event in self.events if event.get("run") != "m0-2"]

    def test_a_job_that_is_killed_after_a_short_outage_is_a_breach(self):
        self.fault("cut-both", 13.6, 13.65, machine=0)
        self.run_of("m0-2", 13.0, 14.0, token=3, code=81, finished=False)
        self.assert_breach("no needless kill")

    def test_a_lock_that_is_not_free_in_time_is_a_breach(self):
        self.tell(19.0, "probed", machine=0, code=0, took=9.0)
        self.assert_breach("free again")

    def test_a_waiter_that_a_killed_supervisor_delays_by_a_lease_is_a_breach(self):
        for kind in ("kill-engine", "kill-front"):
            with self.subTest(kind=kind):
                before = list(self.events)
                self.fault(kind, 14.0, 14.0, run="m0-2", machine=0)
                self.run_of("m0-2", 13.0, 14.0, token=3, code=71, finished=False)
                self.run_of("m1-2", 14.1, 15.5, token=4, machine=1)
                self.assertEqual(self.breaches(), [])
                self.events = self.events[:-2]
                self.run_of("m1-2", 15.9, 16.5, token=4, machine=1, waited_since=13.5)
                self.assert_breach("prompt after a kill")
                self.fault("cut-both", 14.5, 15.0, machine=1)  # which can be the cause as well
                self.assertEqual(self.breaches(), [])
                self.events = before

    def test_a_refused_password_that_was_right_is_a_breach(self):
        self.run_of("m0-2", 13.0, 14.0, token=3, code=77, finished=False)
        os.unlink(os.path.join(self.directory, "life-m0-2"))
        open(os.path.join(self.directory, "life-m0-2"), "w", encoding="ascii").close()
        self.assert_breach("codes are true")
        self.fault("rotate", 13.0, 13.5)
        self.assertEqual(self.breaches(), [])

    def test_a_process_a_lock_or_a_key_that_is_left_is_a_breach(self):
        for left in ({"processes": "12 sleep", "keys": {}}, {"processes": "", "keys": {"dlock:lock:job": 9000}},
                     {"processes": "", "keys": {"dlock:fence:job": -1}}):
            with self.subTest(left=left):
                self.events = [event for event in self.events if event["what"] != "left"]
                self.tell(20.0, "left", **left)
                self.assert_breach("nothing left")

    def test_an_episode_with_a_missing_part_is_a_breach(self):
        self.events = [event for event in self.events if event["what"] != "end"]
        self.assert_breach("complete")

    def test_more_connections_than_the_runs_need_are_a_breach(self):
        self.sample(10.5, 1)
        self.samples[-1]["clients"] = 30
        self.assert_breach("few connections")


if __name__ == "__main__":
    unittest.main()
