"""A snapshot as text and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banister import UsageError
from banister.snapshot import (
    CatalogObject,
    ObjectIdentity,
    ObjectKind,
    Snapshot,
    parse,
    printable,
    render,
)

_WHOLES = [ObjectKind.SCHEMA, ObjectKind.TABLE, ObjectKind.CONFIGURATION, ObjectKind.OPERATOR]
_PARTS = [ObjectKind.COLUMN, ObjectKind.TRIGGER]
# Printed letters, and all that could be taken for something else.
_LETTERS = st.sampled_from("ab \"|=:#\\'\t\r\n\u00a0\x00\u2028é😀")
_NAMES = st.text(_LETTERS, min_size=1, max_size=6).map(lambda name: f'"{printable(name)}"')
_PROPERTIES = st.dictionaries(
    st.sampled_from(["type", "not null", "body"]), st.text(_LETTERS, max_size=12)
)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    objects: dict[ObjectIdentity, CatalogObject] = {}
    order: dict[str, tuple[str, ...]] = {}

    def add(identity: ObjectIdentity) -> None:
        objects[identity] = CatalogObject(identity=identity, properties=draw(_PROPERTIES))

    for kind, name in draw(st.lists(st.tuples(st.sampled_from(_WHOLES), _NAMES), max_size=5)):
        add(ObjectIdentity(kind, name))
        if kind is ObjectKind.TABLE:
            columns = draw(st.lists(_NAMES, unique=True, max_size=3))
            for column in columns:
                add(ObjectIdentity(draw(st.sampled_from(_PARTS)), column, name))
            if columns:
                order[name] = tuple(columns)
    return Snapshot(server="PostgreSQL 18", objects=objects, column_order=order)


@given(snapshots())
def test_what_is_written_is_read_back(snapshot: Snapshot) -> None:
    text = render(snapshot)
    assert parse(text, "s") == snapshot
    assert parse(text.replace("\n", "\r\n"), "s") == snapshot
    assert text == render(parse(text, "s"))


def test_the_text_is_a_block_an_object_and_does_not_depend_on_their_order() -> None:
    things = [
        CatalogObject(
            identity=ObjectIdentity(ObjectKind.COLUMN, "id", "users"),
            properties={"type": "integer", "not null": "yes"},
        ),
        CatalogObject(
            identity=ObjectIdentity(ObjectKind.FUNCTION, "f()"),
            properties={"language": "sql", "body": "\n  SELECT 1;\n"},
        ),
        CatalogObject(identity=ObjectIdentity(ObjectKind.TABLE, "users")),
    ]
    snapshot = Snapshot(
        server="PostgreSQL 18",
        objects={thing.identity: thing for thing in things},
        column_order={"users": ("id",)},
    )
    assert render(snapshot) == (
        "# banister snapshot 1, PostgreSQL 18\n"
        "\n"
        "function f()\n"
        "    language: sql\n"
        "    body:\n"
        "        |\n"
        "        |   SELECT 1;\n"
        "        |\n"
        "\n"
        "table users\n"
        "    column order: id\n"
        "\n"
        "    column id\n"
        "        type: integer\n"
        "        not null: yes\n"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("# banister snapshot 2, PostgreSQL 18\n", 1),
        ("# banister snapshot 1, S\n\nthing x\n", 3),
        ("# banister snapshot 1, S\n\n    column x\n", 3),
        ("# banister snapshot 1, S\n\ntable x\n  type: a\n", 4),
        ("# banister snapshot 1, S\n\ntable x\n    no property\n", 4),
        ("# banister snapshot 1, S\n\ntable x\n<<<<<<< HEAD\n    a: b\n", 4),
        ('# banister snapshot 1, S\n\ntable x\n    a:\n        = "b\n', 5),
    ],
)
def test_what_is_no_snapshot_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, "schema.txt")
    location = caught.value.location
    assert location is not None
    assert (location.path, location.line) == ("schema.txt", line)
    assert caught.value.hint == "write it anew with `banister snapshot --output schema.txt`"


def test_names_fit_on_a_line() -> None:
    assert printable('"a b"') == '"a b"'
    assert printable('"a\n\\b"') == 'U&"a\\+00000A\\\\b"'
