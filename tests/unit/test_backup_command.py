"""The platform's own command: read to its end and no further, stopped with all that it started."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from banister.backup.command import run_command
from banister.errors import BackupCommandFailed
from banister.model import RunInfo
from banister.model.backup import CommandSaid

INFO = RunInfo(run_id="r", who="w", host="h", tool_version="1")


def said(script: str, secrets: frozenset[str] = frozenset()) -> list[str]:
    running = run_command(("sh", "-c", script), INFO, secrets)
    return [event.line for event in running if isinstance(event, CommandSaid)]


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_every_line_is_told_also_the_last_without_an_end() -> None:
    assert said("echo one; echo two >&2; printf three") == ["one", "two", "three"]


def test_what_it_leaves_behind_is_not_waited_for() -> None:
    started = time.monotonic()
    (line,) = said("sleep 60 & echo $!")
    assert time.monotonic() - started < 30
    os.kill(int(line), signal.SIGKILL)


@pytest.mark.parametrize("ended", [False, True])
def test_when_it_is_stopped_nothing_of_it_goes_on(*, ended: bool) -> None:
    running = run_command(
        ("sh", "-c", f"sleep 60 & echo $!; {'' if ended else 'wait'}"), INFO, frozenset()
    )
    event = next(running)
    assert isinstance(event, CommandSaid)
    if ended:
        time.sleep(0.2)
    running.close()
    deadline = time.monotonic() + 10
    while alive(int(event.line)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_secret_is_hidden_before_a_line_is_cut() -> None:
    (line,) = said("printf '%0495d%s' 1 s3cr3t-pw", frozenset({"s3cr3t-pw"}))
    assert len(line) <= 500
    assert "s3cr3" not in line


def test_of_a_very_long_line_the_beginning_is_told() -> None:
    first, second = said("head -c 30000000 /dev/zero | tr '\\0' x; echo; echo end")
    assert first == "x" * 500
    assert second == "end"


def test_another_exit_code_than_0_is_told_with_what_was_said() -> None:
    with pytest.raises(BackupCommandFailed, match="ended with 3\n  no room"):
        said("echo no room; exit 3")
