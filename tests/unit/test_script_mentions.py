"""Which names a statement drops, renames and writes rows under."""

import pytest

from banister.model import Dialect
from banister.script import split_statements
from banister.script.mentions import Mentions, RowVerb, mentions, name_of

PG, LITE = Dialect.POSTGRESQL, Dialect.SQLITE


def said(text: str, dialect: Dialect = PG) -> list[Mentions]:
    statements = split_statements(text, dialect=dialect)
    return [each for statement in statements for each in mentions(statement, dialect)]


@pytest.mark.parametrize(
    ("text", "dialect", "name"),
    [
        ("Users", PG, ("users",)),
        ('"A b".c', PG, ("A b", "c")),
        ('app."say ""hi"""', PG, ("app", 'say "hi"')),
        ("app.f(integer, text)", PG, ("app", "f")),
        ("[A b]", LITE, ("a b",)),
        ('"Users"', LITE, ("users",)),
        ("", PG, ()),
    ],
)
def test_a_name_is_read_as_the_database_compares_it(
    text: str, dialect: Dialect, name: tuple[str, ...]
) -> None:
    assert name_of(text, dialect) == name


@pytest.mark.parametrize(
    ("text", "drops"),
    [
        ("DROP TABLE a, app.b CASCADE", [[("table",), ("a",), ("app", "b")]]),
        ("drop view if exists V;", [[("view",), ("if",), ("exists",), ("v",)]]),
        ("DROP TRIGGER x ON t", [[("trigger",), ("x",)]]),
        (
            "ALTER TABLE t DROP COLUMN a, DROP CONSTRAINT b",
            [[("column",), ("a",)], [("constraint",), ("b",)]],
        ),
        ("SELECT 'DROP TABLE a' -- DROP TABLE b", []),
    ],
)
def test_what_stands_behind_drop_is_dropped(text: str, drops: list[list[tuple[str, ...]]]) -> None:
    assert [[*items] for items in said(text)[0].drops] == drops


def test_a_do_block_is_read_statement_by_statement() -> None:
    found = said("DO $x$ BEGIN DROP TABLE b; DROP TABLE a; DELETE FROM c; END $x$;")
    assert [items[-1] for each in found for items in each.drops] == [("b",), ("a",)]
    assert [work.table for each in found for work in each.writes] == [("c",)]
    assert said("DO LANGUAGE plpgsql $$BEGIN DROP TABLE b$$")[0].drops == ((("table",), ("b",)),)


@pytest.mark.parametrize(
    ("text", "rename"),
    [
        ("ALTER TABLE a RENAME TO b", (None, "a", "b")),
        ("ALTER TABLE IF EXISTS ONLY a RENAME COLUMN x TO y", ("a", "x", "y")),
        ("ALTER TABLE a RENAME x TO y", ("a", "x", "y")),
        ("ALTER TABLE a RENAME CONSTRAINT x TO y", ("a", "x", "y")),
        ("ALTER INDEX a RENAME TO b", (None, "a", "b")),
        ("ALTER TRIGGER x ON a RENAME TO y", ("a", "x", "y")),
        ("ALTER FUNCTION f(int, text) RENAME TO g", (None, "f", "g")),
        ("ALTER TABLE s.a SET SCHEMA t", (None, "s.a", "t.a")),
    ],
)
def test_a_rename_has_both_names(text: str, rename: tuple[str | None, str, str]) -> None:
    (found,) = said(text)[0].renames
    of = None if found.of is None else ".".join(found.of)
    assert (of, ".".join(found.old), ".".join(found.new)) == rename


@pytest.mark.parametrize(
    ("text", "works"),
    [
        ("DELETE FROM a WHERE id = 1", [(RowVerb.DELETE, "a", False)]),
        ("DELETE FROM ONLY a", [(RowVerb.DELETE, "a", True)]),
        ("TRUNCATE TABLE a, ONLY b", [(RowVerb.DELETE, "a", True), (RowVerb.DELETE, "b", True)]),
        ("UPDATE a AS x SET y = 1", [(RowVerb.CHANGE, "a", False)]),
        ("INSERT INTO a VALUES (1) ON CONFLICT DO UPDATE SET x = 1", [(RowVerb.ADD, "a", False)]),
        ("MERGE INTO a USING b ON a.x = b.x WHEN MATCHED THEN UPDATE SET y = 1",
         [(RowVerb.CHANGE, "a", False)]),
        ("WITH x AS (DELETE FROM a WHERE y RETURNING *) INSERT INTO b SELECT * FROM x",
         [(RowVerb.DELETE, "a", False), (RowVerb.ADD, "b", False)]),
        ("CREATE RULE r AS ON INSERT TO a DO INSTEAD DELETE FROM b", []),
        ("REVOKE DELETE, TRUNCATE ON a FROM b", []),
        ("SELECT * FROM a FOR UPDATE", []),
        ("ALTER TABLE a DROP COLUMN x", []),
    ],
)  # fmt: skip
def test_a_statement_that_writes_rows_names_their_table(
    text: str, works: list[tuple[RowVerb, str, bool]]
) -> None:
    found = [(work.verb, ".".join(work.table), work.every) for work in said(text)[0].writes]
    assert found == works


def test_sqlite_writes_in_its_own_words() -> None:
    assert [work.table for work in said("REPLACE INTO a VALUES (1)", LITE)[0].writes] == [("a",)]
    assert [w.table for w in said("INSERT OR IGNORE INTO a VALUES (1)", LITE)[0].writes] == [("a",)]
    assert [w.table for w in said("UPDATE OR IGNORE [a] SET x = 1", LITE)[0].writes] == [("a",)]
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END;"
    assert said(trigger, LITE)[0].writes == ()
