"""pg_dump as the judge: two snapshots are the same exactly when what it writes is the same."""

from collections.abc import Iterator
from contextlib import closing
from itertools import combinations
from pathlib import Path

import pytest
from agreement import CHOICES, NONE, Schema, build, same
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banister.snapshot import Snapshot, Weight, compare, parse, render
from servers import MAJORS, PostgresDatabase, Servers
from snapshot_kit import STORIES, dump, make_roles, read_story, snapshot_of

#: Stories of what pg_dump does not tell.
_UNSEEN = frozenset({"invalid_index", "extension_version", "subscription_enabled"})


def worded(one: Snapshot, other: Snapshot) -> bool:
    """Whether something differs in wording: pg_dump does not know that it means the same."""
    return any(found.weight is Weight.WORDING for found in compare(one, other))


@pytest.fixture(scope="module")
def kept(servers: Servers) -> Iterator[PostgresDatabase]:
    """One database for many schemas: what one leaves behind would be seen in the next."""
    with servers.database(MAJORS[-1]) as database:
        make_roles(database)
        yield database


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_every_kind_of_object_is_told_in_words_and_as_pg_dump_sees_it(
    path: Path, kept: PostgresDatabase
) -> None:
    judged = path.stem not in _UNSEEN
    with closing(kept.connect()) as connection:
        before = snapshot_of(connection)
        states = [(before, dump(kept) if judged else ())]
        for step in read_story(path).steps:
            connection.execute(step.sql.encode())
            now = snapshot_of(connection)
            assert [str(found) for found in compare(before, now)] == list(step.words), step.sql
            assert parse(render(now), "s") == now
            states.append((now, dump(kept) if judged else ()))
            before = now
    assert compare(states[0][0], before) == (), "the story leaves something behind"
    for (one, dumped), (other, dumped_other) in combinations(states, 2) if judged else ():
        if not worded(one, other):
            assert same(one, other) == (dumped == dumped_other)


@st.composite
def _pairs(draw: st.DrawFn) -> tuple[Schema, Schema]:
    """Draw two schemas that differ in little or nothing, and the orders in which they are made."""
    some = {line: draw(st.integers(NONE, len(kinds) - 1)) for line, kinds in enumerate(CHOICES)}
    changed = draw(st.sets(st.sampled_from(sorted(some)), max_size=2))
    other = {
        line: draw(st.integers(NONE, len(CHOICES[line]) - 1)) if line in changed else choice
        for line, choice in some.items()
    }
    first, second = (draw(st.permutations(sorted(each.items()))) for each in (some, other))
    return list(first), list(second)


@pytest.fixture(scope="module")
def random_one(servers: Servers) -> Iterator[PostgresDatabase]:
    """A database for the random schemas alone."""
    with servers.database(MAJORS[-1]) as database:
        make_roles(database)
        yield database


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(pair=_pairs())
def test_any_two_schemas_are_the_same_exactly_when_pg_dump_says_so(
    random_one: PostgresDatabase, pair: tuple[Schema, Schema]
) -> None:
    (one, dumped), (other, dumped_other) = (build(random_one, schema) for schema in pair)
    assert same(one, other) == (dumped == dumped_other), [str(d) for d in compare(one, other)]
