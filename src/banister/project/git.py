"""Which migrations a branch adds or changes, by what git says of the folder."""

import subprocess
from pathlib import Path

from banister.errors import UsageError
from banister.model import Version
from banister.project.names import parse_name

__all__ = ["changed_since"]

_SECONDS = 60


def changed_since(folder: Path, commit: str) -> frozenset[Version]:
    """Return the versions whose files are not as where this branch left `commit`.

    Files that git does not know yet count, and so do those that are gone. Raises UsageError where
    git is missing, the folder is in no repository, or there is no such commit.
    """
    asked = _git(
        folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}"
    )
    if asked is None:
        raise UsageError(
            f'git knows no commit "{commit}" here',
            hint="name a branch, a tag or a commit that is there; CI has to fetch it",
        )
    # The branch's own changes alone: not those that the other one has got meanwhile.
    base = _git(folder, "merge-base", asked.strip(), "HEAD") or asked
    changed = _git(
        folder, "diff", "--name-only", "-z", "--no-renames", "--relative", base.strip(), "--", "."
    )
    new = _git(folder, "ls-files", "-z", "--others", "--exclude-standard", "--", ".")
    names = f"{changed or ''}\0{new or ''}".split("\0")
    found = (parse_name(Path(name).name) for name in names)
    return frozenset(Version(file.version) for file in found if file is not None)


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git says; None where it refuses."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],  # noqa: S607 -- the user's own git
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(
            f"git cannot be asked what changed: {error}", hint="install git"
        ) from error
    return done.stdout if done.returncode == 0 else None
