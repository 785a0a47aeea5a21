"""Who runs, and where: what is written beside everything that a run records."""

import getpass
import os
import socket
import uuid

from banister._version import __version__
from banister.model import RunInfo

__all__ = ["run_info"]


def run_info() -> RunInfo:
    """Return a new run's number, with the user, the machine and the version of Banister."""
    return RunInfo(
        run_id=uuid.uuid4().hex,
        who=_user_name(),
        host=socket.gethostname(),
        tool_version=__version__,
    )


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as containers have
        return f"uid {os.getuid()}"
