"""Files over 1 MiB: read piece by piece, with the same results, places and promises."""

import sys
from pathlib import Path

import pytest
from contract_kit import Place

from banister import FindingsError, MigrationFailed
from banister.model import Event, LargeSource, StepStarted
from banister.script import Window
from servers import AnyDatabase

ROW = "INSERT INTO t VALUES ({}, 'note of {}; it''s long enough, é and all');\n"
COUNT = 25_000


@pytest.fixture
def place(any_database: AnyDatabase, tmp_path: Path) -> Place:
    return Place(root=tmp_path, database=any_database)


def rows(*, broken: int = -1) -> str:
    lines = [ROW.format(number, number) for number in range(COUNT)]
    if broken >= 0:
        lines[broken] = "INSERT INTO t VALUES (1, nothing_is_called_so);\n"
    return "".join(lines)


def write(place: Place, text: str, *, top: str = "") -> Path:
    place.write(
        {
            "001_t.up": "CREATE TABLE t (id int, note text);",
            "001_t.down": "DROP TABLE t;",
            "002_rows.up": top + text,
            "002_rows.down": "DELETE FROM t;\n" + "-- why\n" * 200_000,
        }
    )
    folder = place.project().folder()
    assert isinstance(folder.migrations[1].up.source, LargeSource)
    return place.root / "migrations" / "002_rows.up.sql"


def test_every_statement_runs_once(place: Place) -> None:
    write(place, rows())
    finished = place.project().up()
    assert len(finished.steps[1].statements) == COUNT
    assert place.rows("SELECT count(*), count(DISTINCT id), max(id) FROM t") == [
        (COUNT, COUNT, COUNT - 1)
    ]
    assert place.history() == ["001", "002"]
    assert place.project().up().steps == ()


def test_a_file_that_wraps_itself_in_a_transaction_runs_in_ours(place: Place) -> None:
    write(place, f"BEGIN;\n{rows()}COMMIT;\n")
    assert len(place.project().up().steps[1].statements) == COUNT
    assert place.rows("SELECT count(*) FROM t") == [(COUNT,)]


def test_a_failure_far_inside_is_found_at_its_line_and_leaves_nothing(place: Place) -> None:
    write(place, rows(broken=20_000), top="-- banister: tags=big\n")
    with pytest.raises(MigrationFailed) as caught:
        place.project().up()
    location = caught.value.location
    assert location is not None
    assert location.line == 20_002
    assert location.source_line == "INSERT INTO t VALUES (1, nothing_is_called_so);"
    assert location.note == f"up, statement 20001 of {COUNT}"
    assert place.rows("SELECT count(*) FROM t") == [(0,)]
    assert place.history() == ["001"]


def test_outside_a_transaction_a_run_goes_on_where_the_last_one_stopped(place: Place) -> None:
    # Few statements: each commits.
    text = "".join(f"INSERT INTO t VALUES ({n}, '{'x' * 200_000}');\n" for n in range(9))
    broken = "INSERT INTO missing VALUES (1);\n"
    top = "-- banister: transaction=off\n"
    path = write(place, text + broken, top=top)
    with pytest.raises(MigrationFailed):
        place.project().up()
    assert place.rows("SELECT count(*) FROM t") == [(9,)]
    path.write_text(top + text + "INSERT INTO t VALUES (9, 'y');\n")
    (step,) = place.project().up().steps
    assert step.done == 9
    assert place.rows("SELECT count(*), count(DISTINCT id) FROM t") == [(10, 10)]


def test_a_file_that_changes_between_the_checks_and_the_run_is_rolled_back(place: Place) -> None:
    path = write(place, rows())

    def change(event: Event) -> None:
        if isinstance(event, StepStarted) and event.number == 2:
            with path.open("r+b") as file:
                file.seek(900_000)
                file.write(b"-- another text\n")

    with pytest.raises(MigrationFailed, match="changed while it was in use") as caught:
        place.project().up(on_event=change)
    assert caught.value.state is not None
    assert "002 was rolled back whole" in caught.value.state
    assert place.rows("SELECT count(*) FROM t") == [(0,)]
    assert place.history() == ["001"]


@pytest.mark.parametrize("grows", [True, False])
def test_a_file_that_grows_or_goes_is_rolled_back(place: Place, *, grows: bool) -> None:
    path = write(place, rows())

    def change(event: Event) -> None:
        if isinstance(event, StepStarted) and event.number == 2:
            if grows:
                with path.open("a") as file:
                    file.write("INSERT INTO t VALUES (-1, 'late');\n")
            else:
                path.unlink()

    with pytest.raises(MigrationFailed, match="changed while it was in use"):
        place.project().up(on_event=change)
    assert place.rows("SELECT count(*) FROM t") == [(0,)]


def test_a_down_text_as_large_is_used_from_its_file_and_not_kept(place: Place) -> None:
    write(place, rows())
    place.project().up()
    kept = place.rows("SELECT version, down_text IS NOT NULL FROM schema_migrations")
    assert {(str(version), bool(is_kept)) for version, is_kept in kept} == {
        ("001", True),
        ("002", False),
    }
    first, second = place.project().status().rows
    assert (first.down_kept, second.down_kept) == (True, False)
    assert second.reversible
    place.project().down()
    assert place.rows("SELECT count(*) FROM t") == [(0,)]


def test_without_its_file_a_down_that_was_not_kept_is_refused(place: Place) -> None:
    write(place, rows())
    place.project().up()
    place.remove("002_rows.up", "002_rows.down")
    row = place.project().status().rows[1]
    assert not row.reversible
    with pytest.raises(FindingsError, match="cannot be rolled back"):
        place.project().down()
    assert place.rows("SELECT count(*) FROM t") == [(COUNT,)]


def test_an_edit_of_an_applied_file_is_found(place: Place) -> None:
    path = write(place, rows())
    place.project().up()
    path.write_bytes(rows().replace("note of 24000", "note of 24001").encode())
    with pytest.raises(FindingsError, match="edited"):
        place.project().up()


def test_line_ends_do_not_count_as_an_edit(place: Place) -> None:
    path = write(place, rows(), top="-- banister: tags=big\n")
    place.project().up()
    text = "-- banister: tags=bigger\n" + rows()
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert place.project().up().steps == ()


@pytest.mark.parametrize(
    ("late", "code"),
    [
        ("COMMIT;\n", "transaction_control"),
        ("-- banister: transaction=off\n", "directive_misplaced"),
        ("INSERT INTO t VALUES (1, 'never closed);\n", "unterminated_string"),
        ("INSERT INTO t\u00a0VALUES (1, 'a');\n", "invisible_character"),
    ],
)
def test_what_is_wrong_far_inside_is_found_before_anything_runs(
    place: Place, late: str, code: str
) -> None:
    write(place, rows() + late)
    findings = [finding for finding in place.project().lint() if finding.code == code]
    assert len(findings) == 1
    location = findings[0].location
    assert location is not None
    assert location.line == COUNT + 1
    assert findings[0].version == "002"


def test_a_statement_that_no_server_takes_is_refused_at_its_line(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[Window.__module__], "LONGEST_STATEMENT", 1_200_000)
    long = ", ".join(f"({number}, 'x')" for number in range(200_000))
    write(place, f"{ROW.format(1, 1)}\n-- rows\nINSERT INTO t VALUES {long};\n")
    with pytest.raises(FindingsError, match="no server takes it") as caught:
        place.project().up()
    (finding,) = [f for f in caught.value.findings if f.code == "statement_too_long"]
    assert finding.location is not None
    assert (finding.location.line, finding.location.column) == (4, 1)
    assert place.tables() == set()
