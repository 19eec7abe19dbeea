"""A master, its replicas and the Sentinels that watch them: it fails over by itself or on request."""

import os
from concurrent.futures import ThreadPoolExecutor

from . import resp
from .host import HOST
from .redis_server import RedisServer
from .server_process import ServerProcess
from .wait import wait_until

MASTER_NAME = "mymaster"

# Sentinels and replicas log in as this user and clients as another, so that a test can cut them off separately.
_PEERS = resp.Login("peers-password", "peers")

# In ms. The default periods of Sentinel are made for large networks: a deployment would need 10 s to discover itself. A new
# master is pinged for the first time after one ping-period, so down_after must be longer, or the master is regarded as dead by
# then. A replica can be promoted if it has answered within five ping-periods, which must be longer than the second between two
# queries. And a busy machine must not put a delayed Sentinel into TILT, in which it does nothing for half a minute.
_RHYTHM = {"ping-period": 400, "info-period": 200, "publish-period": 200, "ask-period": 200, "tilt-trigger": 20000,
           "tilt-period": 1000}


class DataServer(RedisServer):
    def _settings(self):
        yield from super()._settings()
        yield from ("--user", _PEERS.user, "on", f">{_PEERS.password}", "~*", "&*", "+@all")
        # after the settings of the login, because the last one counts
        yield from ("--masteruser", _PEERS.user, "--masterauth", _PEERS.password)


class Sentinel(ServerProcess):
    mode = ("--sentinel",)

    def __init__(self, directory, master, *, quorum, down_after, failover_timeout, **how):
        """The times are in ms."""
        self._monitor = ("monitor", MASTER_NAME, HOST, master.service_port, quorum)
        self._times = {"down-after-milliseconds": down_after, "failover-timeout": failover_timeout}
        super().__init__(directory, **how)

    def master_port(self):
        """The port of the master that it announces."""
        return int(self("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME)[1])

    def knows(self, replicas, sentinels):
        """True if it sees so many of them, all without a fault."""
        found = [_as_dict(entry) for entry in self("SENTINEL", "REPLICAS", MASTER_NAME)]
        others = [_as_dict(entry) for entry in self("SENTINEL", "SENTINELS", MASTER_NAME)]
        return (sum(one["flags"] == "slave" and one["master-link-status"] == "ok" for one in found) == replicas and
                sum(one["flags"] == "sentinel" for one in others) == sentinels - 1)

    def _settings(self):
        yield from super()._settings()
        yield from ("--sentinel", *self._monitor)
        for name, value in self._times.items():
            yield from ("--sentinel", name, MASTER_NAME, value)
        yield from ("--sentinel", "auth-user", MASTER_NAME, _PEERS.user)
        yield from ("--sentinel", "auth-pass", MASTER_NAME, _PEERS.password)
        if self.tls:
            yield from ("--tls-replication", "yes")
        if self.login:
            yield from _accounts(self.login)

    def _start(self):
        super()._start()
        self("SENTINEL", "DEBUG", *(word for pair in _RHYTHM.items() for word in pair))


def _accounts(login):
    """How clients, and Sentinels among themselves, log in to a Sentinel."""
    if login.user is None:
        return ["--requirepass", login.password, "--sentinel", "sentinel-pass", login.password]
    return ["--user", "default", "off", "--user", login.user, "on", f">{login.password}", "~*", "&*", "+@all",
            "--sentinel", "sentinel-user", login.user, "--sentinel", "sentinel-pass", login.password]


def _as_dict(entry):
    return dict(zip(entry[::2], entry[1::2]))


class SentinelDeployment:
    """The constructor returns when replicas are in sync and all servers know each other. `options` are for the data servers."""

    def __init__(self, directory, *options, replicas=2, sentinels=3, login=None, sentinel_login=None, tls=None,
                 down_after=1000, failover_timeout=3000):
        """`login` and `sentinel_login` (resp.Login) are those of clients. The times are in ms."""
        self.servers, self.sentinels = [], []
        try:
            first = DataServer(os.path.join(directory, "data0"), *options, login=login, tls=tls)
            self.servers.append(first)
            with ThreadPoolExecutor() as pool:
                data = [pool.submit(DataServer, os.path.join(directory, f"data{number}"), *options, login=login, tls=tls,
                                    replica_of=first) for number in range(1, replicas + 1)]
                watch = [pool.submit(Sentinel, os.path.join(directory, f"sentinel{number}"), first, login=sentinel_login,
                                     tls=tls, quorum=sentinels // 2 + 1, down_after=down_after,
                                     failover_timeout=failover_timeout)
                         for number in range(sentinels)]
            self.servers += [started.result() for started in data if started.exception() is None]
            self.sentinels += [started.result() for started in watch if started.exception() is None]
            for started in (*data, *watch):
                started.result()
            self.wait_settled()
        except BaseException:
            self.stop()
            raise

    @property
    def addresses(self):
        """The addresses of the Sentinels, for a URL."""
        return ",".join(sentinel.address for sentinel in self.sentinels)

    @property
    def url(self):
        return f"{'rediss' if self.sentinels[0].tls else 'redis'}+sentinel://{self.addresses}/{MASTER_NAME}"

    # -- roles --------------------------------------------------------------------------------------------------------

    def masters(self):
        """All servers that report to be the master: two, until the old master has been told."""
        return [server for server in self.servers if server.role() == "master"]

    def master(self):
        """The server that reports to be the master. Of two the one that the Sentinels announce."""
        found = self.masters()
        if len(found) > 1:
            ports = self._announced()
            found = [server for server in found if {server.service_port} == ports]
        if len(found) != 1:
            raise AssertionError(f"no single master: {[(server.address, server.role()) for server in self.servers]}")
        return found[0]

    def replicas(self):
        return [server for server in self.servers if server.role() == "slave"]

    # -- faults -------------------------------------------------------------------------------------------------------

    def kill_master(self):
        """Kills it with SIGKILL. Returns it. The Sentinels notice after down_after: see wait_for_new_master."""
        master = self.master()
        master.stop()
        return master

    def pause_master(self):
        master = self.master()
        master.pause()
        return master

    def partition_master(self):
        """Cuts it off from Sentinels and replicas. Clients still reach it and can write. Returns it."""
        master = self.master()
        assert master.login, "without a password for clients, Sentinels and replicas get in as clients do"
        master("ACL", "SETUSER", _PEERS.user, "off")
        master("CLIENT", "KILL", "USER", _PEERS.user)
        return master

    def heal(self, server):
        server("ACL", "SETUSER", _PEERS.user, "on")
        # A refused Sentinel would retry only after 15 s.
        try:
            server("CLIENT", "KILL", "USER", "default")
        except OSError:  # a Sentinel that was not refused has made it a replica, which also closed this connection
            server("CLIENT", "KILL", "USER", "default")

    def begin_failover(self):
        """SENTINEL FAILOVER, without waiting for its end. Returns the master that will be replaced."""
        master = self.master()
        wait_until(self._failover_accepted, 10, "a Sentinel agrees to begin a failover", pause=0.05)
        return master

    def sentinel_failover(self):
        """SENTINEL FAILOVER. Returns the new master."""
        return self.wait_for_new_master(self.begin_failover())

    # -- waiting ------------------------------------------------------------------------------------------------------

    def wait_for_new_master(self, old, seconds=20):
        """Waits until all Sentinels announce another master than `old`, which reports to be one. Returns it."""
        def found():
            ports = self._announced()
            return next((server for server in self.servers
                         if server is not old and {server.service_port} == ports and server.role() == "master"), None)
        return wait_until(found, seconds, lambda: f"another master than {old.address} is announced", pause=0.02)

    def wait_settled(self, seconds=20):
        """Waits until every server that runs is the master or its replica, in sync, and every Sentinel sees that."""
        def settled():
            data = [server for server in self.servers if server.answering()]
            watching = [sentinel for sentinel in self.sentinels if sentinel.answering()]
            masters = self.masters()
            return (len(masters) == 1 and all(sentinel.knows(len(data) - 1, len(watching)) for sentinel in watching) and
                    masters[0].replicates_to(len(data) - 1))
        wait_until(settled, seconds, "all replicas are in sync and all Sentinels know of each other", pause=0.02)

    def stop(self):
        for server in (*self.sentinels, *self.servers):
            server.stop()

    def _announced(self):
        return {sentinel.master_port() for sentinel in self.sentinels if sentinel.answering()}

    def _failover_accepted(self):
        try:
            return self.sentinels[0]("SENTINEL", "FAILOVER", MASTER_NAME) == "OK"
        except resp.ReplyError as error:  # an earlier failover has not ended, or no replica has answered lately
            if not str(error).startswith(("INPROG", "NOGOODSLAVE")):
                raise
            return False
