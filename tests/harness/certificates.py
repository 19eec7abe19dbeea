"""Valid and invalid certificates of all kinds, created with the openssl command once for each run of the tests."""

import atexit
import functools
import os
import shutil
import ssl
import subprocess
import tempfile
from typing import NamedTuple, Optional

from .wait import PATIENCE

_LONG_AGO, _YESTERYEAR = "20200101000000Z", "20210101000000Z"
_SOME_DAY, _LATER = "20480101000000Z", "20490101000000Z"


class Identity(NamedTuple):
    """Paths of PEM files."""
    certificate: str
    key: str


class ServerTls(NamedTuple):
    """The TLS of a server: its identity, and whether clients must send a certificate ("yes", "no", "optional")."""
    identity: Identity
    ca: str
    clients: str = "no"

    def options(self):
        return ("--tls-cert-file", self.identity.certificate, "--tls-key-file", self.identity.key,
                "--tls-ca-cert-file", self.ca, "--tls-auth-clients", self.clients)

    def context(self):
        """For connections of the test itself, which do not verify the certificate of the server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(*self.identity)
        return context


class Certificates:
    """`server`, `wrong_host`, `expired` and `early` are identities of a server, `client` and `unknown_client` those of a client.

    All of them are signed by `ca`, except for `unknown_client` and the server identity `under_another_ca`, which are signed by
    `unknown_ca`. `server` can also be used by a client, because the servers of a deployment are clients of each other.
    """

    def __init__(self, directory):
        self.directory = directory
        self.ca_identity = self._authority("ca", "dlock test CA")
        self._unknown = self._authority("unknown-ca", "dlock unknown CA")
        self.ca, self.unknown_ca = self.ca_identity.certificate, self._unknown.certificate
        here = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n"
        elsewhere = "subjectAltName=DNS:elsewhere.example,IP:192.0.2.1\nextendedKeyUsage=serverAuth,clientAuth\n"
        of_client = "extendedKeyUsage=clientAuth\n"
        self.server = self._sign("server", "localhost", here, self.ca_identity)
        self.wrong_host = self._sign("wrong-host", "elsewhere.example", elsewhere, self.ca_identity)
        self.expired = self._sign("expired", "localhost", here, self.ca_identity, dates=(_LONG_AGO, _YESTERYEAR))
        self.early = self._sign("early", "localhost", here, self.ca_identity, dates=(_SOME_DAY, _LATER))
        self.client = self._sign("client", "dlock client", of_client, self.ca_identity)
        self.under_another_ca = self._sign("moved", "localhost", here, self._unknown)
        self.unknown_client = self._sign("unknown-client", "unknown client", of_client, self._unknown)

    def tls(self, identity: Optional[Identity] = None, clients="no"):
        """For RedisServer(tls=...) and the deployments."""
        return ServerTls(identity or self.server, self.ca, clients)

    def context(self, client: Optional[Identity] = None, ca=None):
        """For resp.Client(tls=...): it verifies the server, and sends `client` if given."""
        context = ssl.create_default_context(cafile=ca or self.ca)
        if client:
            context.load_cert_chain(*client)
        return context

    def with_passphrase(self, identity, path):
        """The same identity with an encrypted key in `path`, which cannot be read without the passphrase."""
        self._openssl("pkey", "-in", identity.key, "-aes128", "-passout", "pass:secret", "-out", path)
        return Identity(identity.certificate, path)

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _authority(self, name, subject):
        made = Identity(self._path(f"{name}.crt"), self._path(f"{name}.key"))
        self._openssl("req", "-x509", *_new_key(made.key), "-config", self._settings(name, _AUTHORITY),
                      "-subj", f"/CN={subject}", "-days", "2", "-out", made.certificate)
        return made

    def _sign(self, name, subject, extensions, by, dates=None):
        made = Identity(self._path(f"{name}.crt"), self._path(f"{name}.key"))
        request, settings = self._path(f"{name}.csr"), self._settings(name, _LEAF + extensions)
        self._openssl("req", *_new_key(made.key), "-config", settings, "-subj", f"/CN={subject}", "-out", request)
        # "ca" instead of "x509 -req": only it accepts dates in every version of openssl
        dates = ["-startdate", dates[0], "-enddate", dates[1]] if dates else ["-days", "2"]
        self._openssl("ca", "-batch", "-notext", "-config", settings, "-cert", by.certificate, "-keyfile", by.key,
                      *dates, "-in", request, "-out", made.certificate)
        return made

    def _settings(self, name, extensions):
        """A separate configuration, so that the system's has no effect, and a separate database, which `ca` requires."""
        with open(self._path(f"{name}.index"), "wb"):
            pass
        path = self._path(f"{name}.cnf")
        with open(path, "w", encoding="ascii") as file:
            file.write(_SETTINGS.format(directory=self.directory, name=name) + extensions)
        return path

    def _openssl(self, *words):
        done = subprocess.run(["openssl", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=30 * PATIENCE, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"openssl {' '.join(words)}: {done.stdout.decode(errors='replace')}")


def _new_key(path):
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]


_SETTINGS = """
[req]
distinguished_name=any
x509_extensions=extensions
[ca]
default_ca=own
[own]
database={directory}/{name}.index
new_certs_dir={directory}
rand_serial=yes
default_md=sha256
policy=any
x509_extensions=extensions
[any]
commonName=supplied
[extensions]
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""
_AUTHORITY = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
_LEAF = "basicConstraints=critical,CA:FALSE\n"


@functools.cache
def certificates():
    """The certificates of this process. Their directory is removed with it."""
    directory = tempfile.mkdtemp(prefix="dl-certificates-", dir="/tmp")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.chmod(directory, 0o755)
    return Certificates(directory)
