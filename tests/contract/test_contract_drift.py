"""What somebody changed by hand is named; what nobody changed is not: the same on both engines."""

import signal

import pytest
from contract_kit import OURS, THREE, Place, place
from contract_kit import told as told_by

from banister import (
    Drift,
    FindingsError,
    MigrationFailed,
    Project,
    RunFinished,
    StoredDrift,
    Version,
    Warned,
)
from banister.report import Style
from banister.report.drift import drift_lines
from conftest import RunBanister

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


def stored(place: Place) -> list[tuple[str | None, str]]:
    """Versions of the fingerprints in the log, and how they were taken."""
    query = "SELECT version, detail FROM schema_migrations_log WHERE event = 'snapshot' ORDER BY id"
    return [(version, detail) for version, detail in place.rows(query)]


def test_every_run_that_changes_something_stores_one_fingerprint(place: Place) -> None:
    project = place.project()
    project.up(to="002")
    project.up(to="002")
    project.up()
    project.down(2)
    project.down()
    assert [version for version, _ in stored(place)] == ["002", "003", "001", None]
    assert len({how for _, how in stored(place)}) == 1
    assert project.stored_drift() == StoredDrift(changed=False)
    place.run("CREATE TABLE by_hand (id int)")
    assert project.stored_drift().changed is True


def test_a_change_by_hand_is_seen_without_a_scratch_database(
    project: Project, place: Place
) -> None:
    before = place.fingerprint()
    assert project.stored_drift() == StoredDrift(changed=False, version=Version("002"))
    assert place.fingerprint() == before
    place.run("DROP INDEX b_note")
    assert project.stored_drift() == StoredDrift(changed=True, version=Version("002"))
    place.run("CREATE INDEX b_note ON b (note)")
    assert project.stored_drift().changed is False


def test_rows_and_failed_runs_change_nothing(project: Project, place: Place) -> None:
    place.run("INSERT INTO b VALUES (1, 'x')")
    place.write({"003_c.up": "CREATE TABLE c (id int);\nBROKEN;\n"})
    with pytest.raises(MigrationFailed):
        project.up()
    assert project.stored_drift() == StoredDrift(changed=False, version=Version("002"))


def test_a_run_that_fails_in_between_stores_what_is_committed(place: Place) -> None:
    place.write({"002_b.up": "CREATE TABLE b (id int);\nBROKEN;\n"})
    with pytest.raises(MigrationFailed):
        place.project().up()
    assert [version for version, _ in stored(place)] == ["001"]
    assert place.project().stored_drift().changed is False


def test_what_is_passed_over_is_left_out_of_the_fingerprint(place: Place) -> None:
    project = place.project(drift_ignore=["table audit_*"])
    project.up()
    place.run("CREATE TABLE audit_1 (id int)")
    assert project.stored_drift().changed is False
    place.run("CREATE TABLE other (id int)")
    assert project.stored_drift().changed is True
    found = place.project(drift_ignore=["table other"]).stored_drift()
    assert found.changed is None
    assert 'ignoring ["table audit_*"]; now' in str(found.reason)
    assert 'ignoring ["table other"]' in str(found.reason)


@pytest.mark.parametrize("late", ["up", "down"])
def test_a_run_killed_before_its_fingerprint_is_no_alarm(
    project: Project, place: Place, late: str, run_banister: RunBanister
) -> None:
    done = run_banister(
        late, "--url", place.database.url, cwd=place.root,
        env={"BANISTER_TEST_FAIL_POINT": "before_told:1:kill"},
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    assert place.history() == (["001", "002", "003"] if late == "up" else ["001"])
    found = project.stored_drift()
    assert (found.changed, found.good) == (None, True)
    assert "no fingerprint was stored" in str(found.reason)
    project.up()
    # Back at the version whose fingerprint was stored first: that one has been overtaken.
    if late == "down":
        assert project.stored_drift().changed is False


def test_an_older_fingerprint_of_the_same_version_never_counts(
    project: Project, place: Place
) -> None:
    # As two runs leave it that were both killed before they could store one.
    at, now = (", at", ", ''") if place.is_sqlite else ("", "")
    for event in ("rolled_back", "applied"):
        place.run(
            f"INSERT INTO schema_migrations_log (run_id, event, version{at}) "
            f"VALUES ('x', '{event}', '002'{now})"
        )
    assert project.stored_drift().changed is None


def test_a_history_that_was_changed_by_hand_is_no_alarm(project: Project, place: Place) -> None:
    place.run("DELETE FROM schema_migrations WHERE version = '002'")
    found = project.stored_drift()
    assert found.changed is None
    assert "when version 002 was applied last" in str(found.reason)


def test_without_any_run_nothing_is_known(place: Place) -> None:
    assert place.project().stored_drift().changed is None
    place.project().baseline("003")
    assert place.project().stored_drift().changed is None


def test_a_fingerprint_that_cannot_be_stored_fails_nothing(place: Place) -> None:
    place.project().up(to="001")
    trigger = "CREATE TRIGGER no BEFORE INSERT ON schema_migrations_log FOR EACH ROW WHEN "
    if place.is_sqlite:
        place.run(f"{trigger} new.event = 'snapshot' BEGIN SELECT RAISE(ABORT, 'not today'); END")
    else:
        body = "$$BEGIN RAISE 'not today'; END$$"
        place.run(f"CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS {body}")
        place.run(f"{trigger} (new.event = 'snapshot') EXECUTE FUNCTION no()")
    events = told_by(place.project().up)
    assert place.history() == ["001", "002", "003"]
    (warned,) = (event for event in events if isinstance(event, Warned))
    assert warned.finding.code == "fingerprint_not_stored"
    assert "not today" in warned.finding.message
    assert isinstance(events[-1], RunFinished)
    assert place.project().stored_drift().changed is None
