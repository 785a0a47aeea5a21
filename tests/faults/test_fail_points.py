"""Runs that end at a named place: whatever was done, one plain next run brings the rest."""

import re
import signal
from pathlib import Path

import pytest
from cut_off import FILES, SQLITE_FILES, start_run, write_files
from oracles import Expected, expected_of, next_run, sqlite_expected, sqlite_state, state, told

import banister
from banister.failpoints import FailPoint, fail_point
from postgres_kit import Site
from servers import MAJORS, PostgresDatabase, Servers

SRC = Path(banister.__file__).parent
#: Reached only by a run that goes on with the statement of one that was cut off.
RECOVERY = {FailPoint.BEFORE_RECOVERY, FailPoint.AFTER_RECOVERY}
OUTSIDE_TRANSACTION = {
    FailPoint.BEFORE_STARTED,
    FailPoint.BEFORE_STATEMENT,
    FailPoint.AFTER_STATEMENT,
    FailPoint.AFTER_DONE,
    FailPoint.BEFORE_END,
}
#: Of runs that send several migrations at once; see test_together.py.
TOGETHER = {FailPoint.BEFORE_TOGETHER, FailPoint.IN_TOGETHER, FailPoint.TOGETHER_ANSWERED}
POINTS = sorted(set(FailPoint) - RECOVERY - TOGETHER)
#: No connection is at hand where the runner hands the last event on.
CUTS = [
    *((point, "kill") for point in POINTS),
    *((point, "drop") for point in POINTS if point is not FailPoint.BEFORE_TOLD),
]
LOST = "connection|lost|closed|terminat"


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    made = Site(database=postgres, root=tmp_path)
    write_files(made.folder, FILES)
    for name, text in DOWNS.items():
        made.write({f"{name}.down": text})
    return made


#: What takes the last two steps back; one of them outside a transaction.
DOWNS = {
    "010_last": "DELETE FROM witness WHERE n = 10;\nUPDATE t SET extra = NULL WHERE id < 100;",
    "009_drop": "CREATE INDEX CONCURRENTLY t_note_idx ON t (note);",
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, servers: Servers) -> Expected:
    with servers.database(MAJORS[-1]) as database:
        site = Site(database=database, root=tmp_path_factory.mktemp("undisturbed"))
        write_files(site.folder, FILES)
        site.up()
        return expected_of(site)


def cut(site: Site, asked: str, *, exit_codes: set[int]) -> None:
    run = start_run(site.project, site.root / "said", fail_point=asked)
    assert told(run.wait(), exit_codes=exit_codes, cause=LOST) is None


@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize(("point", "action"), CUTS)
def test_up_on_postgresql(
    site: Site, undisturbed: Expected, point: FailPoint, action: str, nth: int
) -> None:
    # What was cut after its last word is done; the next statement tells that the wire is gone.
    codes = {-signal.SIGKILL} if action == "kill" else {1}
    cut(site, f"{point}:{nth}:{action}", exit_codes=codes)
    site.wait_until_gone()
    assert next_run(site.project()) is None
    site.wait_until_gone()
    assert state(site, undisturbed) is None


@pytest.mark.parametrize("action", ["kill", "drop"])
@pytest.mark.parametrize("point", sorted(RECOVERY))
def test_the_recovery_itself_is_cut_off(
    site: Site, undisturbed: Expected, point: FailPoint, action: str
) -> None:
    cut(site, f"{FailPoint.AFTER_STATEMENT}:1:kill", exit_codes={-signal.SIGKILL})
    site.wait_until_gone()
    cut(site, f"{point}:1:{action}", exit_codes={-signal.SIGKILL} if action == "kill" else {1})
    site.wait_until_gone()
    assert next_run(site.project()) is None
    site.wait_until_gone()
    assert state(site, undisturbed) is None


@pytest.mark.parametrize(
    ("point", "action"),
    [
        pytest.param(*each, marks=() if each[1] == "kill" else pytest.mark.everything)
        for each in CUTS
    ],
)
def test_down_on_postgresql(
    site: Site, undisturbed: Expected, point: FailPoint, action: str
) -> None:
    site.up()
    codes = {-signal.SIGKILL} if action == "kill" else {1}
    run = start_run(
        site.project,
        site.root / "said",
        fail_point=f"{point}:1:{action}",
        carry_out=lambda project: project.down(to="008"),
    )
    assert told(run.wait(), exit_codes=codes, cause=LOST) is None
    site.wait_until_gone()
    site.project().down(to="008")
    assert site.applied() == [name[:3] for name in FILES][:8]
    assert site.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_note_idx'::regclass")
    assert next_run(site.project()) is None
    site.wait_until_gone()
    assert state(site, undisturbed) is None


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_up_on_sqlite(tmp_path: Path, point: FailPoint, nth: int) -> None:
    def project(name: str) -> banister.Project:
        return banister.open(f"sqlite:///{tmp_path / name}", root=tmp_path, environ={})

    write_files(tmp_path / "migrations", SQLITE_FILES)
    project("undisturbed.db").up()
    run = start_run(lambda: project("cut.db"), tmp_path / "said", fail_point=f"{point}:{nth}:kill")
    once = nth == 2 and point in OUTSIDE_TRANSACTION
    # There is one such statement in these files: the second never comes.
    codes = {0} if once else {-signal.SIGKILL}
    assert told(run.wait(), exit_codes=codes, cause="never") is None
    assert next_run(project("cut.db")) is None
    expected = sqlite_expected(tmp_path / "undisturbed.db")
    assert sqlite_state(tmp_path / "cut.db", expected) is None


def test_every_point_is_somewhere_in_the_code() -> None:
    text = "".join(path.read_text() for path in SRC.rglob("*.py"))
    called = set(re.findall(r"fail_point\(FailPoint\.(\w+)", text))
    assert called == {point.name for point in FailPoint}


def test_without_the_variable_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BANISTER_TEST_FAIL_POINT", raising=False)
    for point in FailPoint:
        fail_point(point)


@pytest.mark.parametrize("asked", ["before_nothing:1:kill", "before_begin:1:explode"])
def test_an_unknown_point_or_action_is_an_error(
    monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setenv("BANISTER_TEST_FAIL_POINT", asked)
    with pytest.raises(ValueError, match="is not a valid"):
        fail_point(FailPoint.BEFORE_BEGIN)
