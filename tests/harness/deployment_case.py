"""The base of tests on a deployment of several servers. Each test has its own, because it breaks them."""

import os

from . import dlock
from .case import Case
from .resp import Login
from .sentinel import MASTER_NAME, SentinelDeployment
from .wait import wait_until

LOGIN = Login("data-password", "jobs")


class DeploymentCase(Case):
    """`deploy` creates the deployment and sets `self.deployment` and `self.store`."""

    TTL = "6s"

    def setUp(self):
        super().setUp()
        self.life = self.life_file()

    def deploy(self, kind, *options, login=None, **how):
        """The password of `login` is passed in the environment, because on the command line it would cause a warning."""
        self.deployment = kind(self.path("servers"), *options, login=login, **how)
        self.addCleanup(self.deployment.stop)
        self.store = self.store_at(self.deployment.url, login)
        return self.deployment

    def store_at(self, url, login=None):
        if login is None:
            return ["--store", url, "--trust-restart"]
        self.env["DLOCK_STORE"] = url.replace("://", f"://{login.user}:{login.password}@")
        return ["--trust-restart"]

    def first(self, *options, **how):
        return self.hold(life=self.life, store=how.pop("store", self.store), options=["--ttl", self.TTL, *options], **how)

    def try_second(self, *options, store=None):
        """The exit code of another run that does not wait."""
        return self.run_job("true", store=store or self.store, options=["--ttl", self.TTL, *options]).code

    def second_follows(self, seconds=30, *options):
        """Retries until it has run a short job under the lock, whatever the replies are."""
        def attempt():
            contender = self.start_run(dlock.JOBTOOL, "tick", self.life, "0.3", store=self.store,
                                       options=["--ttl", self.TTL, *options])
            return contender if contender.wait(30) == 0 else None
        return wait_until(attempt, seconds, "the second contender gets the lock", pause=0.02)

    def wait_replicated(self, master, replicas):
        """Waits until so many replicas confirm a write: a new replica confirms its first one a second late."""
        master("SET", "replicated", "1")
        wait_until(lambda: master("WAIT", replicas, 1000) == replicas, 20, "the replicas confirm")

    def refused(self, code, store, *says, ttl="2s", options=()):
        ran = self.path("ran")
        started = self.run_job("touch", ran, store=store, options=["--ttl", ttl, *options])
        self.assertEqual(started.code, code, started.stderr)
        self.assert_says(started, *says)
        self.assertFalse(os.path.exists(ran))

    def assert_no_overlap_so_far(self):
        self.assert_no_overlap(self.life)


class SentinelCase(DeploymentCase):
    def deploy_sentinel(self, *options, **how):
        deployment = self.deploy(SentinelDeployment, *options, **how)
        self.wait_replicated(deployment.master(), len(deployment.servers) - 1)
        return deployment

    def url_of(self, sentinels, name=MASTER_NAME):
        return f"redis+sentinel://{','.join(sentinel.address for sentinel in sentinels)}/{name}"
