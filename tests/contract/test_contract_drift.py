"""What somebody changed by hand is named; what nobody changed is not: the same on both engines."""

import pytest
from contract_kit import OURS, THREE, Place, place

from banister import Drift, FindingsError, Project
from banister.report import Style
from banister.report.drift import drift_lines

FILES = {
    **THREE,
    "002_b.up": "CREATE TABLE b (id int PRIMARY KEY, note text);\n"
    "CREATE INDEX b_note ON b (note);\n",
}


@pytest.fixture
def project(place: Place) -> Project:
    """Three migrations, of which two are applied."""
    place.write(FILES)
    project = place.project()
    project.up(to="002")
    return project


def told(drift: Drift) -> list[str]:
    """The lines about differences."""
    return [line.strip() for line in drift_lines(drift, Style()) if line.startswith("  ")]


def test_what_the_migrations_made_is_no_drift(project: Project, place: Place) -> None:
    before = place.fingerprint()
    found = project.drift()
    assert (told(found), found.good, found.migrations, found.ignored) == ([], True, 2, 0)
    assert found.not_certified is None
    assert place.fingerprint() == before


def test_an_empty_database_has_no_drift_and_stays_empty(place: Place) -> None:
    found = place.project().drift()
    assert (told(found), found.good, found.migrations) == ([], True, 0)
    assert place.tables() & OURS == set()


# fmt: off
_BY_HAND = [
    ("DROP INDEX b_note", "index b_note: missing in the database"),
    ("ALTER TABLE b ADD COLUMN extra int", "column b.extra: not made by the migrations"),
    ("CREATE TABLE c (id int)", "table c: not made by the migrations"),
    ("DROP TABLE a", "table a: missing in the database"),
]
# fmt: on


@pytest.mark.parametrize(("change", "said"), _BY_HAND)
def test_a_change_by_hand_is_named_with_its_side(
    project: Project, place: Place, change: str, said: str
) -> None:
    place.run(change)
    found = project.drift()
    assert told(found) == [said]
    assert not found.good


def test_what_changed_is_told_from_the_migrations_to_the_database(
    project: Project, place: Place
) -> None:
    place.run("DROP INDEX b_note", "CREATE UNIQUE INDEX b_note ON b (note)")
    first, legend = told(project.drift())
    assert first.startswith("index b_note: ")
    assert legend == "→: from what the migrations make to what the database has"
    place.run("DROP TABLE b", "CREATE TABLE b (id int PRIMARY KEY, note varchar(9))")
    place.run("CREATE INDEX b_note ON b (note)")
    found = told(project.drift())[0].lower()
    assert found.startswith("column b.note: type text → ")


def test_an_order_of_columns_is_shown_and_is_no_drift(project: Project, place: Place) -> None:
    if place.is_sqlite:
        place.run("DROP TABLE b", "CREATE TABLE b (note text, id int PRIMARY KEY)")
    else:
        place.run("ALTER TABLE b DROP COLUMN id", "ALTER TABLE b ADD COLUMN id int PRIMARY KEY")
    if place.is_sqlite:
        place.run("CREATE INDEX b_note ON b (note)")
    found = project.drift()
    assert "(order only)" in told(found)[0]
    assert found.good


def test_what_the_settings_name_is_passed_over_and_counted(place: Place, project: Project) -> None:
    place.run("CREATE TABLE audit_log (id int)", "CREATE INDEX audit_id ON audit_log (id)")
    place.run("DROP INDEX b_note")
    found = place.project(drift_ignore=["table audit_*", "extension none"]).drift()
    assert (told(found), found.ignored) == (["index b_note: missing in the database"], 1)
    found = place.project(drift_ignore=["table audit_*", "index b_note"]).drift()
    assert (told(found), found.good, found.ignored) == ([], True, 2)
    # Of the case that is written, and of that kind alone.
    found = place.project(drift_ignore=["table AUDIT_*", "view *"]).drift()
    assert len(told(found)) == 2


def test_only_what_is_applied_counts_in_its_order(place: Place) -> None:
    place.project().up(to="002")
    place.write({"000_late.up": "CREATE TABLE late (id int)", "000_late.down": "DROP TABLE late"})
    place.project(out_of_order=True).up(to="002")
    place.write({"004_broken.up": "CREATE TABEL x", "004_broken.down": ""})
    found = place.project().drift()
    assert (told(found), found.migrations) == ([], 3)
    place.project().down()
    assert place.project().drift().good


def test_skipped_migrations_are_not_expected(place: Place) -> None:
    place.write({"003_c.up": "-- banister: tags=demo\nCREATE TABLE c (id int);\n"})
    place.project(skip_tags=["demo"]).up()
    found = place.project().drift()
    assert (told(found), found.migrations) == ([], 2)


@pytest.mark.parametrize("code", ["file_missing", "edited"])
def test_files_that_are_not_what_was_applied_are_refused(
    project: Project, place: Place, code: str
) -> None:
    if code == "edited":
        place.write({"002_b.up": "CREATE TABLE b (other int);\n"})
    else:
        place.remove("002_b.up", "002_b.down")
    with pytest.raises(FindingsError) as caught:
        project.drift()
    assert [finding.code for finding in caught.value.findings] == [code]


def test_a_migration_that_is_half_done_is_refused(place: Place) -> None:
    place.write({"001_a.up": "-- banister: transaction=off\nCREATE TABLE a (id int);\nBROKEN;\n"})
    with pytest.raises(Exception, match="syntax error"):
        place.project().up()
    with pytest.raises(FindingsError, match=r"001_a .* is half done"):
        place.project().drift()
