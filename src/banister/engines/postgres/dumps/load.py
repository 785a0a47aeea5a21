"""Putting a backup into an empty database, with the programs that people use for it too."""

import gzip
import re
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

import psycopg

from banister.engines.postgres.dumps.plain import PlainText, header, takes_all
from banister.engines.postgres.dumps.programs import Program, Running, find_program, reachable
from banister.engines.postgres.session import Session
from banister.engines.postgres.transport import needs_tls
from banister.engines.queries import load_queries
from banister.engines.room import room_hint
from banister.errors import BanisterError, DatabaseError, ServerError
from banister.model import Event
from banister.model.backup import BackupForm, BackupManifest, TableRestored

__all__ = ["load"]

_CHUNK = 1024 * 1024
_NO_ROOM = re.compile(r"No space left|Disk quota exceeded|disk full", re.IGNORECASE)
_COPY = re.compile(rb"^COPY (.+?) \(.*\) FROM stdin;$", re.MULTILINE)
_PUTTING_BACK = re.compile(r'processing data for table "(.*)"')
#: What the error of a server is about → what to do.
_ADVICE = {
    r'role ".*" does not exist': "make the role first, or take the backup with --no-owner",
    r"extension .* is not available": "install the extension's package on the server",
    r"a valid (?:tar )?archive|input file is too short|said nothing": "the file is not what its "
    "manifest says: use another backup: `banister backup --list`",
    r"is not empty": "restore into a new, empty database, or give --replace",
    r"affected by row-level security": "restore as a superuser, or as a role with BYPASSRLS: "
    "something that the backup makes reads the rows of others",
    r"permission denied": "restore as a role that may do that: the owner of the database, or a "
    "superuser where there are extensions and roles",
}


def load(
    session: Session, source: Path, manifest: BackupManifest, conninfo: str | None = None
) -> Generator[Event, None, None]:
    """Put a backup into an empty database; see `Dumps.load`.

    `conninfo`: another database of the same server than the session's.
    """
    with reachable(conninfo or session.conninfo) as (reached, environment):
        if manifest.form is BackupForm.PLAIN:
            loading = _by_psql(session, manifest, reached, environment, _opened(source, manifest))
        else:
            # An archive is read by a pg_restore that is no older than the pg_dump that wrote it.
            wrote = re.search(r" (\d+)", manifest.program)
            major = session.database.server_version[0] if wrote is None else int(wrote[1])
            program = find_program("pg_restore", major, needs_tls=needs_tls(session.database))
            if takes_all(session.database.server_version[0], program.major):
                loading = _by_pg_restore(session, manifest, reached, environment, program, source)
            else:
                # It would set what this server does not know.
                text = _unpacked(session, manifest, environment, program, source)
                loading = _by_psql(session, manifest, reached, environment, text)
        yield from loading


def _by_psql(
    session: Session,
    manifest: BackupManifest,
    reached: str,
    environment: Mapping[str, str],
    text: AbstractContextManager[Iterator[bytes]],
) -> Generator[Event, None, None]:
    server = session.database
    program = find_program(
        "psql", server.server_version[0], needs_tls=needs_tls(server), older=True
    )
    arguments: list[str | Path] = [program.path, "-X", "-q", "-w", "-f", "-", f"--dbname={reached}"]
    with Running.start(arguments, environment, feed=True) as running:
        yield from _feed(running, text, manifest, role=session.role)
        yield from _until_ended(running, manifest, session)


def _by_pg_restore(
    session: Session,
    manifest: BackupManifest,
    reached: str,
    environment: Mapping[str, str],
    program: Program,
    source: Path,
) -> Generator[Event, None, None]:
    arguments: list[str | Path] = [program.path, "--no-password", "--exit-on-error", "--verbose"]
    arguments += ["--single-transaction"] if manifest.one_transaction else []
    arguments += [f"--role={session.role}"] if session.role else []
    arguments += [f"--dbname={reached}", source]
    with Running.start(arguments, environment) as running:
        yield from _until_ended(running, manifest, session)


def _feed(
    running: Running,
    text: AbstractContextManager[Iterator[bytes]],
    manifest: BackupManifest,
    *,
    role: str | None,
) -> Generator[Event, None, None]:
    """Send the text to psql, as `psql < file` does."""
    number, total = 0, len(manifest.rows)
    # psql that has met an error reads no further; it says why.
    with suppress(BrokenPipeError), text as pieces:
        if role is not None:
            quoted = role.replace('"', '""')
            running.input.write(f'SET ROLE "{quoted}";\n'.encode())
        for data in pieces:
            running.input.write(data)
            for found in _COPY.finditer(data):
                number += 1
                table = found[1].decode(errors="replace")
                yield TableRestored(table=table, number=number, total=max(total, number))
        running.input.close()


@contextmanager
def _unpacked(
    session: Session,
    manifest: BackupManifest,
    environment: Mapping[str, str],
    program: Program,
    source: Path,
) -> Iterator[Iterator[bytes]]:
    """Yield an archive as text in the form of a plain backup, as the session's server knows it."""
    server, whole = session.database, manifest.one_transaction
    watched = PlainText(major=server.server_version[0], whole=whole)

    def pieces(running: Running) -> Iterator[bytes]:
        yield header("", None, whole=whole)
        while data := running.output.read1(_CHUNK):  # type: ignore[attr-defined]
            yield from watched.feed(data)
        # Before the end of the transaction is sent.
        if running.ended() != 0:
            raise _failed(session, running.complaint(), manifest)
        yield from watched.end()

    with Running.start([program.path, "--file=-", source], environment) as running:
        yield pieces(running)


@contextmanager
def _opened(source: Path, manifest: BackupManifest) -> Iterator[Iterator[bytes]]:
    with ExitStack() as open_files:
        if manifest.compressed:
            packed = open_files.enter_context(gzip.open(source, "rb"))
            file = cast("BinaryIO", packed)
        else:
            file = open_files.enter_context(source.open("rb"))
        yield iter(lambda: _read(file, source), b"")


def _read(file: BinaryIO, source: Path) -> bytes:
    try:
        return file.read(_CHUNK)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ServerError(
            f"{source.name} is damaged: it cannot be unpacked to its end",
            code="backup_damaged",
            hint="use another backup: `banister backup --list`",
        ) from error


def _until_ended(
    running: Running, manifest: BackupManifest, session: Session
) -> Generator[Event, None, None]:
    """Wait for its end. Raises DatabaseError where that was none."""
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
        if code == 0:
            return
        if code is not None:
            raise _failed(session, running.complaint(), manifest)


def _failed(session: Session, said: str, manifest: BackupManifest) -> BanisterError:
    server = session.database
    state = (
        "nothing of it is left: the database is empty as before"
        if manifest.one_transaction
        else "what was restored before is still there: drop the database and make it anew"
    )
    if _NO_ROOM.search(said):
        return ServerError(
            f"the disk of the server is full: the backup {manifest.file} cannot be restored: "
            f"{said}",
            code="disk_full",
            state=state,
            hint=room_hint(
                _where(session, said), manifest.tables_bytes, more=", and as much as its indexes do"
            ),
        )
    hint = next((advice for about, advice in _ADVICE.items() if re.search(about, said)), None)
    if hint is None and manifest.server_version[0] > server.server_version[0]:
        hint = f"the backup is of {manifest.server}, and this server, {server.server}, is older"
    return DatabaseError(
        f"the backup {manifest.file} cannot be restored: {said}",
        code="restore_failed",
        state=state,
        hint=hint,
    )


def _where(session: Session, said: str) -> str:
    """Say on which disk there is no room, as far as this role may know."""
    tablespace = re.search(r"pg_tblspc/(\d+)/", said)
    query = load_queries(__package__ or "", "dumps.sql")["place"]
    place = None
    with suppress(psycopg.Error), session.reading() as connection:
        row = connection.execute(
            query.encode(), {"tablespace": int(tablespace[1]) if tablespace else None}
        ).fetchone()
        place = row[0] if row else None
    return f"on the server where {place} is" if place else "on the disk of the server's data"
