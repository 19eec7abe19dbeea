"""Following the master through every kind of failover: what happens to the job, and that two never run at once."""

import unittest

from harness import dlock
from harness.deployment_case import LOGIN, SentinelCase
from harness.wait import LATE, now, wait_until


class Failover(SentinelCase):
    """The second contender tries all the time. In no case can two jobs run at once."""

    def test_a_job_survives_a_planned_failover(self):
        deployment = self.deploy_sentinel()
        held = self.first(seconds=8)
        new = deployment.sentinel_failover()
        self.assertEqual(self.try_second(), dlock.HELD)
        wait_until(lambda: "extendedAt" in (new("GET", f"dlock:lock:{self.key}") or ""), 5, "the lock is on the new master")
        before = new("GET", f"dlock:lock:{self.key}")
        wait_until(lambda: new("GET", f"dlock:lock:{self.key}") != before, 6, "it is renewed there")
        self.second_follows()
        self.assertEqual(held.wait(), 0, held.stderr)
        self.assert_no_overlap_so_far()

    def test_a_job_with_a_sufficient_ttl_survives_the_kill_of_the_master(self):
        self.TTL = "20s"
        deployment = self.deploy_sentinel()
        held = self.first(seconds=10)
        old = deployment.kill_master()
        deployment.wait_for_new_master(old)
        self.assertEqual(self.try_second(), dlock.HELD)
        self.second_follows(40)
        self.assertEqual(held.wait(), 0, held.stderr)
        self.assert_no_overlap_so_far()

    def test_with_a_short_ttl_the_job_ends_before_the_killed_master_is_replaced(self):
        self.TTL = "1300ms"
        deployment = self.deploy_sentinel()
        held = self.first()
        deployment.kill_master()
        self.second_follows()
        self.assertEqual(held.wait(), dlock.UNCONFIRMED, held.stderr)
        self.assert_no_overlap_so_far()

    def test_with_a_short_ttl_the_job_ends_before_the_hanging_master_is_replaced(self):
        self.TTL = "2s"
        deployment = self.deploy_sentinel()
        held = self.first()
        old = deployment.pause_master()
        self.second_follows()
        self.assertEqual(held.wait(), dlock.UNCONFIRMED, held.stderr)
        self.assert_no_overlap_so_far()
        old.resume()


class LostByTheFailover(SentinelCase):
    """A master that granted a lock without telling its replicas."""

    def deploy_and_cut_off(self):
        """A deployment whose master still grants locks, but is cut off from all others."""
        deployment = self.deploy_sentinel(login=LOGIN)
        return deployment, deployment.partition_master()

    def test_the_old_job_dies_within_one_renewal_after_the_first_reply_of_the_new_master(self):
        deployment, old = self.deploy_and_cut_off()
        held = self.first()
        new = deployment.wait_for_new_master(old)
        self.second_follows()
        # The old master still accepts writes. The holder finds the new one when the old one has stopped.
        old.stop()
        gone = now()
        self.assertEqual(held.wait(), dlock.LOST, held.stderr)
        self.assertLess(now() - gone, 6 / 5 + 1.0 * LATE)
        self.assertEqual(new.role(), "master")

    def test_with_min_replicas_no_lock_is_acquired_on_an_isolated_master(self):
        self.deploy_and_cut_off()
        started = self.run_job("true", store=self.store, options=["--ttl", self.TTL, "--min-replicas", "1"])
        self.assertEqual(started.code, dlock.UNREACHABLE)
        self.assert_says(started, "only 0 of 1 replicas")

    def test_with_min_replicas_a_job_dies_before_another_run_gets_its_lock(self):
        self.TTL = "2s"
        deployment = self.deploy_sentinel(login=LOGIN)
        held = self.first("--min-replicas", "1")
        deployment.partition_master()
        self.second_follows(40, "--min-replicas", "1")
        self.assertEqual(held.wait(), dlock.UNCONFIRMED, held.stderr)
        self.assert_no_overlap_so_far()


if __name__ == "__main__":
    unittest.main()
