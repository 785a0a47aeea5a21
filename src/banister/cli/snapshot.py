"""`banister snapshot`."""

from pathlib import Path

import click

from banister.cli.common import Invocation, command_options
from banister.cli.files import write_whole
from banister.errors import UsageError
from banister.report import difference_json, difference_lines, snapshot_json
from banister.snapshot import Snapshot, compare, parse, render

__all__ = ["command"]


@click.command(
    "snapshot",
    help="Print the schema as stable, readable text, or compare it with such a text.",
    epilog="With --check it exits with 3 when something differs.",
)
@click.option("--output", metavar="FILE", help="Write the text to this file.")
@click.option("--check", metavar="FILE", help="Say how the database differs from this file.")
@command_options()
def command(invocation: Invocation, *, output: str | None, check: str | None) -> int:
    """Print, write or compare the schema."""
    if output is not None and check is not None:
        raise UsageError("--output and --check exclude each other")
    # A file that cannot be read is told before the database is asked.
    expected = None if check is None else _read(Path(check))
    project = invocation.project_with_database()
    found = project.snapshot()
    if expected is not None:
        invocation.introduce(project)
        return _compare(invocation, expected, found)
    if output is not None:
        write_whole(Path(output), render(found).encode())
        invocation.introduce(project)
        invocation.output.say(f"the schema is written to {output}")
    else:
        invocation.output.say(render(found).removesuffix("\n"))
    invocation.output.put(snapshot=snapshot_json(found))
    return 0


def _compare(invocation: Invocation, expected: Snapshot, found: Snapshot) -> int:
    differences = compare(expected, found)
    invocation.output.put(differences=[difference_json(each) for each in differences])
    invocation.output.say(*difference_lines(differences, invocation.output.style))
    return 3 if differences else 0


def _read(path: Path) -> Snapshot:
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}",
            hint=f"write it first: `banister snapshot --output {path}`",
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not a snapshot: it is not UTF-8") from error
    return parse(text, str(path))
