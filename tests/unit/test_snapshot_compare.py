"""Differences between two schemas, in words."""

from collections.abc import Mapping

import pytest

from banister.snapshot import (
    CatalogObject,
    Change,
    ObjectIdentity,
    ObjectKind,
    Snapshot,
    Weight,
    compare,
    fingerprint,
)

_TABLE = ObjectIdentity(ObjectKind.TABLE, "users")
_EMAIL = ObjectIdentity(ObjectKind.COLUMN, "email", "users")


def snapshot(
    *things: tuple[ObjectIdentity, Mapping[str, str]],
    server: str = "PostgreSQL 18",
    **order: tuple[str, ...],
) -> Snapshot:
    return Snapshot(
        server=server,
        objects={
            identity: CatalogObject(identity=identity, properties=properties)
            for identity, properties in things
        },
        column_order=order,
    )


def words(expected: Snapshot, found: Snapshot) -> list[str]:
    return [str(difference) for difference in compare(expected, found)]


@pytest.mark.parametrize(
    ("identity", "said"),
    [
        (_TABLE, "table users"),
        (_EMAIL, "column users.email"),
        (ObjectIdentity(ObjectKind.INDEX, "app.i", "app.users"), "index app.i"),
        (ObjectIdentity(ObjectKind.CONSTRAINT, "c", "users"), "constraint c on users"),
        (ObjectIdentity(ObjectKind.TRIGGER, "t", "users"), "trigger t on users"),
        (ObjectIdentity(ObjectKind.STATISTICS, "s", "users"), "statistics s"),
        (ObjectIdentity(ObjectKind.MATERIALIZED_VIEW, '"A b"'), 'materialized view "A b"'),
    ],
)
def test_objects_are_named_as_people_name_them(identity: ObjectIdentity, said: str) -> None:
    assert str(identity) == said


def test_the_same_is_no_difference() -> None:
    one = snapshot((_TABLE, {}), (_EMAIL, {"type": "text"}), users=("email",))
    assert words(one, one) == []


def test_a_property_that_changed_came_or_went_is_named_with_both_values() -> None:
    old = snapshot((_TABLE, {}), (_EMAIL, {"type": "text", "default": "'x'"}))
    new = snapshot((_TABLE, {}), (_EMAIL, {"type": "integer", "not null": "yes"}))
    assert words(old, new) == [
        "column users.email: type text → integer",
        "column users.email: default 'x' → none",
        "column users.email: not null no → yes",
    ]
    first = compare(old, new)[0]
    assert (first.before, first.after, first.change) == ("text", "integer", Change.CHANGED)


def test_long_values_are_not_shown() -> None:
    view = ObjectIdentity(ObjectKind.VIEW, "v")
    old, new = ({"definition": text} for text in ("SELECT 1\n FROM a", "SELECT 2"))
    assert words(snapshot((view, old)), snapshot((view, new))) == ["view v: definition changed"]
    long = snapshot((view, {"definition": "x" * 200}))
    assert words(snapshot((view, new)), long) == ["view v: definition changed"]


def test_short_lists_are_shown_on_one_line() -> None:
    granted = {"grants": "a: SELECT\nb: INSERT"}
    assert words(snapshot((_TABLE, {})), snapshot((_TABLE, granted))) == [
        "table users: grants none → a: SELECT; b: INSERT"
    ]


def test_what_is_missing_or_not_expected_is_told_without_its_parts() -> None:
    index = ObjectIdentity(ObjectKind.INDEX, "users_email", "users")
    full = snapshot((_TABLE, {}), (_EMAIL, {"type": "text"}), (index, {}))
    assert words(full, snapshot()) == ["table users: missing"]
    assert words(snapshot(), full) == ["table users: not expected"]
    assert words(full, snapshot((_TABLE, {}), (_EMAIL, {"type": "text"}))) == [
        "index users_email: missing"
    ]
    view = ObjectIdentity(ObjectKind.VIEW, "users")
    assert words(full, snapshot((view, {}), (_EMAIL, {"type": "integer"}))) == [
        "table users: missing",
        "view users: not expected",
    ]


def test_an_order_of_columns_weighs_less_and_only_common_columns_count() -> None:
    old = snapshot((_TABLE, {}), users=("a", "b", "c"))
    (found,) = compare(old, snapshot((_TABLE, {}), users=("a", "c", "b")))
    assert found.weight is Weight.ORDER
    assert str(found) == "table users: column order a, b, c → a, c, b (order only)"
    assert words(old, snapshot((_TABLE, {}), users=("a", "new", "b", "c"))) == []


# fmt: off
_BODIES = [
    ({"language": "plpgsql", "body": "begin return 1; end"},
     {"language": "plpgsql", "body": "\r\nBEGIN\n  return 1; -- one\nend"}, Weight.WORDING),
    ({"language": "sql", "body": "select 'a b'"}, {"language": "sql", "body": "select 'a  b'"},
     Weight.REAL),
    ({"language": "plpython3u", "body": "if a:\n b"}, {"language": "plpython3u", "body": "if a: b"},
     Weight.REAL),
]
# fmt: on


@pytest.mark.parametrize(("properties", "other", "weight"), _BODIES)
def test_white_space_and_comments_of_a_body_weigh_less_where_they_mean_nothing(
    properties: Mapping[str, str], other: Mapping[str, str], weight: Weight
) -> None:
    function = ObjectIdentity(ObjectKind.FUNCTION, "f()")
    (found,) = compare(snapshot((function, properties)), snapshot((function, other)))
    assert found.weight is weight


@pytest.mark.parametrize(
    ("identity", "properties", "default", "real"),
    [
        (_TABLE, {}, "fillfactor=100", "fillfactor=70"),
        (_TABLE, {}, "autovacuum_enabled=on", "autovacuum_enabled=off"),
        (
            ObjectIdentity(ObjectKind.INDEX, "i", "users"),
            {"definition": "CREATE INDEX i ON public.users USING btree (a)"},
            "fillfactor=90",
            "fillfactor=100",
        ),
        (ObjectIdentity(ObjectKind.VIEW, "users"), {}, "security_barrier=false", "x=1"),
        (ObjectIdentity(ObjectKind.CONSTRAINT, "k", "users"), {}, "fillfactor=90", "fillfactor=9"),
    ],
)
def test_a_default_that_is_spelled_out_weighs_less(
    identity: ObjectIdentity, properties: Mapping[str, str], default: str, real: str
) -> None:
    things: list[tuple[ObjectIdentity, Mapping[str, str]]] = [(_TABLE, {})] if identity.of else []
    none = snapshot(*things, (identity, properties))
    for options, weight in ((default, Weight.WORDING), (real, Weight.REAL)):
        other = snapshot(*things, (identity, {**properties, "options": options}))
        assert [found.weight for found in compare(none, other)] == [weight]
        assert [found.weight for found in compare(other, none)] == [weight]


def test_what_only_one_major_says_is_no_difference_between_two() -> None:
    old = snapshot((_TABLE, {}), (_EMAIL, {}), server="PostgreSQL 17")
    named = {"not null constraint": "must"}
    assert words(old, snapshot((_TABLE, {}), (_EMAIL, named))) == []
    same = snapshot((_TABLE, {}), (_EMAIL, {}))
    assert words(same, snapshot((_TABLE, {}), (_EMAIL, named))) != []


def test_a_fingerprint_depends_on_all_but_the_server_and_the_order_of_reading() -> None:
    one = snapshot((_TABLE, {}), (_EMAIL, {"type": "text"}), users=("email",))
    turned = snapshot(
        (_EMAIL, {"type": "text"}), (_TABLE, {}), server="PostgreSQL 17", users=("email",)
    )
    assert fingerprint(one) == fingerprint(turned)
    assert len(fingerprint(one)) == 64
    for other in (
        snapshot((_TABLE, {}), (_EMAIL, {"type": "int"}), users=("email",)),
        snapshot((_TABLE, {}), (_EMAIL, {"type": "text"}), users=("email", "id")),
        snapshot((_TABLE, {})),
    ):
        assert fingerprint(other) != fingerprint(one)
