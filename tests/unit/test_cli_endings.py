"""What an interrupted command says: where to look only where something may have been written."""

import pytest

from banister.cli.endings import interrupted
from banister.cli.group import Call
from banister.cli.output import Output


@pytest.mark.parametrize(("command", "looks"), [("up", True), ("verify", False), ("docs", False)])
def test_only_what_writes_to_the_database_sends_to_status(
    command: str, capsys: pytest.CaptureFixture[str], *, looks: bool
) -> None:
    call = Call()
    call.output = Output(command=command, as_json=False)
    assert interrupted(143, call, [command]) == 143
    said = capsys.readouterr()
    assert "terminated" in said.out + said.err
    assert ("banister status" in said.out + said.err) is looks
