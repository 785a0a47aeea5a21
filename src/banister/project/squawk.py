"""What squawk, a linter of its own, says of migration files; only where somebody asks for it."""

import json
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

from banister.errors import Finding, Location, Severity, UsageError
from banister.model import Folder

__all__ = ["squawk_folder"]

_SECONDS = 120
#: What Banister takes care of by itself: timeouts, and one transaction for file and record.
_NEEDLESS = "prefer-robust-stmts,require-lock-timeout,require-statement-timeout"
_ADVICE = "pip install 'banister[squawk]'"


def squawk_folder(folder: Folder, directory: Path) -> tuple[Finding, ...]:
    """Return what squawk says of the up files of a folder, which stands at `directory`.

    Its rules stand behind `squawk:`; errors of its own are notices, too. Raises UsageError where it
    is not installed, or says nothing that can be read.
    """
    program = shutil.which("squawk", path=sysconfig.get_path("scripts")) or shutil.which("squawk")
    if program is None:
        raise UsageError("squawk is not installed", hint=_ADVICE)
    names = [each.up.source.path for each in folder.migrations]
    if not names:
        return ()
    shown = {str(directory / PurePath(name).name): name for name in names}
    try:
        done = subprocess.run(
            [program, "--reporter", "Json", f"--exclude={_NEEDLESS}", *shown],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
        return tuple(_findings(json.loads(done.stdout or b"[]"), shown))
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"squawk gives no answer that can be read: {type(error).__name__}", hint=_ADVICE
        ) from error


def _findings(told: list[dict[str, Any]], shown: dict[str, str]) -> Iterator[Finding]:
    for each in told:
        rule = each["rule_name"]
        yield Finding(
            severity=Severity.NOTICE,
            code="squawk:" + rule,
            message=str(each["message"]),
            # It counts from 0.
            location=Location(
                path=shown[each["file"]], line=each["line"] + 1, column=each["column"] + 1
            ),
            hint=each.get("help"),
        )
