"""The command that goes back to a backup: one that a person on call can paste. No I/O."""

from shlex import quote

from banister.model.backup import WayBack
from banister.project import Settings, Target

__all__ = ["way_back"]


def way_back(settings: Settings, target: Target, path: str, file: str, others: int) -> WayBack:
    """Return the command that puts the backup at `path` in the place of the database.

    It names the database as the run did, and holds no secret. `others`: the sessions of others.
    """
    words = ["banister", "restore", quote(path), "--replace"]
    words += [] if settings.env is None else ["--env", quote(settings.env)]
    notes: list[str] = []
    if target.source == "--url":
        if target.variable is not None:
            # Where it is not set, an empty --url would leave the choice to other settings.
            words += ["--url", f'"${{{target.variable}:?}}"']
        else:
            words += ["--url", quote(target.public)]
            if target.lacks_password:
                notes.append("the password is left out: put it into PGPASSWORD or ~/.pgpass")
    if others:
        sessions = "1 session" if others == 1 else f"{others} sessions"
        notes.append(
            f"{sessions} of others stood in the database: stop what uses it, or add "
            "--disconnect, which ends them"
        )
    return WayBack(detail=file, command=" ".join(words), note="; ".join(notes) or None)
