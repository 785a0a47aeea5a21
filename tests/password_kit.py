"""A PostgreSQL that asks for a password, and a role whose password is hard to write and to hide."""

import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from banister.engines.embedded import Running, find_binaries, find_running, start, stop

__all__ = ["GuardedServer", "a_password", "forms", "guarded_server"]


def a_password() -> str:
    """A new one each time, with what URLs, key=value strings, SQL, JSON and shells quote."""
    return f"pw@:/%' {secrets.token_hex(6)} \\\"end"


def forms(password: str) -> tuple[str, ...]:
    """Every spelling that must not be seen; its middle is in all of them."""
    return (
        password,
        quote(password),
        quote(password, safe=""),
        password.replace("'", "''"),
        password.replace("\\", "\\\\").replace("'", "\\'"),
        password.split()[1],
    )


@dataclass(kw_only=True)
class GuardedServer:
    """The server; the superuser comes in over the socket without a password."""

    folder: Path
    running: Running

    def rows(self, query: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run SQL as the superuser."""
        url = self.running.database_url(database)
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            cursor = connection.execute(query.encode())
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def database(self) -> Iterator[tuple[str, str]]:
        """Give the name of a new database, which is also that of its owner, and its password."""
        name, password = f"db_{secrets.token_hex(5)}", a_password()
        with closing(psycopg.connect(self.running.url, autocommit=True)) as connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(
                    sql.Identifier(name), password
                )
            )
        self.rows(f"CREATE DATABASE {name} OWNER {name}")
        try:
            yield name, password
        finally:
            self.rows(f"DROP DATABASE {name} WITH (FORCE)")
            self.rows(f"DROP ROLE {name}")

    def named(self, form: str, name: str, password: str) -> Mapping[str, str]:
        """Return the environment that names a database by a `url` or by `pairs`."""
        host, port = str(self.running.socket_dir), self.running.port
        if form == "pairs":
            quoted = password.replace("\\", "\\\\").replace("'", "\\'")
            value = f"host={host} port={port} dbname={name} user={name} password='{quoted}'"
        else:
            where = f"?host={quote(host, safe='')}&port={port}"
            value = f"postgresql://{name}:{quote(password, safe='')}@/{name}{where}"
        return {"DATABASE_URL": value}

    def crash(self) -> None:
        """Have the server quit at once, as in a crash; return when it is gone."""
        os.kill(self.running.pid, signal.SIGQUIT)
        os.waitpid(self.running.pid, 0)

    def start_again(self) -> None:
        """Start it after a crash."""
        self.running = start(find_binaries(), self.folder / "pg", settings={"fsync": "off"})


@contextmanager
def guarded_server() -> Iterator[GuardedServer]:
    """Give a server of its own."""
    folder = Path(tempfile.mkdtemp(prefix="banister-pw-"))
    folder.chmod(0o711)
    try:
        server = GuardedServer(
            folder=folder,
            running=start(find_binaries(), folder / "pg", settings={"fsync": "off"}),
        )
        try:
            hba = "local all postgres trust\nlocal all all scram-sha-256\n"
            (server.running.data_dir / "pg_hba.conf").write_text(hba)
            server.rows("SELECT pg_reload_conf()")
            yield server
        finally:
            running = find_running(folder / "pg")
            if running is not None:
                stop(running)
    finally:
        shutil.rmtree(folder)
