"""A real PgBouncer in front of a test server."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest

from postgres_kit import wait_until

__all__ = ["pgbouncer"]

_PORT = 6432

#: Each client connection of PgBouncer's own pool speaks to the server as `postgres`.
_SETTINGS = """\
[databases]
* = host={host} port={port} user=postgres

[pgbouncer]
listen_addr =
listen_port = {own_port}
unix_socket_dir = {folder}
unix_socket_mode = 0777
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
logfile = {folder}/log
ignore_startup_parameters = extra_float_digits
"""


@contextmanager
def pgbouncer(url: str, *, mode: str, size: int) -> Iterator[str]:
    """Yield a URL like `url` that leads through PgBouncer with this pool mode and size."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        missing = "PgBouncer is not installed (Debian: pgbouncer)"
        if "pgbouncer" in os.environ.get("BANISTER_REQUIRE_SERVERS", ""):
            pytest.fail(f"{missing}, and BANISTER_REQUIRE_SERVERS asks for it")
        pytest.skip(missing)
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="bnb-") as name:
        folder = Path(name)
        settings = folder / "pgbouncer.ini"
        text = _SETTINGS.format(
            host=query["host"], port=query["port"], folder=name, mode=mode, size=size,
            own_port=_PORT,
        )  # fmt: skip
        settings.write_text(text, encoding="utf-8")
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        process = subprocess.Popen(
            [program, str(settings)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
        pooled = f"postgresql:///{parts.path.strip('/')}?host={quote(name, safe='')}"
        pooled += f"&port={_PORT}&user=postgres"
        try:
            wait_until(lambda: _answers(pooled), "PgBouncer")
            yield pooled
        finally:
            process.terminate()
            process.wait(10)


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True
