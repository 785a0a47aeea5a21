"""A program that runs `up` in many processes at once: `runners.py COUNT URL ROOT`.

They are forked from one that has imported everything, so that twenty cost no more than their work.
A test process has threads and must not fork itself.
"""

import json
import os
import sys
from pathlib import Path

import psycopg

import banister
from banister.engines.postgres import engine
from banister.model import Event, NothingToDo, StepDone, WaitingForLock

__all__: list[str] = []

#: Imported here, once: a run imports them when it needs them.
IMPORTED = (psycopg, engine)


def main() -> int:
    """Print one JSON object a run: whether it waited, what it did, how it ended."""
    count, url, root = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    reader, writer = os.pipe()
    children = [fork(url, root, writer) for _ in range(count)]
    os.close(writer)
    with open(reader, encoding="utf-8") as told:  # noqa: PTH123 -- a descriptor
        sys.stdout.write(told.read())
    return max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


def fork(url: str, root: Path, writer: int) -> int:
    """Run `up` in a child, which writes a line into the pipe; return its pid."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        line = json.dumps(run(url, root)) + "\n"
        # Shorter than PIPE_BUF, and so written as one: pipe(7).
        os.write(writer, line.encode())
        code = 0
    finally:
        os._exit(code)


def run(url: str, root: Path) -> dict[str, object]:
    """Run `up` and return what came of it."""
    events: list[Event] = []
    error = None
    try:
        project = banister.open(url, dir=root / "migrations", root=root, environ={})
        project.up(on_event=events.append)
    except banister.BanisterError as caught:
        error = f"{caught.code}: {caught}"[:1000]
    return {
        "waited": any(isinstance(event, WaitingForLock) for event in events),
        "idle": any(isinstance(event, NothingToDo) for event in events),
        "done": [event.step.version.text for event in events if isinstance(event, StepDone)],
        "error": error,
    }


if __name__ == "__main__":
    sys.exit(main())
