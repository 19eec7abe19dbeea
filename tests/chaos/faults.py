"""The kinds of faults, and how they are undone. Each method is a kind and returns a function that undoes it, or None."""

import contextlib
import os
import signal
import subprocess
import threading
import time

from harness import cgroups, dlock, procs, resp
from harness.relay import DOWN, UP
from harness.wait import now, wait_until

from .world import LOCK


class NoTarget(Exception):
    """The fault has no target now."""


class Faults:
    """Plays the faults of a plan, each at its time, and undoes them. `holder` returns the run that has a job now, or None."""

    def __init__(self, world, machines, holder, recorder):
        self._world, self._machines, self._holder, self._recorder = world, machines, holder, recorder
        self._threads = []

    def play(self, fault):
        """Returns a function that undoes the fault at once."""
        try:
            target = self._target(fault)
        except NoTarget as error:
            self._recorder.tell("not done", kind=fault.kind, why=str(error))
            return lambda: None
        facts = {"kind": fault.kind, "machine": target.machine.number if target else None,
                 "run": target.name if target else None, "lasts": fault.lasts}
        facts["began"] = now()
        try:
            undo = getattr(self, fault.kind.replace("-", "_"))(target, fault)
        except (NoTarget, ProcessLookupError, OSError, resp.ReplyError, AssertionError) as error:
            self._recorder.tell("not done", kind=fault.kind, why=f"{type(error).__name__}: {error}"[:200])
            return lambda: None
        self._recorder.tell("fault", **facts)

        def undone():
            # Recorded before the undoing, so that everything a resumed job does has a later time.
            self._recorder.tell("undoing", **facts)
            if isinstance(undo, _Patient):
                self._in_background(finish)
            else:
                finish()

        def finish():
            if undo is not None:
                undo()
            self._recorder.tell("undone", **facts)
        return undone

    def finish(self):
        for thread in self._threads:
            thread.join(30)

    # -- processes ----------------------------------------------------------------------------------------------------

    def kill_front(self, run, _):
        os.kill(_there(run.front()), signal.SIGKILL)

    def kill_engine(self, run, _):
        os.kill(_there(run.engine()), signal.SIGKILL)

    def kill_job(self, run, _):
        os.kill(_there(run.job())[0], signal.SIGKILL)

    def term(self, run, _):
        os.kill(_there(run.front()), signal.SIGTERM)

    def crash(self, run, _):
        """Like a power failure: kills all processes at the same moment."""
        everybody = _there(run.everybody())
        for pid in everybody:
            procs.kill(pid, signal.SIGSTOP)
        for pid in {*everybody, *run.everybody()}:
            procs.kill(pid)

    def stop_front(self, run, _):
        return self._stop(_one(run.front()))

    def stop_engine(self, run, _):
        return self._stop(_one(run.engine()))

    def stop_job(self, run, _):
        return self._stop(_there(run.job()))

    def pause(self, run, _):
        """Like a suspended machine: stops all processes, the supervisors last, so that none notices that others stop."""
        return self._stop([*_there(run.job()), *_one(run.engine()), *_one(run.front())])

    @staticmethod
    def _stop(pids):
        def resume():
            for pid in pids:
                procs.resume(pid)
        try:
            for pid in pids:
                procs.stop(pid)
        except (ProcessLookupError, AssertionError):
            resume()
            raise
        return resume

    # -- the machine --------------------------------------------------------------------------------------------------

    def hogs(self, _, __):
        hogs = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(3)]

        def end():
            for hog in hogs:
                hog.kill()
                hog.wait()
        return end

    def memory(self, _, __):
        """The two supervisors of the holder get almost no further memory."""
        run = _there(self._holder())
        group = cgroups.memory_cgroup(1 << 20)
        for pid in (run.front(), run.engine()):
            if pid:
                group.add(pid)

        return lambda: _dissolve(group)

    def pids(self, _, __):
        """The supervisors of the holder cannot start further processes or threads."""
        run = _there(self._holder())
        group = cgroups.pids_cgroup(1)
        for pid in (run.front(), run.engine()):
            if pid:
                group.add(pid)
        return lambda: _dissolve(group)

    # -- the network --------------------------------------------------------------------------------------------------

    def cut_both(self, run, _):
        return self._cut(run, requests=True, replies=True)

    def cut_requests(self, run, _):
        return self._cut(run, requests=True, replies=False)

    def cut_replies(self, run, _):
        return self._cut(run, requests=False, replies=True)

    def loss(self, run, fault):
        return self._cut(run, requests=True, replies=True, share=0.05 + 0.4 * fault.much)

    def _cut(self, run, **how):
        self._world.network.cut(run.machine.name, **how)
        return lambda: self._world.network.mend(run.machine.name)

    def narrow(self, run, fault):
        self._world.network.narrow(run.machine.name, 8 + int(100 * fault.much))
        return lambda: self._world.network.widen(run.machine.name)

    # -- the relay ----------------------------------------------------------------------------------------------------

    def freeze(self, run, _):
        return self._on_relay(run, lambda relay: relay.freeze())

    def freeze_up(self, run, _):
        return self._on_relay(run, lambda relay: relay.freeze(UP))

    def freeze_down(self, run, _):
        return self._on_relay(run, lambda relay: relay.freeze(DOWN))

    def drip(self, run, fault):
        return self._on_relay(run, lambda relay: relay.drip(5 + 200 * fault.much))

    def delay(self, run, fault):
        return self._on_relay(run, lambda relay: relay.delay(fault.much, DOWN))

    def refuse(self, run, _):
        return self._on_relay(run, lambda relay: relay.refuse())

    def reset(self, run, _):
        self._relay_of(run).reset()

    def cut_after_request(self, run, _):
        """The next script reaches the server, and its reply is lost."""
        self._relay_of(run).cut_after(b"EVAL")

    def _on_relay(self, run, tell):
        relay = self._relay_of(run)
        tell(relay)
        return relay.thaw

    def _relay_of(self, run):
        return self._world.relays[run.machine.name]

    # -- one server ---------------------------------------------------------------------------------------------------

    def server_kill(self, _, __):
        server = self._server()
        server.stop()

        def start():
            saved = os.path.join(server.directory, "dump.rdb")
            if os.path.isfile(saved):
                os.unlink(saved)
            elif os.path.isdir(saved):  # left by misconf
                os.rmdir(saved)
            server.start_again()
        return start

    def server_pause(self, _, __):
        server = self._server()
        server.pause()
        return server.resume

    def client_kill(self, _, __):
        self._server()("CLIENT", "KILL", "TYPE", "normal")

    def client_pause(self, _, fault):
        self._server()("CLIENT", "PAUSE", int(fault.lasts * 1000), "ALL")

    def out_of_memory(self, _, __):
        self._server()("CONFIG", "SET", "maxmemory", "1")
        return self._when_answering(lambda: self._server()("CONFIG", "SET", "maxmemory", "0"))

    def misconf(self, _, __):
        """Saving fails because a directory is in the place of the file. Then the server refuses writes."""
        server = self._server()
        obstacle = os.path.join(server.directory, "dump.rdb")
        os.mkdir(obstacle)
        server("BGSAVE")

        def says(fact):
            return fact in server("INFO", "persistence")

        def save():
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # a restart or a running save has undone it
                os.rmdir(obstacle)
            wait_until(lambda: says("rdb_bgsave_in_progress:0"), 10, "the save under way ends")
            if not says("rdb_last_bgsave_status:ok"):
                server("BGSAVE")
                wait_until(lambda: says("rdb_last_bgsave_status:ok"), 10, "the server saves again")
        return self._when_answering(save)

    def script_flush(self, _, __):
        self._server()("SCRIPT", "FLUSH")

    def busy(self, _, __):
        def loop():
            try:
                client = self._server().client(timeout=20)
                client("EVAL", "while true do end", "0")
            except (OSError, resp.ReplyError, NoTarget):
                pass
        self._in_background(loop)

        def end():
            def killed():
                try:
                    self._server()("SCRIPT", "KILL")
                    return True
                except resp.ReplyError as error:
                    return "NOTBUSY" in str(error)
                except OSError:
                    return False
            wait_until(killed, 10, "the script ends", pause=0.05)
        return self._when_answering(end)

    def flushall(self, _, __):
        self._server()("FLUSHALL")

    def del_lock(self, _, __):
        _there(self._server()("DEL", LOCK))

    def del_liveness(self, _, __):
        server = self._server()
        names = _there(server("KEYS", "dlock:proc:*"))
        server("DEL", *names)

    def _server(self):
        server = self._world.server
        if server is None or not server.answering():
            raise NoTarget("the server is down or paused")
        return server

    def _when_answering(self, undo, server=None):
        """Another fault can have stopped the server or keep it busy. This one is undone together with it, without delaying the
        others."""
        server = server or self._world.server

        def undone():
            try:
                if server.answering():
                    undo()
                    return True
            except (OSError, resp.ReplyError):
                pass
            return False
        return _Patient(lambda: wait_until(undone, 30, "the server is back", pause=0.05))

    # -- Sentinel and Cluster -----------------------------------------------------------------------------------------

    def failover(self, _, __):
        self._world.deployment.begin_failover()

    def kill_master(self, _, __):
        return self._world.deployment.kill_master().start_again

    def pause_master(self, _, __):
        return self._world.deployment.pause_master().resume

    def partition_master(self, _, __):
        master = self._world.deployment.partition_master()
        return self._when_answering(lambda: self._world.deployment.heal(master), master)

    def cluster_failover(self, _, __):
        cluster = self._world.deployment
        for replica in cluster.replicas_of(cluster.node_of(LOCK))[:1]:
            replica("CLUSTER", "FAILOVER")

    def kill_node(self, _, __):
        cluster = self._world.deployment
        master = cluster.node_of(LOCK)
        cluster.kill(master)
        return master.start_again

    def migrate(self, _, fault):
        """The slot of the lock migrates to another master, its keys in two steps."""
        cluster = self._world.deployment
        slot = cluster.slot_of(LOCK)
        source = cluster.node_of_slot(slot)
        target = cluster.other_master(source)
        cluster.begin_migration(slot, target)

        def finish():
            try:
                cluster.move_keys(slot, source, target)
                cluster.finish_migration(slot, target)
            except (resp.ReplyError, OSError):  # a failover interrupted it
                cluster.call_off_migration(slot)
        return finish

    # -- name servers -------------------------------------------------------------------------------------------------

    def names_silent(self, _, fault):
        self._world.names.be_silent(both=fault.much > 0.3)
        return self._world.names.tell_the_truth

    def names_lie(self, _, __):
        self._world.names.lie()
        return self._world.names.tell_the_truth

    def names_unknown(self, _, __):
        self._world.names.forget()
        return self._world.names.tell_the_truth

    # -- one name for two servers, and passwords ----------------------------------------------------------------------

    def lead_elsewhere(self, _, __):
        self._world.lead_elsewhere()

    def rotate(self, _, fault):
        return self._world.rotate(file_first=fault.much > 0.5)

    # -- the embedded store, and an operator ------------------------------------------------------------------------

    def lock_file_removed(self, _, __):
        removed = [os.unlink(os.path.join(self._world.locks, name)) for name in os.listdir(self._world.locks)
                   if os.path.isfile(os.path.join(self._world.locks, name))]
        _there(removed)

    def force(self, _, __):
        def unlock():
            done = subprocess.run([dlock.BINARY, "unlock", "--force", "--yes", "--", self._world.key], env=self._world.env(),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            self._recorder.tell("unlocked", code=done.returncode, said=done.stdout.decode(errors="replace")[:300])
        thread = self._in_background(unlock)
        return _Patient(lambda: thread.join(30))  # a store that does not answer is retried as long as that lasts

    # -- internals ----------------------------------------------------------------------------------------------------

    def _target(self, fault):
        if fault.machine is None:
            return None
        if fault.machine == "holder":
            give_up = time.monotonic() + 0.5
            while self._holder() is None and time.monotonic() < give_up:
                time.sleep(0.005)
            return self._holder() or _there(self._machines[0].current)
        return _there(self._machines[fault.machine].current)

    def _in_background(self, work):
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread


def _dissolve(group):
    """Moves its processes back to their former cgroup."""
    for pid in group.pids():
        try:
            with open(os.path.join(os.path.dirname(group.directory), "cgroup.procs"), "w", encoding="ascii") as file:
                file.write(str(pid))
        except ProcessLookupError:
            pass
    group.remove()


class _Patient:
    """The undoing of a fault that can take some time."""

    def __init__(self, undo):
        self._undo = undo

    def __call__(self):
        self._undo()


def _there(what):
    if not what:
        raise NoTarget("not there")
    return what


def _one(pid):
    return [_there(pid)]
