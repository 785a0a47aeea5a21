"""Putting a backup into an empty database, with the programs that people use for it too."""

import gzip
import re
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from banister.engines.postgres.dumps.programs import Running, find_program, reachable
from banister.engines.postgres.session import Session
from banister.engines.postgres.transport import needs_tls
from banister.errors import BanisterError, DatabaseError, ServerError
from banister.model import Event
from banister.model.backup import BackupForm, BackupManifest, TableRestored

__all__ = ["load"]

_CHUNK = 1024 * 1024
_COPY = re.compile(rb"^COPY (.+?) \(.*\) FROM stdin;$", re.MULTILINE)
_PUTTING_BACK = re.compile(r'processing data for table "(.*)"')
#: What the error of a server is about → what to do.
_ADVICE = {
    r'role ".*" does not exist': "make the role first, or take the backup with --no-owner",
    r"extension .* is not available": "install the extension's package on the server",
    r"is not empty": "restore into a new, empty database, or give --replace",
    r"permission denied": "restore as a role that may do that: the owner of the database, or a "
    "superuser where there are extensions and roles",
}


def load(
    session: Session, source: Path, manifest: BackupManifest, conninfo: str | None = None
) -> Generator[Event, None, None]:
    """Put a backup into an empty database; see `Dumps.load`.

    `conninfo`: another database of the same server than the session's.
    """
    server = session.database
    newer = manifest.server_version[0] > server.server_version[0]
    plain = manifest.form is BackupForm.PLAIN
    # An archive is read by a pg_restore that is no older than the pg_dump that wrote it.
    wrote = re.search(r" (\d+)", manifest.program)
    major = server.server_version[0] if plain or wrote is None else int(wrote[1])
    program = find_program(
        "psql" if plain else "pg_restore", major, needs_tls=needs_tls(server), older=plain
    )
    with reachable(conninfo or session.conninfo) as (reached, environment):
        if plain:
            arguments: list[str | Path] = [program.path, "-X", "-q", "-w", "-f", "-"]
        else:
            arguments = [program.path, "--no-password", "--exit-on-error", "--verbose"]
            arguments += ["--single-transaction"] if manifest.one_transaction else []
            arguments += [f"--role={session.role}"] if session.role else []
        arguments.append(f"--dbname={reached}")
        arguments += [] if plain else [source]
        with Running.start(arguments, environment, feed=plain) as running:
            if plain:
                yield from _feed(running, source, manifest, role=session.role)
            code = yield from _until_ended(running, manifest)
        if code != 0:
            raise _failed(running.complaint(), manifest, server.server, newer=newer)


def _feed(
    running: Running, source: Path, manifest: BackupManifest, *, role: str | None
) -> Generator[Event, None, None]:
    """Send the file to psql, as `psql < file` does."""
    number, total = 0, len(manifest.rows)
    # psql that has met an error reads no further; it says why.
    with suppress(BrokenPipeError), _opened(source, manifest) as file:
        if role is not None:
            quoted = role.replace('"', '""')
            running.input.write(f'SET ROLE "{quoted}";\n'.encode())
        while data := _read(file, source):
            running.input.write(data)
            for found in _COPY.finditer(data):
                number += 1
                table = found[1].decode(errors="replace")
                yield TableRestored(table=table, number=number, total=max(total, number))
        running.input.close()


@contextmanager
def _opened(source: Path, manifest: BackupManifest) -> Iterator[BinaryIO]:
    if manifest.compressed:
        with gzip.open(source, "rb") as packed:
            yield cast("BinaryIO", packed)
    else:
        with source.open("rb") as file:
            yield file


def _read(file: BinaryIO, source: Path) -> bytes:
    try:
        return file.read(_CHUNK)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ServerError(f"{source.name} is damaged: {error}", code="backup_damaged") from error


def _until_ended(running: Running, manifest: BackupManifest) -> Generator[Event, None, int]:
    number, total = 0, len(manifest.rows)
    while True:
        code: int | None = None
        with suppress(TimeoutError):
            code = running.ended_within(0.2)
        for line in running.lines():
            found = _PUTTING_BACK.search(line)
            if found is not None:
                number += 1
                yield TableRestored(table=found[1], number=number, total=max(total, number))
        if code is not None:
            return code


def _failed(said: str, manifest: BackupManifest, server: str, *, newer: bool) -> BanisterError:
    state = (
        "nothing of it is left: the database is empty as before"
        if manifest.one_transaction
        else "what was restored before is still there: drop the database and make it anew"
    )
    hint = next((advice for about, advice in _ADVICE.items() if re.search(about, said)), None)
    if hint is None and newer:
        hint = f"the backup is of {manifest.server}, and this server, {server}, is older"
    return DatabaseError(
        f"the backup {manifest.file} cannot be restored: {said}",
        code="restore_failed",
        state=state,
        hint=hint,
    )
