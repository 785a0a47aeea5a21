"""Which account the server runs as, and programs run as that account.

PostgreSQL refuses to run as root
(https://www.postgresql.org/docs/current/postgres-user.html), so root borrows an account that
exists already; anybody else runs it as themselves.
"""

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from banister.errors import ServerError

__all__ = ["Account", "server_account"]

_BORROWED = ("nobody", "postgres", "daemon")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of this machine."""

    name: str
    uid: int
    gid: int
    #: Whether a program has to change to this account, because we are root.
    switch: bool

    def run(
        self, args: Sequence[str | Path], *, keep_open: tuple[int, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end as this account, with a clean environment.

        It also gets the descriptors `keep_open`. Raises OSError and subprocess.SubprocessError; a
        bad exit status raises nothing.
        """
        return subprocess.run(
            args,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=120,
            pass_fds=keep_open,
            cwd="/",
            env=_environment(),
            umask=0o077,
            user=self._user,
            group=self._group,
            extra_groups=self._extra_groups,
        )

    def spawn(
        self,
        args: Sequence[str | Path],
        *,
        log: int,
        keep_open: int,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a program as this account, in a session of its own, so that Ctrl-C spares it.

        What it prints goes to the descriptor `log`; it also gets the descriptor `keep_open`, and
        what `environment` adds to a clean one.
        Raises OSError and subprocess.SubprocessError.
        """
        return subprocess.Popen(
            args,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(keep_open,),
            cwd="/",
            env={**_environment(), **(environment or {})},
            umask=0o077,
            start_new_session=True,
            user=self._user,
            group=self._group,
            extra_groups=self._extra_groups,
        )

    def can_write(self, folder: Path) -> bool:
        """Return whether this account reaches `folder` and may make files in it."""
        return self._test('cd -P -- "$1" && test -w .', folder)

    def can_enter(self, folder: Path) -> bool:
        """Return whether this account reaches `folder`."""
        return self._test('cd -P -- "$1"', folder)

    def _test(self, script: str, folder: Path) -> bool:
        # Only a process of that account knows: mode bits do not tell about ACLs and mounts.
        try:
            done = self.run(["/bin/sh", "-c", script, "sh", folder])
        except OSError as exc:
            raise ServerError(f'no program can be run as the account "{self.name}": {exc}') from exc
        except subprocess.SubprocessError as exc:
            raise ServerError(f'no program can be run as the account "{self.name}": {exc}') from exc
        return done.returncode == 0

    @property
    def _user(self) -> int | None:
        return self.uid if self.switch else None

    @property
    def _group(self) -> int | None:
        return self.gid if self.switch else None

    @property
    def _extra_groups(self) -> list[int] | None:
        return [] if self.switch else None


def server_account() -> Account:
    """Return the account for the server: ourselves, or as root one that exists and is not root.

    Raises ServerError when root finds none.
    """
    uid = os.geteuid()
    if uid != 0:
        return Account(name=_name(uid), uid=uid, gid=os.getegid(), switch=False)
    for name in _BORROWED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid, switch=True)
    raise ServerError(
        "PostgreSQL does not run as root, and no account to run it as exists "
        f"(looked for {', '.join(_BORROWED)})",
        hint="run as another user",
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _environment() -> dict[str, str]:
    # Nothing of ours but the search paths: PG* would change what initdb does, and a secret in our
    # environment must not be in the server's, where COPY … FROM PROGRAM could read it.
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    return {**environment, "LC_ALL": "C", "TZ": "UTC"}
