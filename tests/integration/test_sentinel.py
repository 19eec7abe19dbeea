"""A master, two replicas and three Sentinels: finding the master, and waiting for its replicas."""

import os
import unittest

from harness import dlock, life
from harness.certificates import certificates
from harness.deployment_case import LOGIN, DeploymentCase, SentinelCase
from harness.redis_server import RedisServer
from harness.resp import Login
from harness.wait import LATE, hold_for, now


class FindingTheMaster(SentinelCase):
    def test_a_lock_is_held_refused_and_released_on_the_master(self):
        deployment = self.deploy_sentinel()
        held = self.first()
        self.assertIsNotNone(deployment.master()("GET", f"dlock:lock:{self.key}"))
        self.assertEqual(self.try_second(), dlock.HELD)
        held.signal(15)
        self.assertEqual(held.wait(), 143)
        self.assertEqual(self.try_second(), 0)

    def test_sentinels_that_are_dead_or_hang_are_skipped(self):
        deployment = self.deploy_sentinel()
        deployment.sentinels[0].stop()
        self.assertEqual(self.try_second(), 0)
        deployment.sentinels[1].pause()
        begun = now()
        self.assertEqual(self.try_second(), 0)
        self.assertLess(now() - begun, 3 + LATE)  # all Sentinels together have half of --ttl

    def test_if_all_sentinels_are_down_the_run_is_refused(self):
        deployment = self.deploy_sentinel()
        for sentinel in deployment.sentinels:
            sentinel.stop()
        self.refused(dlock.UNREACHABLE, self.store, "no Sentinel reported the master", "Connection refused")

    def test_a_master_name_that_the_sentinels_do_not_know_is_refused(self):
        deployment = self.deploy_sentinel()
        self.refused(dlock.CONFIG, self.store_at(self.url_of(deployment.sentinels, "other")), "knows no master 'other'")

    def test_a_redis_given_as_a_sentinel_and_a_sentinel_given_as_a_redis_are_refused(self):
        deployment = self.deploy_sentinel()
        self.refused(dlock.CONFIG, self.store_at(self.url_of([deployment.master()])), "is not a Sentinel")
        self.refused(dlock.CONFIG, self.store_at(deployment.sentinels[0].url), "or redis+sentinel://host:port/master for a Sentinel")

    def test_a_replica_given_as_a_redis_is_refused(self):
        deployment = self.deploy_sentinel()
        self.refused(dlock.UNREACHABLE, self.store_at(deployment.replicas()[0].url), "is a replica")

    def test_the_master_and_the_sentinels_have_separate_logins(self):
        self.deploy_sentinel(login=LOGIN, sentinel_login=Login("watch-password", "watcher"))
        secret = self.path("sentinel-password")
        with open(secret, "w", opener=lambda path, flags: os.open(path, flags, 0o600), encoding="ascii") as file:
            file.write("watch-password\n")
        known = [*self.store, "--sentinel-user", "watcher", "--sentinel-password-file", secret]
        self.assertEqual(self.try_second(store=known), 0)
        self.refused(dlock.REFUSED, self.store, "requires a password")
        self.env["DLOCK_SENTINEL_PASSWORD"] = "wrong"
        self.refused(dlock.REFUSED, [*self.store, "--sentinel-user", "watcher"], "rejected the user or the password")
        self.env["DLOCK_SENTINEL_PASSWORD"] = "watch-password"
        self.assertEqual(self.try_second(store=[*self.store, "--sentinel-user", "watcher"]), 0)

    def test_tls_is_used_to_the_sentinels_and_the_master(self):
        made = certificates()
        deployment = self.deploy_sentinel(tls=made.tls())
        self.assertTrue(deployment.url.startswith("rediss+sentinel://"))
        self.refused(dlock.REFUSED, self.store, "not signed by a trusted CA")
        self.assertEqual(self.try_second("--tls-cacert", made.ca), 0)


    def test_status_list_and_unlock_use_the_master(self):
        deployment = self.deploy_sentinel()
        held = self.first()
        looked_at = ["--store", deployment.url]
        self.assertEqual(self.run_words("list", "--keys", *looked_at).stdout, f"{self.key}\n")
        self.assertEqual(self.run_words("status", *looked_at, self.key).code, dlock.HELD)
        freed = self.run_words("unlock", "--force", *looked_at, self.key)
        self.assertEqual((freed.code, held.wait()), (0, dlock.LOST), freed.stderr)

    def test_no_lock_is_created_on_a_master_younger_than_the_ttl(self):
        deployment = self.deploy_sentinel()
        waiting = self.start_run("true", store=["--store", deployment.url], options=["--ttl", "60s"])
        waiting.wait_said("--trust-restart")
        self.assertIsNone(deployment.master()("GET", f"dlock:lock:{self.key}"))
        waiting.signal(15)
        waiting.wait(5)
        self.assertEqual(waiting.died_by, 15, waiting.stderr)


class Replicas(SentinelCase):
    def test_an_acquisition_needs_confirmation_by_the_given_number_of_replicas(self):
        self.deploy_sentinel()
        for replicas in ("1", "2"):
            self.assertEqual(self.try_second("--min-replicas", replicas), 0)
        begun = now()
        refused = self.run_job("true", store=self.store, options=["--ttl", "6s", "--min-replicas", "3", "--replica-timeout", "200ms"])
        self.assertEqual(refused.code, dlock.UNREACHABLE)
        self.assert_says(refused, "only 2 of 3 replicas", "0.2s")
        self.assertLess(now() - begun, 1.5 * LATE)
        self.assertEqual(self.try_second(), 0)  # the refused run has released what it had

    def test_the_loss_of_a_replica_counts_as_no_answer_and_ends_the_job_at_the_deadline(self):
        self.TTL = "2s"
        deployment = self.deploy_sentinel()
        held = self.first("--min-replicas", "2")
        hold_for(2.5, held.running, "the job")
        deployment.replicas()[0].stop()
        stopped = now()
        self.assertEqual(held.wait(), dlock.UNCONFIRMED, held.stderr)
        self.assertLess(now() - stopped, 2 + 0.5 * LATE)
        self.assert_says(held, "only 1 of 2 replicas")
        self.assertEqual(len(life.runs(self.life)), 1)


class Alone(DeploymentCase):
    def test_a_server_without_replicas_does_not_satisfy_min_replicas(self):
        server = RedisServer(self.path("redis"))
        self.addCleanup(server.stop)
        refused = self.run_job("true", store=self.store_at(server.url), options=["--min-replicas", "1"])
        self.assertEqual(refused.code, dlock.UNREACHABLE)
        self.assert_says(refused, "only 0 of 1 replicas")

    def test_invalid_numbers_are_refused(self):
        for options, says in ((["--min-replicas", "-1"], "--min-replicas '-1'"), (["--min-replicas", "x"], "--min-replicas 'x'"),
                              (["--min-replicas", "1", "--replica-timeout", "0"], "--replica-timeout '0'"),
                              (["--min-replicas", "1", "--replica-timeout", "2s"], "--replica-timeout '2s'")):
            with self.subTest(options=options):
                refused = self.run_job("true", store=self.store_at("redis://127.0.0.1:1"), options=options)
                self.assertEqual(refused.code, dlock.USAGE, refused.stderr)
                self.assert_says(refused, says)


if __name__ == "__main__":
    unittest.main()
