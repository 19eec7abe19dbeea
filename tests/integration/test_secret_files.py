"""Files with secrets: as Kubernetes, Docker and systemd mount them, and those that somebody else can read or change."""

import os
import struct
import threading
import time
import unittest

from harness import dlock
from harness.case import NOBODY, Case, RedisCase, as_nobody, needs, needs_root, private_pid_namespace_reason, run_quietly
from harness.certificates import certificates
from harness.redis_server import RedisServer
from harness.resp import Login

SECRET = "correct-horse-battery"
STRANGER = 4712
# <linux/posix_acl.h>
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
NO_ID = 0xFFFFFFFF


def set_acl(path, *named, mask=4, group=0):
    """As setfacl does it: named entries beside an owner who can read the file."""
    entries = [(USER_OBJ, 4, NO_ID), *sorted(named), (GROUP_OBJ, group, NO_ID), (MASK, mask, NO_ID), (OTHER, 0, NO_ID)]
    entries.sort(key=lambda entry: entry[0])
    os.setxattr(path, "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in entries))


def why_no_mounts():
    done = run_quietly("unshare", "-m", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/mnt")
    return None if done.returncode == 0 else f"no private mounts here: {done.stdout.decode().strip()}"


class SecretCase(RedisCase):
    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o1777)
        self.own_server(login=Login(SECRET))

    def secret(self, mode, owner=0, group=0, name="secret"):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(SECRET + "\n")
        os.chown(path, owner, group)
        os.chmod(path, mode)
        return path

    def run_with_file(self, path, *, preexec_fn=as_nobody, **how):
        return self.run_job("touch", self.path("ran"), store=["--store", self.redis.url, "--trust-restart"],
                            options=["--password-file", path], preexec_fn=preexec_fn, **how)

    def ran(self):
        try:
            os.unlink(self.path("ran"))
            return True
        except FileNotFoundError:
            return False

    def assert_used(self, path, **how):
        done = self.run_with_file(path, **how)
        self.assertEqual(done.code, 0, done.stderr)
        self.assertTrue(self.ran())

    def assert_refused(self, path, *says, **how):
        refused = self.run_with_file(path, **how)
        self.assertEqual(refused.code, dlock.CONFIG, refused.stderr)
        self.assert_says(refused, "--password-file", path, *says)
        self.assertFalse(self.ran())


@needs_root
class ByModeAndOwner(SecretCase):
    def test_a_file_of_root_that_a_group_of_this_user_can_read_is_used(self):
        self.assert_used(self.secret(0o440, 0, NOBODY))
        self.assert_used(self.secret(0o640, 0, NOBODY))

    def test_a_supplementary_group_is_a_group_of_this_user(self):
        def with_a_group():
            os.setgroups([STRANGER])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        self.assert_used(self.secret(0o440, 0, STRANGER), preexec_fn=with_a_group)

    def test_the_own_file_of_a_user_is_used_if_at_most_its_group_can_read_it(self):
        for mode in (0o400, 0o600, 0o640):
            with self.subTest(mode=oct(mode)):
                self.assert_used(self.secret(mode, NOBODY, NOBODY))

    def test_a_file_that_another_group_can_read_is_refused(self):
        self.assert_refused(self.secret(0o640, NOBODY, STRANGER), f"can be read by group {STRANGER}", "chmod 600")

    def test_a_file_that_others_can_write_is_refused(self):
        self.assert_refused(self.secret(0o660, NOBODY, NOBODY), "can be written by its group", "chmod 600")
        self.assert_refused(self.secret(0o602, NOBODY, NOBODY), "can be written by all users", "chmod 600")

    def test_a_file_that_all_users_can_read_is_refused_on_a_disk(self):
        self.assert_refused(self.secret(0o444), "can be read by all users", "chmod 600")
        self.assert_refused(self.secret(0o644), "can be read by all users", "chmod 600")

    def test_a_file_of_another_user_is_refused_although_it_can_be_read(self):
        self.assert_refused(self.secret(0o440, STRANGER, NOBODY), f"belongs to user {STRANGER}", "chown")

    def test_root_uses_a_file_that_only_its_owner_can_use(self):
        self.assert_used(self.secret(0o600, NOBODY, NOBODY), preexec_fn=None)


@needs_root
class ByAcl(SecretCase):
    def test_an_entry_for_this_user_counts_as_no_other_reader(self):
        path = self.secret(0o400)
        set_acl(path, (USER, 4, NOBODY))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o440)
        self.assert_used(path)

    def test_an_entry_for_a_group_of_this_user_counts_as_no_other_reader(self):
        path = self.secret(0o400)
        set_acl(path, (GROUP, 4, NOBODY))
        self.assert_used(path)

    def test_an_entry_for_another_user_or_group_is_refused_by_its_number(self):
        path = self.secret(0o400)
        set_acl(path, (USER, 4, NOBODY), (USER, 4, STRANGER))
        self.assert_refused(path, f"user {STRANGER}", f"setfacl -x u:{STRANGER}")
        set_acl(path, (USER, 4, NOBODY), (GROUP, 4, STRANGER))
        self.assert_refused(path, f"group {STRANGER}", f"setfacl -x g:{STRANGER}")

    def test_an_entry_without_effect_does_no_harm(self):
        path = self.secret(0o600, NOBODY, NOBODY)
        set_acl(path, (USER, 6, STRANGER), mask=0)
        self.assert_used(path)
        set_acl(path, (USER, 0, STRANGER))
        self.assert_used(path)

    def test_a_group_that_can_write_it_is_refused(self):
        path = self.secret(0o400)
        set_acl(path, (USER, 4, NOBODY), (GROUP, 6, NOBODY), mask=6)
        self.assert_refused(path, f"group {NOBODY}")


@needs_root
@unittest.skipIf(why_no_mounts(), why_no_mounts() or "")
class ByMount(SecretCase):
    """A file of mode 0444, which all users can read."""

    def in_mounts(self, script, *, container=False, then=()):
        """Runs dlock as another user after `script`, which finds the directory of the test in $0. The shell stays: with its
        mounts those that follow them would become independent."""
        words = ["unshare", "-m", "--propagation", "private", *(["--pid", "--fork", "--mount-proc"] if container else [])]
        as_user = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
        return {"prefix_command": [*words, "sh", "-c", script + ' && "$@"', self.directory, *then, *as_user], "preexec_fn": None}

    def mount_and_fill(self, kind):
        return f'mkdir -p "$0/in" && mount -t {kind} {kind} "$0/in" && cp "$0/secret" "$0/in/secret" && chmod 755 "$0/in"'

    def setUp(self):
        super().setUp()
        self.secret(0o444)
        os.mkdir(self.path("in"))

    def test_on_a_file_system_in_memory_that_only_a_unit_has_it_is_used(self):
        for kind in ("tmpfs", "ramfs"):
            with self.subTest(kind=kind):
                self.assert_used(self.path("in", "secret"), **self.in_mounts(self.mount_and_fill(kind)))

    @unittest.skipIf(private_pid_namespace_reason(), private_pid_namespace_reason() or "")
    def test_in_a_container_it_is_used_in_memory_and_on_a_mount_that_cannot_be_written(self):
        self.assert_used(self.path("in", "secret"), **self.in_mounts(self.mount_and_fill("tmpfs"), container=True))
        read_only = 'mount --bind "$0" "$0/in" && mount -o remount,ro,bind "$0/in"'
        self.assert_used(self.path("in", "secret"), **self.in_mounts(read_only, container=True))

    @unittest.skipIf(private_pid_namespace_reason(), private_pid_namespace_reason() or "")
    def test_in_a_container_it_is_refused_on_a_disk(self):
        self.assert_refused(self.path("secret"), "can be read by all users", **self.in_mounts("true", container=True))

    def test_a_disk_that_a_unit_cannot_write_is_still_the_disk_of_the_machine(self):
        read_only = 'mount --bind "$0" "$0/in" && mount -o remount,ro,bind "$0/in"'
        self.assert_refused(self.path("in", "secret"), "can be read by all users", **self.in_mounts(read_only))

    def test_a_mount_of_its_own_that_a_unit_cannot_write_is_refused_if_it_is_not_in_memory(self):
        for name in ("empty", "disk"):
            os.mkdir(self.path(name), 0o755)
        self.secret(0o444, name="disk/secret")
        overlay = 'mount -t overlay overlay -o "lowerdir=$0/empty:$0/disk" "$0/in"'
        if run_quietly(*self.in_mounts(overlay)["prefix_command"], "true").returncode != 0:
            self.skipTest("no overlay here")
        self.assert_refused(self.path("in", "secret"), "can be read by all users", **self.in_mounts(overlay))

    def test_a_file_system_in_memory_of_the_machine_is_refused_in_a_unit_too(self):
        path = f"/dev/shm/dlock-test-{os.getpid()}"
        if not os.path.ismount("/dev/shm"):
            self.skipTest("/dev/shm is no mount here")
        with open(path, "w", encoding="utf-8") as file:
            file.write(SECRET)
        self.addCleanup(os.unlink, path)
        os.chmod(path, 0o444)
        self.assert_refused(path, "can be read by all users")
        self.assert_refused(path, "can be read by all users", **self.in_mounts("true"))

    def test_a_mount_that_follows_one_of_the_machine_is_refused(self):
        script = self.mount_and_fill("tmpfs") + ' && mount --make-shared "$0/in"'
        self.assert_refused(self.path("in", "secret"), "can be read by all users",
                            **self.in_mounts(script, then=["unshare", "-m", "--propagation", "slave"]))

    def test_a_credential_of_a_unit_is_used(self):
        self.assert_used(self.path("secret"), more_env={"CREDENTIALS_DIRECTORY": self.directory})

    def test_a_link_out_of_the_credentials_is_refused(self):
        os.symlink(self.path("secret"), self.path("in", "link"))
        self.assert_refused(self.path("in", "link"), "can be read by all users",
                            more_env={"CREDENTIALS_DIRECTORY": self.path("in")})


class ByPipe(SecretCase):
    """As `<(pass show redis)` of a shell passes it."""

    def pipe(self, text, *, after=0.0):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)

        def write():
            time.sleep(after)
            os.write(writer, text.encode())
            os.close(writer)
        thread = threading.Thread(target=write)
        thread.start()
        self.addCleanup(thread.join)
        return f"/dev/fd/{reader}", {"pass_fds": (reader,), "preexec_fn": None}

    def test_it_is_read_to_its_end_although_its_writer_comes_late(self):
        path, how = self.pipe(SECRET + "\n", after=0.5)
        self.assert_used(path, **how)

    def test_a_pipe_without_a_text_is_refused(self):
        path, how = self.pipe("")
        self.assert_refused(path, "has no password in its first line", **how)

    def test_its_password_serves_later_connections_too(self):
        path, how = self.pipe(SECRET)
        held = self.start_run("sleep", "3", store=["--store", self.redis.url, "--trust-restart", "--ttl", "5s"],
                              options=["--password-file", path], **how)
        held.job()
        self.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        self.assertEqual(held.wait(), 0, held.stderr)


@needs("openssl")
class ByTlsKey(Case):
    """The key of a client certificate follows the same rule."""

    def setUp(self):
        super().setUp()
        self.certificates = certificates()
        self.server = RedisServer(self.path("tls"), tls=self.certificates.tls(clients="yes"))
        self.addCleanup(self.server.stop)
        with open(self.certificates.client.key, encoding="utf-8") as file:
            self.key_text = file.read()

    def run_with_key(self, key, **how):
        return self.run_job("touch", self.path("ran"), store=["--store", self.server.tls_url, "--trust-restart"], options=[
            "--tls-cacert", self.certificates.ca, "--tls-cert", self.certificates.client.certificate, "--tls-key", key], **how)

    def test_a_key_that_all_users_can_read_is_refused(self):
        path = self.path("key")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.key_text)
        os.chmod(path, 0o644)
        refused = self.run_with_key(path)
        self.assertEqual(refused.code, dlock.CONFIG, refused.stderr)
        self.assert_says(refused, f"--tls-key '{path}' can be read by all users; chmod 600 it")
        os.chmod(path, 0o600)
        self.assertEqual(self.run_with_key(path).code, 0)

    def test_a_key_is_read_from_a_pipe(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.write(writer, self.key_text.encode())
        os.close(writer)
        done = self.run_with_key(f"/dev/fd/{reader}", pass_fds=(reader,))
        self.assertEqual(done.code, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
