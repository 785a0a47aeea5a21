"""Opening a project: which settings hold, and which database is meant."""

import os
from collections.abc import Mapping
from pathlib import Path

from banister.api import Project
from banister.errors import UsageError
from banister.project import choose_scratch, choose_target, load_settings

__all__ = ["open_project"]


def open_project(
    url: str | None = None,
    *,
    dir: str | Path | None = None,  # noqa: A002 -- the name of the setting and of the flag
    env: str | None = None,
    root: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    settings: Mapping[str, object] | None = None,
    offline: bool = False,
    scratch_url: str | None = None,
) -> "Project":
    """Open a project: its settings are read, its database is chosen, nothing is connected yet.

    `url` names the database; without it the ways of the command line hold, in their order.
    `root` is where the settings are looked for (the current folder), `settings` overrides single
    ones. `offline` is for what needs the files alone: a database that cannot be read from its URL
    then counts as none. `scratch_url` names a server on which scratch databases may be made.
    Raises UsageError for settings or a URL that cannot be read.
    """
    start = Path(root) if root is not None else Path.cwd()
    variables = os.environ if environ is None else environ
    overrides = dict(settings or {})
    if dir is not None:
        overrides["dir"] = os.fspath(dir)
    loaded = load_settings(start, env=env, environ=variables, overrides=overrides)
    try:
        target = choose_target(loaded, url=url, environ=variables)
    except UsageError:
        if not offline:
            raise
        target = None
    scratch = choose_scratch(loaded, url=scratch_url, environ=variables)
    return Project(settings=loaded, target=target, scratch=scratch)
