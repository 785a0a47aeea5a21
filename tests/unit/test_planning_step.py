"""How one file will run, or why it cannot."""

import pytest

from banister.errors import Finding, Severity
from banister.model import Dialect, Step, TransactionMode, Version
from banister.planning import make_step
from samples import a_script

PG, LITE = Dialect.POSTGRESQL, Dialect.SQLITE


def made(text: str, dialect: Dialect = PG) -> tuple[Step, tuple[Finding, ...]]:
    return make_step(Version("001"), "first", a_script(text), dialect)


def clean(text: str, dialect: Dialect = PG) -> Step:
    step, findings = made(text, dialect)
    assert findings == ()
    return step


def refused(text: str, code: str, dialect: Dialect = PG) -> Finding:
    """The one finding about a text, an error of this rule."""
    _, (finding,) = made(text, dialect)
    assert (finding.severity, finding.code) == (Severity.ERROR, code)
    assert finding.hint
    assert finding.version == "001"
    assert finding.location is not None
    assert finding.location.path == "migrations/001_first.up.sql"
    return finding


def place(finding: Finding) -> tuple[int | None, int | None]:
    assert finding.location is not None
    return finding.location.line, finding.location.column


def texts(step: Step) -> list[str]:
    return [statement.text for statement in step.statements]


@pytest.mark.parametrize("dialect", Dialect)
def test_a_plain_file_runs_in_one_transaction(dialect: Dialect) -> None:
    step = clean("CREATE TABLE a (id int);\nINSERT INTO a VALUES (1);", dialect)
    assert step.mode is TransactionMode.WHOLE
    assert texts(step) == ["CREATE TABLE a (id int);", "INSERT INTO a VALUES (1);"]
    assert (step.begin_options, step.notes, step.done) == ("", (), 0)
    assert step.label == "001_first"


@pytest.mark.parametrize("text", ["", "-- nothing here\n", "\n\n", ";"])
def test_an_empty_file_is_a_step_without_statements(text: str) -> None:
    step = clean(text)
    assert (step.statements, step.mode) == ((), TransactionMode.WHOLE)


@pytest.mark.parametrize("begin", ["BEGIN", "begin work", "START TRANSACTION", "BEGIN TRANSACTION"])
@pytest.mark.parametrize("end", ["COMMIT", "end", "COMMIT WORK", "COMMIT AND NO CHAIN"])
def test_a_transaction_around_the_whole_file_is_ours(begin: str, end: str) -> None:
    step = clean(f"-- first\n{begin};\nSELECT 1;\nSELECT 2;\n{end};\n-- last\n")
    assert step.mode is TransactionMode.WHOLE
    assert texts(step) == ["SELECT 1;", "SELECT 2;"]
    assert step.statements[0].line == 3


def test_an_empty_transaction_is_no_statement_at_all() -> None:
    assert clean("BEGIN; COMMIT;").statements == ()


@pytest.mark.parametrize(
    "options",
    [
        "ISOLATION LEVEL SERIALIZABLE",
        "ISOLATION LEVEL REPEATABLE READ",
        "ISOLATION LEVEL SERIALIZABLE READ WRITE DEFERRABLE",
        "NOT DEFERRABLE",
    ],
)
def test_what_the_files_begin_asks_for_is_honoured(options: str) -> None:
    assert clean(f"BEGIN {options}; SELECT 1; COMMIT;").begin_options == options
    assert clean(f"START TRANSACTION {options.lower()}; SELECT 1; END").begin_options == options


def test_options_may_stand_behind_commas() -> None:
    step = clean("BEGIN ISOLATION LEVEL SERIALIZABLE, READ WRITE; SELECT 1; COMMIT;")
    assert step.begin_options == "ISOLATION LEVEL SERIALIZABLE READ WRITE"


@pytest.mark.parametrize("kind", ["IMMEDIATE", "EXCLUSIVE", "DEFERRED"])
def test_sqlites_kinds_of_transaction_are_honoured(kind: str) -> None:
    step = clean(f"BEGIN {kind} TRANSACTION; SELECT 1; COMMIT TRANSACTION;", LITE)
    assert step.begin_options == kind


@pytest.mark.parametrize("options", ["READ ONLY", "ISOLATION LEVEL SERIALIZABLE, READ ONLY"])
def test_a_read_only_transaction_is_refused(options: str) -> None:
    finding = refused(f"\n  BEGIN {options}; SELECT 1; COMMIT;", "read_only_transaction")
    assert place(finding) == (2, 3)


def test_an_option_nobody_knows_is_refused_by_name() -> None:
    finding = refused("BEGIN CHEERFULLY; SELECT 1; COMMIT;", "begin_options")
    assert "CHEERFULLY" in finding.message


@pytest.mark.parametrize(
    ("text", "word", "where"),
    [
        ("SELECT 1;\nCOMMIT;\nSELECT 2;", "COMMIT", (2, 1)),
        ("SELECT 1; ROLLBACK;", "ROLLBACK", (1, 11)),
        ("SELECT 1; ABORT;", "ABORT", (1, 11)),
        ("SELECT 1;\n  START TRANSACTION;", "START", (2, 3)),
        ("SELECT 1; END", "END", (1, 11)),
        ("PREPARE TRANSACTION 'x'; SELECT 1;", "PREPARE", (1, 1)),
        ("BEGIN;", "BEGIN", (1, 1)),
    ],
)
def test_transaction_control_anywhere_else_is_refused(
    text: str, word: str, where: tuple[int, int]
) -> None:
    finding = refused(text, "transaction_control")
    assert finding.message.startswith(f"{word} ")
    assert place(finding) == where


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("BEGIN;\nSELECT 1;\nCOMMIT;\nSELECT 2;", [1, 3]),
        ("SELECT 1;\nBEGIN;\nSELECT 2;\nCOMMIT;", [2, 4]),
        ("BEGIN;\nSELECT 1;\nROLLBACK;", [1, 3]),
        ("BEGIN;\nSELECT 1;\nCOMMIT AND CHAIN;", [1, 3]),
        ("BEGIN;\nSELECT 1;\nCOMMIT;\nBEGIN;\nSELECT 2;\nCOMMIT;", [3, 4]),
    ],
)
def test_every_control_that_does_not_wrap_the_whole_file_is_found(
    text: str, lines: list[int]
) -> None:
    _, findings = made(text)
    assert {finding.code for finding in findings} == {"transaction_control"}
    assert [place(finding)[0] for finding in findings] == lines


@pytest.mark.parametrize("dialect", Dialect)
def test_savepoints_are_the_files_own_business(dialect: Dialect) -> None:
    text = "SAVEPOINT a; SELECT 1; ROLLBACK TO a; RELEASE SAVEPOINT a;"
    assert len(clean(text, dialect).statements) == 4


def test_words_in_comments_and_strings_control_nothing() -> None:
    step = clean("-- COMMIT;\nSELECT 'ROLLBACK;', $$ COMMIT; $$ /* BEGIN; */;")
    assert len(step.statements) == 1


def test_a_function_body_with_begin_and_end_is_no_transaction() -> None:
    body = "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;"
    assert texts(clean(body)) == [body]


REFUSING = {
    PG: ["CREATE INDEX CONCURRENTLY i ON a (id)", "VACUUM a", "DROP INDEX CONCURRENTLY i",
         "REINDEX TABLE CONCURRENTLY a", "CREATE DATABASE x"],
    LITE: ["VACUUM"],
}  # fmt: skip
EACH_REFUSING = [(dialect, text) for dialect, all_ in REFUSING.items() for text in all_]


@pytest.mark.parametrize(("dialect", "text"), EACH_REFUSING)
def test_a_lone_statement_that_refuses_transactions_runs_outside_and_the_plan_says_so(
    dialect: Dialect, text: str
) -> None:
    step = clean(f"-- why\n{text}", dialect)
    assert step.mode is TransactionMode.STATEMENTS
    (note,) = step.notes
    assert note.startswith("runs outside a transaction: ")
    assert text.split(maxsplit=1)[0] in note


@pytest.mark.parametrize(("dialect", "text"), EACH_REFUSING)
def test_such_a_statement_beside_others_is_refused_with_the_reason(
    dialect: Dialect, text: str
) -> None:
    finding = refused(f"SELECT 1;\n  {text};", "refuses_transaction", dialect)
    assert "1 other statement" in finding.message
    assert finding.message.endswith("statement")
    assert place(finding) == (2, 3)
    finding = refused(f"{text};SELECT 1;SELECT 2;", "refuses_transaction", dialect)
    assert finding.message.endswith("2 other statements")


@pytest.mark.parametrize(
    "text",
    ["BEGIN; VACUUM; COMMIT;", "-- banister: transaction=on\nVACUUM;"],
)
def test_such_a_statement_in_a_file_that_asks_for_a_transaction_is_refused(text: str) -> None:
    finding = refused(text, "refuses_transaction")
    assert finding.message.endswith("and this file asks for one")


@pytest.mark.parametrize(("dialect", "text"), EACH_REFUSING)
def test_without_a_transaction_statements_run_one_by_one(dialect: Dialect, text: str) -> None:
    step = clean(f"-- banister: transaction=off\nSELECT 1;\n{text};\nSELECT 2;", dialect)
    assert step.mode is TransactionMode.STATEMENTS
    assert len(step.statements) == 3
    assert step.notes == ()


def test_without_a_transaction_control_is_refused_too() -> None:
    _, findings = made("-- banister: transaction=off\nBEGIN;\nSELECT 1;\nCOMMIT;")
    assert [(finding.code, place(finding)) for finding in findings] == [
        ("transaction_control", (2, 1)),
        ("transaction_control", (4, 1)),
    ]
    assert "commits by itself" in findings[0].message


@pytest.mark.parametrize("dialect", Dialect)
def test_without_a_transaction_a_savepoint_would_end_with_its_own_statement(
    dialect: Dialect,
) -> None:
    text = "-- banister: transaction=off\nSAVEPOINT s;\nSELECT 1;\nROLLBACK TO s;\nRELEASE s;"
    _, findings = made(text, dialect)
    assert [(finding.code, place(finding)) for finding in findings] == [
        ("transaction_control", (2, 1)),
        ("transaction_control", (4, 1)),
        ("transaction_control", (5, 1)),
    ]
    assert findings[0].message.startswith("SAVEPOINT cannot stand here")
    clean(text.removeprefix("-- banister: transaction=off"), dialect)


@pytest.mark.parametrize(
    "text",
    [
        "COPY t TO STDOUT;",
        "copy public.t (a, b) to stdout with (format csv);",
        'COPY "odd to stdout" TO stdin;',
        "COPY (SELECT * FROM t WHERE a IN (1, 2)) TO /* here */ STDOUT CSV;",
        "COPY BINARY t TO STDOUT;",
    ],
)
def test_rows_for_the_client_are_refused_by_name(text: str) -> None:
    finding = refused(f"SELECT 1;\n  {text}", "copy_to_stdout")
    assert place(finding) == (2, 3)
    assert "COPY … TO STDOUT" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "COPY t TO '/tmp/stdout';",
        "COPY t TO PROGRAM 'cat > stdout';",
        "COPY t FROM stdin;\n1 TO STDOUT\n\\.\n",
        "SELECT 'COPY t TO STDOUT;'; -- COPY t TO STDOUT\n",
        "/* COPY t TO STDOUT; */ SELECT 1;",
        "COPY \"to\" (stdout) FROM '/tmp/x';",
        "COPY binary TO '/tmp/x';",
    ],
)
def test_what_only_looks_like_rows_for_the_client_is_left_alone(text: str) -> None:
    clean(text)


def test_a_pragma_for_foreign_keys_is_refused_on_sqlite() -> None:
    for text in ("PRAGMA foreign_keys = OFF", "pragma main.foreign_keys(0)"):
        finding = refused(f"SELECT 1;\n{text};", "pragma_foreign_keys", LITE)
        assert place(finding) == (2, 1)
        assert "foreign_keys=off" in (finding.hint or "")


def test_reading_that_pragma_is_harmless() -> None:
    clean("PRAGMA foreign_keys;", LITE)


@pytest.mark.parametrize("value", ["off", "'off'", "FALSE", "0", "no"])
def test_strings_that_end_elsewhere_are_refused(value: str) -> None:
    refused(f"SET standard_conforming_strings = {value};", "strings_not_standard")


@pytest.mark.parametrize(
    "text",
    [
        "SET client_encoding = 'LATIN1';",
        "SET NAMES 'latin1';",
        "SET LOCAL client_encoding = win1252;",
    ],
)
def test_another_client_encoding_is_refused(text: str) -> None:
    refused(text, "client_encoding")


@pytest.mark.parametrize("value", ["'UTF8'", "utf8", "'UTF-8'", "DEFAULT"])
def test_saying_that_the_text_is_utf8_is_fine(value: str) -> None:
    clean(f"SET client_encoding = {value};")


def test_strings_as_they_are_may_be_said() -> None:
    clean("SET standard_conforming_strings = on;")


@pytest.mark.parametrize("setting", ["search_path", "lock_timeout", "statement_timeout"])
def test_what_a_file_sets_for_its_session_is_reported_with_where_it_belongs(setting: str) -> None:
    for text in (
        f"SET {setting} = '1';",
        f"SET SESSION {setting} TO '1';",
        f"SELECT set_config('{setting}', '1', false);",
    ):
        _, (finding,) = made(text)
        assert (finding.severity, finding.code) == (Severity.WARNING, "session_setting")
        assert setting in finding.message
        assert setting in (finding.hint or "")


@pytest.mark.parametrize(
    "text",
    ["SET LOCAL search_path = x;", "SELECT set_config('lock_timeout', '1', true);",
     "SET work_mem = '1GB';"],
)  # fmt: skip
def test_what_ends_with_the_transaction_is_not_reported(text: str) -> None:
    clean(text)


def test_what_cannot_be_split_is_an_error_at_its_place() -> None:
    _, findings = made("SELECT 1;\nSELECT 'open")
    (finding,) = findings
    assert finding.severity is Severity.ERROR
    assert place(finding) == (2, 8)


def test_everything_is_said_at_once() -> None:
    _, findings = made("SELECT 1;\nCOMMIT;\nVACUUM;\nSET standard_conforming_strings = off;")
    assert sorted(finding.code for finding in findings) == [
        "refuses_transaction", "strings_not_standard", "transaction_control",
    ]  # fmt: skip


def test_the_step_carries_the_down_that_is_kept_with_its_row() -> None:
    down = a_script("DROP TABLE a;")
    step, _ = make_step(
        Version("001"), "first", a_script("SELECT 1"), PG, down=down, notes=("by the way",)
    )
    assert step.down is down
    assert step.notes == ("by the way",)


@pytest.mark.parametrize(
    ("dialect", "options"),
    [
        (PG, "IMMEDIATE"),
        (PG, "LEVEL NOT READ"),
        (LITE, "ISOLATION LEVEL SERIALIZABLE"),
        (LITE, "LEVEL NOT READ"),
    ],
)
def test_what_the_engine_does_not_know_is_refused_before_anything_runs(
    dialect: Dialect, options: str
) -> None:
    finding = refused(f"BEGIN {options}; SELECT 1; COMMIT;", "begin_options", dialect)
    assert options in finding.message
