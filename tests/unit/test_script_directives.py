"""Directive lines: what they say, and how a wrong one is answered."""

import pytest

from banister.model import Direction, Directives, Source
from banister.script import make_script, read_directives


def read(text: str, direction: Direction = Direction.UP) -> Directives:
    directives, findings = read_directives(Source(path="a.sql", text=text), direction)
    assert findings == ()
    return directives


def wrong(text: str, direction: Direction = Direction.UP) -> list[tuple[str, str, str]]:
    _, findings = read_directives(Source(path="a.sql", text=text), direction)
    return [(f.code, str(f.location), f.hint or "") for f in findings]


def test_all_keys_are_understood() -> None:
    directives = read(
        "/* a\n comment */\n\n-- about this file\n"
        "-- banister: transaction=off tags=demo,dev lock_timeout=5s\n"
        "  --  banister: irreversible group=orders foreign_keys=off\r\n"
        '-- banister: keep="extension citext, schema  old"\n'
        '-- banister: accept=table_rewrite reason="it is small" accept=x reason=y\n'
        "select 1;"
    )
    assert directives == Directives(
        transaction=False,
        tags=frozenset({"demo", "dev"}),
        lock_timeout=5.0,
        irreversible=True,
        group="orders",
        keep=("extension citext", "schema old"),
        accept=(("table_rewrite", "it is small"), ("x", "y")),
        foreign_keys=False,
    )


@pytest.mark.parametrize(
    ("value", "seconds"), [("500ms", 0.5), ("5s", 5.0), ("1.5s", 1.5), ("2min", 120.0)]
)
def test_times_have_units(value: str, seconds: float) -> None:
    assert read(f"-- banister: lock_timeout={value}").lock_timeout == seconds


def test_no_directive_says_nothing() -> None:
    assert read("select 1;") == read("") == read("-- banister:\n") == Directives()
    assert read("-- banister: transaction=on").transaction is True


@pytest.mark.parametrize(
    ("line", "code", "place", "hint"),
    [
        ("-- banister: transacton=off", "directive_unknown", "1:14", 'did you mean "transaction"?'),
        ("-- banister: zzz", "directive_unknown", "1:14", "known: transaction"),
        ("-- banister: transaction=offf", "directive_value", "1:26", 'did you mean "off"?'),
        ("-- banister: transaction", "directive_value", "1:14", "transaction=off"),
        ("-- banister: lock_timeout=5", "directive_value", "1:27", "lock_timeout=5s or"),
        ("-- banister: lock_timeout=5h", "directive_value", "1:27", "ms, s or min"),
        ("-- banister: lock_timeout=0s", "directive_value", "1:27", "lock_timeout=5s"),
        ("-- banister: tags=a,,b", "directive_value", "1:19", "tags=demo"),
        ("-- banister: tags=", "directive_value", "1:19", "tags=demo"),
        ("-- banister: group=", "directive_value", "1:20", "group=NAME"),
        ("-- banister: irreversible=yes", "directive_value", "1:27", "`irreversible` alone"),
        ("-- banister: keep=citext", "directive_value", "1:19", 'keep="extension citext"'),
        ("-- banister: accept=r", "directive_value", "1:21", "accept=r reason="),
        ('-- banister: accept=r reason=" "', "directive_value", "1:21", "accept=r reason="),
        ('-- banister: reason="r"', "directive_value", "1:21", "accept=RULE"),
        ('-- banister: group="a', "directive_quote", "1:20", 'key="value"'),
        ('-- banister: group="a"b', "directive_quote", "1:20", 'key="value"'),
        ("-- banister: tags=a tags=b", "directive_twice", "1:21", "keep one"),
        ("-- Banister: tags=a", "directive_marker", "1:1", 'did you mean "-- banister:"?'),
        ("--banister: tags=a", "directive_marker", "1:1", 'did you mean "-- banister:"?'),
        ("-- bannister: tags=a", "directive_marker", "1:1", 'did you mean "-- banister:"?'),
        ("-- banister tags=a", "directive_marker", "1:1", 'did you mean "-- banister:"?'),
        ("-- banister : irreversible", "directive_marker", "1:1", 'did you mean "-- banister:"?'),
        ("/* a */ -- banister: tags=a", "directive_misplaced", "1:9", "line of its own"),
        ("select 1;\n-- banister: tags=a", "directive_misplaced", "2:1", "top of the file"),
        ("select 1 -- banister: tags=a\n;", "directive_misplaced", "1:10", "top of the file"),
    ],
)
def test_a_wrong_line_is_an_error_at_its_column(
    line: str, code: str, place: str, hint: str
) -> None:
    ((found_code, found_place, found_hint),) = wrong(line)
    assert (found_code, found_place) == (code, f"a.sql:{place}")
    assert hint in found_hint


@pytest.mark.parametrize(
    "text",
    [
        "-- banister is the tool that runs this file\nselect 1;",
        "-- barrister: tags of lawyers\nselect 1;",
        "select '\n-- banister: tags=a\n';",
        "do $$\n-- banister: tags=a\n$$;",
        "select 1; /*\n-- banister: tags=a\n*/",
        "copy t from stdin;\n-- banister: tags=a\n\\.\n",
        "/*\n-- banister: tags=a\n*/ select 1;",
    ],
)
def test_what_is_no_directive_is_left_alone(text: str) -> None:
    assert read(text) == Directives()


@pytest.mark.parametrize("directive", ["irreversible", "tags=a"])
def test_what_belongs_in_the_up_file_is_refused_in_the_down_file(directive: str) -> None:
    ((code, place, hint),) = wrong(f"-- banister: {directive}", Direction.DOWN)
    assert (code, place) == ("directive_direction", "a.sql:1:14")
    assert "up file" in hint


def test_the_rest_of_a_wrong_line_still_counts() -> None:
    source = Source(path="a.sql", text="-- banister: nope tags=a transaction=off")
    directives, findings = read_directives(source, Direction.UP)
    assert (directives.tags, directives.transaction, len(findings)) == (
        frozenset({"a"}),
        False,
        1,
    )


def test_a_script_has_all_of_it() -> None:
    source = Source(path="a.sql", text="-- banister: tags=a nope\nselect 1;\n")
    script, findings = make_script(source, Direction.UP, from_file=False)
    assert script.directives.tags == {"a"}
    assert [finding.code for finding in findings] == ["directive_unknown"]
    assert script.checksum == make_script(source, Direction.DOWN)[0].checksum
    assert (script.source, script.direction, script.from_file) == (source, Direction.UP, False)
