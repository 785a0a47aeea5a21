"""A PostgreSQL that other machines could reach, with certificates made for the test."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from banister.engines.embedded import Running, start, stop
from servers import Servers

__all__ = ["TlsServer", "tls_server"]

#: The newest major whose test server is built with TLS.
_MAJOR = 17
#: The name that the certificate is made for.
_HOST = "db.test"
_CA = """
[ca]
default_ca = own
[own]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""


@dataclass(frozen=True, kw_only=True)
class TlsServer:
    """The server, its address, and the authority that signs for it."""

    running: Running
    address: str
    #: Holds the certificates and their keys.
    folder: Path
    password: str

    @property
    def root(self) -> Path:
        """The certificate of the authority."""
        return self.folder / "root.crt"

    def url(self, *, host: str = _HOST, **parameters: str) -> str:
        """Return a URL with the password; the address is the same whatever the host's name."""
        given = {"hostaddr": self.address, "connect_timeout": "10", **parameters}
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in given.items())
        secret = quote(self.password, safe="")
        return f"postgresql://remote_user:{secret}@{host}:{self.running.port}/postgres?{query}"

    def use(self, certificate: str) -> None:
        """Present another certificate: `good`, `expired` or `other`, whose host is another."""
        for ending in ("crt", "key"):
            source = self.folder / f"{certificate}.{ending}"
            target = self.folder / f"server.{ending}"
            (self.folder / "next").write_bytes(source.read_bytes())
            _for_the_server(self.folder / "next")
            (self.folder / "next").replace(target)
        self.set("ssl", "on")

    def set(self, name: str, value: str) -> None:
        """Change a setting of the server that takes effect for the next connection."""
        with closing(psycopg.connect(self.running.url, autocommit=True)) as connection:
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
            connection.execute("SELECT pg_reload_conf()")
        self._wait_until_read(name, value)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Run SQL as the superuser, over the socket."""
        with closing(psycopg.connect(self.running.url, autocommit=True)) as connection:
            cursor = connection.execute(query.encode())
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def _wait_until_read(self, name: str, value: str) -> None:
        for _ in range(1000):
            if self.rows(f"SELECT current_setting('{name}')") == [(value,)]:
                return
        pytest.fail(f"{name} does not become {value}")


@contextmanager
def tls_server(servers: Servers) -> Iterator[TlsServer]:
    """Give a server with TLS on an address of this machine that is not its loopback one."""
    binaries = servers.binaries(_MAJOR)
    address = _address()
    folder = Path(tempfile.mkdtemp(prefix="banister-tls-"))
    folder.chmod(0o711)
    try:
        _make_certificates(folder)
        for ending in ("crt", "key"):
            shutil.copyfile(folder / f"good.{ending}", folder / f"server.{ending}")
            _for_the_server(folder / f"server.{ending}")
        settings = {
            "listen_addresses": address,
            "port": str(_free_port(address)),
            "ssl_cert_file": str(folder / "server.crt"),
            "ssl_key_file": str(folder / "server.key"),
            "fsync": "off",
        }
        running = start(binaries, folder / "pg", settings=settings)
        try:
            server = TlsServer(
                running=running, address=address, folder=folder, password="pw-@:/%' end"
            )
            _let_in(server)
            yield server
        finally:
            stop(running)
    finally:
        shutil.rmtree(folder)


def _let_in(server: TlsServer) -> None:
    hba = server.running.data_dir / "pg_hba.conf"
    hba.write_text("local all all trust\nhost all all all scram-sha-256\n")
    quoted = server.password.replace("'", "''")
    with closing(psycopg.connect(server.running.url, autocommit=True)) as connection:
        connection.execute(f"CREATE ROLE remote_user LOGIN PASSWORD '{quoted}'".encode())
        connection.execute("GRANT CREATE ON SCHEMA public TO remote_user")
    server.set("ssl", "on")


def _address() -> str:
    """Return an address of this machine that is not the loopback one; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but the loopback one")
        address: str = probe.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("this machine has no address but the loopback one")
    return address


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def _for_the_server(path: Path) -> None:
    path.chmod(0o600)
    if os.geteuid() == 0:
        account = pwd.getpwnam("nobody")
        os.chown(path, account.pw_uid, account.pw_gid)


def _make_certificates(folder: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    (folder / "index").touch()
    (folder / "ca.cnf").write_text(_CA.format(folder=folder))
    for name in ("root", "unknown"):
        _openssl(
            folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt",
        )  # fmt: skip
    _sign(folder, "good", _HOST, "20200101000000Z", "20991231000000Z")
    _sign(folder, "expired", _HOST, "20200101000000Z", "20210101000000Z")
    _sign(folder, "other", "another.test", "20200101000000Z", "20991231000000Z")


def _sign(folder: Path, name: str, host: str, begins: str, ends: str) -> None:
    _openssl(
        folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={host}",
        "-addext", f"subjectAltName=DNS:{host}", "-keyout", f"{name}.key", "-out", f"{name}.csr",
    )  # fmt: skip
    _openssl(
        folder, "ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "root.crt",
        "-keyfile", "root.key", "-in", f"{name}.csr", "-out", f"{name}.crt",
        "-startdate", begins, "-enddate", ends,
    )  # fmt: skip


def _openssl(folder: Path, *args: str) -> None:
    done = subprocess.run(
        ["openssl", *args], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
