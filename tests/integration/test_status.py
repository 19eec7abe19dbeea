"""`dlock status` and `dlock list`: the output for locks in every state, as text and as JSON."""

import json
import os
import signal
import unittest

from harness import dlock, peer
from harness.case import Case, OnRedis, RedisCase
from harness.operator_case import OperatorMixin
from harness.pty_session import PtySession
from harness.wait import PATIENCE, hold_for, now, wait_until

NO_KEY, RUNNING, DEAD, ELSE, MALFORMED = 0, 75, 1, 80, 64


class StatusTests(OperatorMixin):
    def test_a_free_lock_exits_0_even_in_a_store_that_was_never_used(self):
        answer = self.status("job")
        self.assertEqual((answer.code, answer.stdout, answer.stderr), (0, "job: free\n", ""))
        self.assertEqual(self.lock(), {"key": "job", "state": "free", "holders": [], "waiting": 0, "waiters": []})

    def test_a_held_lock_exits_75_and_its_holder_is_described(self):
        held = self.hold_lock("--note", "the nightly one", "--trace", "T-1")
        answer = self.status("job")
        self.assertEqual(answer.code, dlock.HELD)
        for text in ("job: held", f"pid {held.pid}", "command   sleep 60", "note      the nightly one", "trace     T-1",
                     "since     20", "(for ", "token     ", "owner     job@", "alive"):
            self.assertIn(text, answer.stdout)
        (holder,) = self.lock()["holders"]
        self.assertEqual((holder["life"], holder["pid"], holder["command"], holder["note"], holder["trace"]),
                         ("alive", held.pid, "sleep 60", "the nightly one", "T-1"))
        self.assertRegex(holder["since"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertLess(holder["held_seconds"], 20 * PATIENCE)
        self.assertGreater(holder["token"], 0)

    def test_of_several_keys_a_held_one_decides_the_exit_code(self):
        self.hold_lock()
        self.assertEqual(self.status("a", "job", "b").code, dlock.HELD)
        self.assertEqual(self.status("a", "b").code, 0)

    def test_all_holders_are_listed_and_all_waiters_in_their_order(self):
        readers = [self.hold_lock("--shared") for _ in range(2)]
        waiters = []
        for number in range(3):
            waiters.append(self.start_run("true", options=["--ttl", "2s", "-w", "--note", f"number {number}"]))
            waiters[-1].wait_said("waiting for it")
        lock = self.lock()
        self.assertEqual(sorted(holder["pid"] for holder in lock["holders"]), sorted(reader.pid for reader in readers))
        self.assertEqual([holder["shared"] for holder in lock["holders"]], [True, True])
        self.assertEqual((lock["waiting"], [waiter["pid"] for waiter in lock["waiters"]]), (3, [waiter.pid for waiter in waiters]))
        text = self.status("job").stdout
        self.assertLess(text.index("number 0"), text.index("number 2"))

    def test_a_lock_kept_by_min_hold_exits_75_with_the_time_left(self):
        self.assertEqual(self.run_job("true", options=["--min-hold", "60s"]).code, 0)
        answer = self.status("job")
        self.assertEqual(answer.code, dlock.HELD)
        self.assertIn("its job has ended, and --min-hold keeps the lock for ", answer.stdout)
        lock = self.lock()
        self.assertEqual((lock["state"], lock["holders"][0]["life"]), ("kept", "kept"))
        self.assertAlmostEqual(lock["holders"][0]["ends_in_seconds"], 60, delta=20 * PATIENCE)

    def test_the_last_run_of_a_slot_is_shown(self):
        self.assertEqual(self.run_job("true", options=["--once-per", "daily"]).code, 0)
        lock = self.lock()
        self.assertEqual((lock["state"], lock["last_run"]["counts"], lock["last_run"]["exit_code"]), ("free", True, 0))
        self.assertIn("last run  of --once-per: by host", self.status("job").stdout)

    def test_keys_of_any_bytes_are_found_and_shown_safely(self):
        for key in ("-n", "a b", "a/b*", "x\x1b[31mred", "ü" * 200, "{tag}:x"):
            with self.subTest(key=key):
                self.key = key
                held = self.hold_lock()
                answer = self.status("--", key)
                self.assertEqual(answer.code, dlock.HELD, answer.stderr)
                listed = self.ask("list")
                self.assertIn(key.replace("\x1b", "?"), listed.stdout)
                self.assertEqual(self.ask("list", "--keys").stdout, "" if "\x1b" in key else f"{key}\n")
                self.assertNotIn("\x1b", answer.stdout + listed.stdout)
                held.signal(signal.SIGTERM)
                held.wait()

    def test_json_names_the_store(self):
        store = json.loads(self.ask("list", "--json").stdout)["store"]
        self.assertEqual(store, f"local:{self.locks}" if self.default_store == self.local_store else self.redis.url)

    # -- list --

    def test_list_shows_locks_that_are_not_free_and_match_the_pattern(self):
        for key in ("backup/a", "backup/b", "other"):
            self.hold_lock(key=key)
        self.run_job("true", key="backup/free")
        listed = self.ask("list")
        self.assertEqual((listed.code, listed.stderr), (0, ""))
        title, *rows = listed.stdout.splitlines()
        self.assertEqual(title.split(), ["KEY", "STATE", "HOST", "PID", "USER", "AGE", "WAITING", "COMMAND"])
        self.assertEqual([row.split()[:2] for row in rows], [["backup/a", "held"], ["backup/b", "held"], ["other", "held"]])
        self.assertEqual(self.ask("list", "--keys", "backup/*").stdout, "backup/a\nbackup/b\n")
        self.assertEqual(self.ask("list", "--keys", "*[b-o]").stdout, "backup/b\n")
        self.assertEqual([lock["key"] for lock in json.loads(self.ask("list", "--json", "o?her").stdout)["locks"]], ["other"])

    def test_a_pattern_that_matches_no_lock_is_reported(self):
        self.hold_lock()
        listed = self.ask("list", "x*")
        self.assertEqual((listed.code, listed.stdout), (0, ""))
        self.assert_says(listed, "no lock is held in " + self.asked_store[1], "whose key matches 'x*'")
        self.assertEqual(self.ask("list", "--keys", "x*").stdout, "")
        self.assertEqual(json.loads(self.ask("list", "--json", "x*").stdout)["locks"], [])

    # -- the states of an owner hash --

    def owner_state(self, owner):
        answer = self.status("--owner", owner)
        self.assertEqual(answer.stderr, "")
        return answer.stdout, answer.code

    def test_a_job_can_query_its_own_lock_whatever_bytes_its_key_contains(self):
        for key in ("a\nb", "a\tb", "a\\x0ab", "back\\slash", b"\xff\xfe".decode("utf-8", "surrogateescape"), "ünï?"):
            with self.subTest(key=key):
                asked = self.run_job("sh", "-c", f'{dlock.BINARY} status "$@" --owner "$DLOCK_OWNER"; echo $?', "sh",
                                     *self.asked_store, key=key)
                self.assertEqual(asked.stdout, f"RUNNING\n{RUNNING}\n", asked.stderr)

    def test_the_state_of_an_owner_is_reported(self):
        held = self.hold_lock()
        owner = self.lock()["holders"][0]["owner"]
        self.assertEqual(self.owner_state(owner), ("RUNNING\n", RUNNING))
        held.signal(signal.SIGTERM)
        held.wait()
        self.assertEqual(self.owner_state(owner), ("NO_KEY\n", NO_KEY))
        self.hold_lock()
        self.assertEqual(self.owner_state(owner), ("SOMEONE_ELSE_HOLDS_LOCK\n", ELSE))
        for malformed in ("job", "job@host", "job@host/1", "job@host/1.2", "@host/1.2.3", "job@host/1.2.3x", ""):
            self.assertEqual(self.owner_state(malformed), ("MALFORMED_OWNER_HASH\n", MALFORMED), malformed)

    # -- invalid input --

    def test_invalid_input_is_refused_with_the_remedy(self):
        for words, says in (
                (["status"], "the key is missing; write dlock status KEY"),
                (["status", ""], "the key '' is empty"),
                (["status", "x" * 513], "is too long: 513 bytes; the maximum is 512"),
                (["status", "job", "--owner", "x"], "--owner contains the key"),
                (["status", "--owner", "x", "--json"], "--owner prints one word"),
                (["status", "job", "--watch", "1ms"], "--watch '1ms' is too short; the minimum is 0.1s"),
                (["status", "job", "--timeout", "soon"], "--timeout 'soon'"),
                (["status", "job", "--ttl", "5s"], "--ttl"),
                (["list", "a", "b"], "there are two patterns, 'a' and 'b'"),
                (["list", "--keys", "--json"], "--keys and --json are mutually exclusive"),
                (["unlock"], "the key is missing; write dlock unlock KEY"),
                (["unlock", "a", "b"], "there are two keys, 'a' and 'b'")):
            with self.subTest(words=words):
                refused = self.ask(words[0], *words[1:])
                self.assertEqual((refused.code, refused.stdout), (dlock.USAGE, ""))
                self.assert_says(refused, says)


class StatusOnTheEmbeddedStore(StatusTests, Case):
    def test_a_missing_store_is_not_created(self):
        nowhere = self.path("nowhere")
        answer = self.status("job", store=["--store", f"local:{nowhere}"])
        self.assertEqual((answer.code, answer.stdout), (0, "job: free\n"))
        self.assertFalse(dlock.os.path.exists(nowhere))

    def test_a_directory_that_other_users_can_write_to_is_refused(self):
        dlock.os.chmod(self.locks, 0o777)
        refused = self.status("job")
        self.assertEqual(refused.code, dlock.CONFIG)
        self.assert_says(refused, "is writable by other users")


class StatusOnRedis(StatusTests, OnRedis):
    def test_a_dead_holder_exits_1(self):
        self.kill_machine(self.hold_lock())
        self.wait_state("dead")
        answer = self.status("job")
        self.assertEqual(answer.code, DEAD)
        self.assertIn("job: dead holder", answer.stdout)
        (holder,) = self.lock()["holders"]
        self.assertEqual(holder["life"], "dead")
        self.assertEqual(self.owner_state(holder["owner"]), ("NO_RUNNING_PROCESS\n", DEAD))
        self.assertIn("dead holder", self.ask("list").stdout)

    def test_the_age_and_the_expiry_of_the_liveness_are_reported(self):
        held = self.hold_lock()
        holder = self.lock()["holders"][0]
        self.assertLessEqual(holder["ends_in_seconds"], 2)
        self.assertLess(holder["silent_seconds"], 2)
        for pid in (held.pid, held.engine()):
            dlock.procs.stop(pid)
        silent = self.lock()["holders"][0]["silent_seconds"]
        wait_until(lambda: self.lock()["holders"][0].get("silent_seconds", 0) > silent, 2, "its silence grows")
        for pid in (held.engine(), held.pid):
            dlock.procs.resume(pid)

    def test_no_key_is_written(self):
        self.status("job")
        self.ask("list")
        self.assertEqual(self.keys(), [])

    def test_a_value_that_is_not_a_lock_is_reported_as_such(self):
        for make in (("SET", self.lock_name, "not json"), ("LPUSH", self.lock_name, "x"), ("SET", self.lock_name, "{}")):
            with self.subTest(value=make):
                self.redis("DEL", self.lock_name)
                self.redis(*make)
                answer = self.status("job")
                self.assertEqual(answer.code, dlock.HELD)
                self.assertIn("job: no lock", answer.stdout)
                self.assertEqual(self.lock()["state"], "no lock")

    def test_no_control_character_of_a_foreign_lock_reaches_the_terminal(self):
        value = {"ownerHash": "job@h/1.2.3", "processHash": "h/1.2", "acquiredAt": "\x1b[2J", "host": "h\x07\x9b31m", "pid": -1,
                 "user": "\x1b]0;x\x07", "command": "a\r\nb\t\x1b[1m", "note": "\u202e\x00", "trace": "\x85", "token": "x", "limit": -5}
        self.redis("SET", self.lock_name, json.dumps(value))
        self.redis("SET", f"{self.prefix}proc:h/1.2", "{}", "PX", 60000)
        for words in (["status", "job"], ["status", "--json", "job"], ["list"], ["list", "--json"], ["unlock", "job"]):
            answer = self.ask(words[0], *words[1:])
            shown = answer.stdout + answer.stderr
            self.assertEqual([c for c in shown if ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160], [], shown)
            self.assertNotIn("b\t", shown)

    def test_other_keys_of_the_prefix_and_other_prefixes_are_not_listed(self):
        self.hold_lock()
        self.redis("SET", f"{self.prefix}lock", "x")
        self.redis("SET", f"other{self.prefix}lock:stranger", "x")
        self.redis("SET", self.prefix.replace("t", "u", 1) + "lock:stranger", "x")
        self.assertEqual(self.ask("list", "--keys").stdout, "job\n")

    def test_a_prefix_with_pattern_characters_is_taken_literally(self):
        store = [*self.asked_store[:2], "--prefix", f"{self.prefix}[a*]?"]
        self.hold_lock(store=[*store, "--trust-restart"])
        self.hold_lock(store=[*self.asked_store[:2], "--prefix", f"{self.prefix}[ax]y", "--trust-restart"])
        self.assertEqual(self.ask("list", "--keys", store=store).stdout, "job\n")

    def test_two_thousand_locks_are_listed_quickly(self):
        for number in range(2000):
            self.redis("SET", f"{self.prefix}lock:many{number}", json.dumps(
                {"ownerHash": f"many{number}@h/1.2.3", "processHash": "h/1.2", "acquiredAt": "2026-01-01T00:00:00.000Z"}))
        began = now()
        listed = self.ask("list", "--keys")
        self.assertEqual(len(listed.stdout.splitlines()), 2000)
        self.assertLess(now() - began, 5 * PATIENCE)

    def test_a_store_that_is_away_or_does_not_answer_is_reported_in_time(self):
        server = self.own_server()
        url = server.url
        server.pause()
        began = now()
        for words in (["status", "job"], ["list"], ["unlock", "job"]):
            silent = self.ask(words[0], "--timeout", "300ms", *words[1:])
            self.assertEqual((silent.code, silent.stdout), (dlock.UNREACHABLE, ""))
            self.assert_says(silent, "did not answer", "run dlock doctor with the same options")
            self.assertEqual("dlock: key 'job': " in silent.stderr, words != ["list"], silent.stderr)
        self.assertLess(now() - began, 3 * PATIENCE)
        server.resume()
        server.stop()
        gone = self.ask("list", store=["--store", url])
        self.assertEqual(gone.code, dlock.UNREACHABLE)
        self.assert_says(gone, "Connection refused")

    @unittest.skipIf(peer.why_missing(), peer.why_missing() or "")
    def test_a_lock_of_the_node_library_is_described(self):
        holder = peer.Peer(self.directory, self.redis.port, self.prefix, ["hold", self.key, "60"], self.env, life=self.life_file())
        self.addCleanup(holder.kill)
        holder.wait_event("acquired")
        answer = self.status("job")
        self.assertEqual(answer.code, dlock.HELD)
        self.assertIn("job: held", answer.stdout)
        (found,) = self.lock()["holders"]
        self.assertEqual((found["life"], "token" in found), ("alive", False))
        self.assertLess(found["silent_seconds"], 3 * PATIENCE)
        self.assertEqual(self.owner_state(found["owner"]), ("RUNNING\n", RUNNING))


class NoStore(Case):
    def test_without_a_store_a_message_says_that_only_this_machine_is_covered(self):
        said = ("dlock: no store is configured, so only the locks of this machine are used; "
                "give --store or DLOCK_STORE (--store local hides this message)\n")
        key = self.marker
        for words, answer in ((["status", key], f"{key}: free\n"), (["status", "--json", key], None), (["list", "--json"], None),
                              (["unlock", key], f"key '{key}': the lock is free; there is nothing to unlock\n")):
            with self.subTest(words=words):
                looked = self.run_words(*words)
                self.assertEqual((looked.code, looked.stderr), (0, said))
                self.assertIn(looked.stdout, (answer or looked.stdout,))
                self.assertEqual(self.run_words(words[0], "--store", "local", *words[1:]).stderr, "")
        self.assertEqual(self.run_words("list", "--keys").stderr, "")  # its output is for shells


class StandardOutput(OperatorMixin, Case):
    """Standard output that cannot be written to."""

    def test_a_full_disk_exits_71_with_a_message(self):
        self.hold_lock()
        full = "dlock: cannot write to standard output: No space left on device\n"
        for words, said in ((["--help"], full), (["list", "*"], full), (["list", "--json", "--watch"], full), (["status", "job"], full),
                            (["doctor"], full), (["completion", "zsh"], full), (["run", "--help"], full),
                            (["unlock", "other"], full + "dlock: key 'other': the lock is free; there is nothing to unlock\n")):
            with self.subTest(words=words), open("/dev/full", "wb") as stdout:
                store = [] if {"--help", "zsh"} & {*words} else self.local_store
                ended = self.run_words(words[0], *store, *words[1:], stdout=stdout)
                self.assertEqual((ended.code, ended.stderr), (dlock.SYSTEM, said))

    def test_a_closed_reader_ends_dlock_by_sigpipe_without_a_message(self):
        reader, writer = os.pipe()
        watcher = self.start("list", "--json", "--watch", "100ms", *self.local_store, stdout=writer)
        os.close(writer)
        os.read(reader, 1)
        os.close(reader)
        watcher.wait()
        self.assertEqual((watcher.died_by, watcher.stderr), (signal.SIGPIPE, ""))


class Terminals(OperatorMixin, RedisCase):
    """Output that only a terminal gets."""

    @property
    def default_store(self):
        return self.redis_store

    def on_terminal(self, command, *, columns=80, term="xterm", **env):
        shell = PtySession("dash", {**self.env, **env})
        self.addCleanup(shell.close)
        shell.resize(24, columns)
        words = " ".join(f"'{word}'" for word in (dlock.BINARY, *command, *self.asked_store))
        shell.line(f"export TERM={term}")
        shell.prompt()
        return shell, words

    def output(self, command, **how):
        shell, words = self.on_terminal(command, **how)
        shell.line(f"{words}; echo the-end")
        return shell.expect(r"(?s)echo the-end\n(.*)the-end\n").group(1)

    def test_colours_are_used_only_on_a_terminal_and_not_where_disabled(self):
        self.hold_lock()
        self.assertIn("\033[32mheld\033[0m", self.output(["list"]))
        self.assertIn("\033[32mheld\033[0m", self.output(["status", "job"]))
        self.assertNotIn("\033", self.output(["list"], NO_COLOR="1"))
        self.assertNotIn("\033", self.output(["list"], term="dumb"))
        self.assertNotIn("\033", self.ask("list").stdout)

    def test_a_table_is_cut_to_the_width_of_the_terminal(self):
        self.hold_lock("--note", "x" * 200, command=("sh", "-c", "sleep 60 # " + "y" * 150))
        for columns in (20, 40, 80):
            for command in (["list"], ["status", "job"]):
                with self.subTest(columns=columns, command=command):
                    lines = self.output(command, columns=columns, NO_COLOR="1").splitlines()
                    self.assertLessEqual(max(map(len, lines)), columns, lines)
                    self.assertTrue(any(line.endswith("\u2026") for line in lines), lines)

    def test_json_is_never_cut(self):
        self.hold_lock()
        text = self.output(["status", "--json", "job"], columns=20)
        self.assertEqual(json.loads(text.replace("\n", ""))["locks"][0]["state"], "held")

    def test_watch_redraws_in_place_until_it_is_ended(self):
        shell, words = self.on_terminal(["list", "--watch", "200ms"], NO_COLOR="1")
        shell.line(words)
        shell.expect(r"\x1b\[2J\x1b\[Hevery 0\.2s: redis://")
        held = self.hold_lock()
        shell.expect(r"(?s)\x1b\[H.*job +held")
        held.signal(signal.SIGTERM)
        held.wait()
        shell.expect(r"\x1b\[Hevery[^\x1b]*\x1b\[K\n\x1b\[K\nKEY[^\x1b]*\x1b\[K\n\x1b\[J")
        shell.control("c")
        shell.prompt()
        self.assertEqual(shell.exit_code(), 130)

    def test_watch_continues_when_the_store_is_away_and_returns(self):
        server = self.own_server()
        watcher = self.start("status", "--json", "--watch", "100ms", "--timeout", "200ms", *self.asked_store, "job")
        wait_until(lambda: watcher.stdout.count("\n") >= 2, 10, "it shows the lock")
        server.pause()
        watcher.wait_said("did not answer")
        server.resume()
        shown = watcher.stdout.count("\n")
        wait_until(lambda: watcher.stdout.count("\n") > shown + 1, 10, "it shows the lock again")
        for line in watcher.stdout.splitlines():
            self.assertEqual(json.loads(line)["locks"][0]["state"], "free")
        hold_for(0.2, watcher.running, "it")


if __name__ == "__main__":
    unittest.main()
