"""Clusters for the time of one command: of our own, fast, and thrown away with their data."""

from contextlib import suppress
from pathlib import Path

from banister.engines.embedded import Running, start
from banister.engines.embedded.account import server_account
from banister.engines.embedded.places import account_folder, own_folder
from banister.errors import ServerError
from banister.scratch.folders import remove_cluster
from banister.scratch.programs import Programs

__all__ = ["SUPERUSER", "copy_cluster", "start_cluster"]

#: Not "postgres": the migrations may name that role, and then it is theirs.
SUPERUSER = "banister_admin"
#: Nothing in it has to survive anything:
#: https://www.postgresql.org/docs/current/non-durability.html
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "max_wal_size": "64MB",
    "min_wal_size": "2MB",
    # What a migration may ask for and a bare server refuses: publications, slots, two phases.
    "wal_level": "logical",
    "max_prepared_transactions": "5",
    "shared_buffers": "32MB",
    "max_connections": "30",
    "max_logical_replication_workers": "0",
}
_START_SECONDS = 30.0
#: Where every connection that the server itself opens goes, as postgres_fdw and dblink do, whatever
#: host a migration names: to an address that nobody has and that is refused at once.
#: https://www.postgresql.org/docs/current/libpq-envars.html
_NOWHERE = {"PGHOSTADDR": "255.255.255.255", "PGCONNECT_TIMEOUT": "2"}


def start_cluster(programs: Programs, folder: Path) -> Running:
    """Return the server on the cluster in `folder`, made where it is missing.

    Raises ServerError, and then nothing of it is left running.
    """
    settings = dict(_SETTINGS)
    options = ["--wal-segsize=1"]
    if programs.major >= 18:
        settings["io_method"] = "sync"
        options.append("--no-data-checksums")
    try:
        return start(
            programs.binaries,
            folder,
            settings=settings,
            wait_seconds=_START_SECONDS,
            superuser=SUPERUSER,
            initdb_options=options,
            environment=_NOWHERE,
        )
    except BaseException:
        with suppress(ServerError, OSError):
            remove_cluster(folder)
        raise


def copy_cluster(source: Path, folder: Path) -> None:
    """Copy the data of a cluster that is stopped to a new folder. Raises ServerError."""
    account = server_account()
    own_folder(folder, account)
    data = account_folder(folder / "data", account)
    try:
        # As the account that owns them: what it may not read is none of ours.
        done = account.run(["cp", "-R", "-p", f"{source / 'data'}/.", data])
    except OSError as error:
        raise ServerError(f"cp cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        raise ServerError(f"a cluster cannot be copied: {done.stderr.strip()}")
