"""The base of all integration tests: each test has its own directory, store and marker, and leaves nothing behind."""

import os
import shutil
import signal
import subprocess
import tempfile
import unittest
import uuid

from . import dlock, life, procs
from .headcount import Headcount
from .redis_server import PROGRAM, RedisServer
from .relay import Relay
from .wait import LATE, PATIENCE, now, wait_until

JOBTOOL = dlock.JOBTOOL
NOBODY = 65534


class Case(unittest.TestCase):
    """A test that starts dlock. It owns everything that it changes, and everything that it started is gone when it ends."""

    maxDiff = None

    def setUp(self):
        # Short, because the path of a unix socket is limited to 107 bytes. Open to other users, because some tests change the uid.
        self.directory = tempfile.mkdtemp(prefix="dl-", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.key = "job"
        self.marker = f"DLOCK_TEST_MARK={uuid.uuid4().hex}"
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith("DLOCK") and name not in ("REDISCLI_AUTH", "LISTEN_PID", "LISTEN_FDS", "NOTIFY_SOCKET", "JOURNAL_STREAM")}
        name, _, value = self.marker.partition("=")
        self.env[name] = value
        self.env["LC_ALL"] = "C.UTF-8"
        self._count = 0
        self.locks = self.path("locks")
        os.mkdir(self.locks, 0o700)
        # Last in, first out: survivors are counted while the files of the test still exist.
        self.addCleanup(self._nothing_survives)

    # -- places ---------------------------------------------------------------------------------------------------

    def path(self, *names):
        return os.path.join(self.directory, *names)

    @property
    def local_store(self):
        return ["--store", f"local:{self.locks}"]

    @property
    def default_store(self):
        """The store options of a run that names no other store."""
        return self.local_store

    def life_file(self, name="life"):
        """A life file, created now and writable for everyone, so that jobs of two users can write to it."""
        path = self.path(name)
        with open(path, "ab"):
            pass
        os.chmod(path, 0o666)
        return path

    def headcount(self, name=None):
        self._count += 1
        count = Headcount(self.path(name or f"fifo{self._count}"))
        self.addCleanup(count.close)
        return count

    # -- starting dlock -------------------------------------------------------------------------------------------

    def start(self, *words, **how):
        """Starts `dlock` with exactly these words."""
        self._count += 1
        directory = self.path(f"run{self._count}")
        os.mkdir(directory)
        env = dict(self.env)
        for name, value in how.pop("more_env", {}).items():
            if value is None:
                env.pop(name, None)
            else:
                env[name] = value
        started = dlock.Dlock(words, directory, env=how.pop("env", env), **how)
        self.addCleanup(started.destroy)
        return started

    def start_run(self, *words, store=None, key=None, options=(), **how):
        """Starts `dlock run --key KEY STORE OPTIONS -- WORDS`."""
        store = self.default_store if store is None else store
        return self.start("run", "--key", self.key if key is None else key, *store, *options, "--", *words, **how)

    def start_with_status(self, *words, options=(), **how):
        self._count += 1
        path = self.path(f"status{self._count}")
        started = self.start_run(*words, options=[*options, "--status-file", path], **how)
        started.status_file = path
        return started

    def run_job(self, *words, seconds=30, **how):
        """Runs it to its end."""
        started = self.start_run(*words, **how)
        started.wait(seconds)
        return started

    def run_words(self, *words, seconds=30, **how):
        started = self.start(*words, **how)
        started.wait(seconds)
        return started

    def hold(self, *, life=None, seconds=60, tick_options=(), **how):
        """Starts a dlock whose job ticks into a life file. Returns when the job is running."""
        path = life or self.life_file()
        before = len(_starts(path))
        started = self.start_run(JOBTOOL, "tick", path, str(seconds), *tick_options, **how)
        self.wait_job_starts(path, before, started)
        return started

    def wait_job_starts(self, path, before, started):
        def ready():
            if len(_starts(path)) > before:
                return True
            self.assertTrue(started.running(), f"dlock ended with {started.code} and no job: {started.stderr}")
            return False
        wait_until(ready, 20, "the job starts to tick")

    def take_when_free(self, path, seconds=30, job_seconds=0.3, **how):
        """The second contender: retries until it has run a short job under the lock. Returns that dlock."""
        def attempt():
            contender = self.start_run(JOBTOOL, "tick", path, str(job_seconds), **how)
            code = contender.wait(30)
            if code == dlock.HELD:
                return None
            self.assertEqual(code, 0, contender.stderr)
            return contender
        return wait_until(attempt, seconds, "the second contender gets the lock", pause=0.02)

    def start_tree(self, count=11, daemons=5, *, tree_options=(), **how):
        """Starts a job of many processes, some of them daemons. Returns (dlock, headcount) when all of them run."""
        heads = self.headcount()
        started = self.start_run(JOBTOOL, "tree", str(count), str(daemons), heads.path, *tree_options, **how)
        heads.wait_for(count + daemons, still=lambda: self.assertTrue(
            started.running() or started.code == 0, f"dlock ended with {started.code} and no job: {started.stderr}"))
        return started, heads

    # -- judging --------------------------------------------------------------------------------------------------

    def assert_no_overlap(self, path):
        self.assertEqual(life.overlap(path), 0, f"two runs were alive at once: {life.runs(path)}")

    def assert_mostly_within(self, seconds, took):
        """The fastest attempt must be within the limit; the median can contain the delay of a loaded machine.

        The times of a sanitizer build prove nothing: they must only be shorter than a wait for another event.
        """
        if PATIENCE == 1:
            self.assertLess(min(took), seconds, took)
        self.assertLess(sorted(took)[len(took) // 2], seconds * PATIENCE + LATE, took)

    def assert_gone(self, heads, seconds=1.0):
        """Every process of the tree must be gone, proved by end-of-file on the fifo that each of them had open."""
        heads.wait_gone(seconds)
        # a process closes its files a moment before it becomes a zombie
        wait_until(lambda: not any(procs.alive(pid) for pid in heads.pids), 0.5, "every pid that reported is gone")

    def assert_says(self, started, *texts):
        for text in texts:
            self.assertIn(text, started.stderr)

    def survivors(self):
        return procs.marked(self.marker)

    def _nothing_survives(self):
        try:
            wait_until(lambda: not self.survivors(), 5, "every process of this test ends")
        except AssertionError:
            left = self.survivors()
            what = procs.describe(left)
            for pid in left:
                procs.kill(pid)
            if left:
                self.fail(f"processes left behind: {what}")


class RedisCase(Case):
    """One real redis-server for the class, one key prefix for the test."""

    @classmethod
    def setUpClass(cls):
        if shutil.which(PROGRAM) is None:
            raise unittest.SkipTest(f"{PROGRAM} is not installed")
        cls._server_directory = tempfile.mkdtemp(prefix="dl-redis-", dir="/tmp")
        os.chmod(cls._server_directory, 0o755)
        cls.server = RedisServer(cls._server_directory)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        shutil.rmtree(cls._server_directory, ignore_errors=True)

    def setUp(self):
        super().setUp()
        self.redis = self.server
        self.prefix = f"t{uuid.uuid4().hex[:8]}:"
        self._servers = 0

    def own_server(self, *options, **how):
        """A server for this test alone, which the test can stop and restart. It becomes the store of the test."""
        self._servers += 1
        server = RedisServer(self.path(f"redis{self._servers}"), *options, **how)
        self.addCleanup(server.stop)
        self.redis = server
        return server

    def relay(self):
        relay = Relay(self.redis.port)
        self.addCleanup(relay.stop)
        return relay

    def store_at(self, url, *, trust=True):
        return ["--store", url, "--prefix", self.prefix, *(["--trust-restart"] if trust else [])]

    @property
    def redis_store(self):
        return self.store_at(self.redis.url)

    def by_environment(self, url):
        """Passes a URL with a password in the environment, because on the command line it would cause a warning."""
        return {"store": ["--prefix", self.prefix, "--trust-restart"], "more_env": {"DLOCK_STORE": url}}

    def through(self, relay):
        return self.store_at(relay.url)

    @property
    def lock_name(self):
        return f"{self.prefix}lock:{self.key}"

    def lock_value(self):
        return self.redis("GET", self.lock_name)

    def keys(self):
        return sorted(self.redis("KEYS", f"{self.prefix}*"))

    def liveness_ends(self):
        """When the liveness of the one run will expire, by the clock of the tests."""
        (liveness,) = self.redis("KEYS", f"{self.prefix}proc:*")
        left = self.redis("PTTL", liveness)
        return now() + left / 1000

    def wait_lock_gone(self, seconds=5):
        wait_until(lambda: self.lock_value() is None, seconds, "the lock is released")


class OnRedis(RedisCase):
    """For tests of both stores: `class X(XTests, OnRedis)` beside `class Y(XTests, Case)`."""

    @property
    def default_store(self):
        return self.redis_store


def _starts(path):
    return [line for line in life.lines(path) if line.what == "start"]


def run_quietly(*words):
    return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60 * PATIENCE, check=False)


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")


needs_root = unittest.skipUnless(os.geteuid() == 0, "needs root: it changes the uid of its processes")


def private_pid_namespace_reason():
    """Why no private pid namespace can be created here, or None."""
    if shutil.which("unshare") is None:
        return "unshare is not installed"
    done = run_quietly("unshare", *unshare_user(), "-pf", "--mount-proc", "true")
    return None if done.returncode == 0 else f"no private pid namespace here: {done.stdout.decode().strip()}"


def unshare_user():
    return [] if os.geteuid() == 0 else ["--user", "--map-root-user"]


needs_pid_namespace = unittest.skipIf(private_pid_namespace_reason(), private_pid_namespace_reason() or "")


def as_nobody():
    """For preexec_fn of Popen: another uid without groups, as when root starts an unprivileged dlock."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def ignoring(*numbers):
    """For preexec_fn of Popen: ignores signals, as nohup does and shells do for background jobs."""
    def prepare():
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
    return prepare
