"""What people give to backup and restore by mistake: an error that helps, and nothing done."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import banister
from banister.errors import ConnectionFailed, UsageError
from conftest import RunBanister
from sqlite_backup_kit import migrated, open_project, root_of, rows

#: What a system or a language says to programmers.
RAW = re.compile(r"Traceback|\[Errno|invalid literal|isoformat|int\(\)|NoneType|not a valid|codec")


@pytest.fixture
def project(tmp_path: Path) -> banister.Project:
    made = migrated(tmp_path)
    (tmp_path / "banister.toml").write_text(f'[env.here]\nurl = "sqlite:///{tmp_path}/app.db"\n')
    return made


@pytest.mark.parametrize(
    ("given", "said", "helps"),
    [
        ("restore /", "/ is a folder, and no backup", "--list"),
        ("restore ..", ".. is a folder, and no backup", "--list"),
        ("restore backups", "backups is a folder", "such as backups/backup_"),
        ("restore folder", "folder is a folder, and no backup", "--list"),
        ("restore dump", "dump has no manifest dump.json", "with that program"),
        ("restore BACKUP.json", "is the manifest of a backup", "the backup itself"),
        ("restore LONG", "there is no backup", "--list"),
        ("restore LONG --replace --yes", "there is no backup", "--list"),
        ("restore nowhere --replace --yes", "there is no backup nowhere", "--list"),
        ("restore EMPTY", "give the file of a backup", ""),
        ("restore --rows EMPTY", "give the file of a backup", ""),
        ("restore --rows LONG", "no rows are saved of a run", "no run has saved any"),
        ("restore --rows folder", "there are no rows in folder", "the number of a run"),
        ("backup --check EMPTY", "--check takes the file of a backup", ""),
        ("backup --check folder", "folder is a folder", "--list"),
        ("backup --jobs 0", "'--jobs': 0 is not in the range 1<=x<=64", "--help"),
        ("backup --jobs x", "'--jobs': 'x' is no whole number", "--help"),
        ("backup --keep x", "no such option '--keep'", "--help"),
    ],
)
def test_what_is_no_backup_is_told_as_what_it_is(
    project: banister.Project, run_banister: RunBanister, given: str, said: str, helps: str
) -> None:
    root = root_of(project)
    path = project.backups().take().path
    (root / "folder").mkdir()
    (root / "dump").mkdir()
    (root / "dump" / "toc.dat").touch()
    words = {"LONG": "a" * 300, "EMPTY": "", "BACKUP.json": f"{path}.json"}
    arguments = [words.get(word, word) for word in given.split()]
    told = run_banister(*arguments, "--env", "here", cwd=root)
    assert told.returncode == 2, told
    assert said in told.stderr, told
    assert helps in told.stderr, told
    assert not RAW.search(told.stderr), told


def wrong_manifests(whole: dict[str, object]) -> Iterator[bytes]:
    wrong: tuple[object, ...] = (None, True, -1, 1.5, "x", [[]], [None], {"a": "x"}, {"a": {}})
    for key, value in whole.items():
        yield from (
            json.dumps({**whole, key: each}).encode() for each in wrong if type(each) is not str
        )
        if not isinstance(value, str) or key in {"form", "dialect", "taken_at"}:
            yield json.dumps({**whole, key: "x"}).encode()
    yield from (b"", b"\xff\xfe", b"[]", b"[" * 100_000, b'{"format": 1}')
    yield json.dumps({**whole, "server_version": []}).encode()


def test_a_manifest_that_was_changed_is_told_in_words(project: banister.Project) -> None:
    path = root_of(project) / project.backups().take().path
    manifest = path.with_name(f"{path.name}.json")
    whole = json.loads(manifest.read_text())
    said = set()
    for text in wrong_manifests(whole):
        manifest.write_bytes(text)
        (entry,) = project.backups().entries()
        if entry.problem is None:
            continue
        said.add(entry.problem)
        with pytest.raises(UsageError):
            project.backups().check(path)
    assert len(said) > 40
    assert not [each for each in said if RAW.search(each)]
    manifest.unlink()
    manifest.mkdir()
    with pytest.raises(UsageError, match=r"cannot be read: Is a directory$"):
        project.backups().check(path)


@pytest.mark.parametrize("replacing", [False, True])
@pytest.mark.parametrize(
    ("name", "said"),
    [("folder", "is a folder"), ("no/where.db", "no folder"), ("/dev/null", "is no file")],
)
def test_a_place_where_no_database_can_be_is_told(
    project: banister.Project, name: str, said: str, replacing: bool
) -> None:
    root = root_of(project)
    path = root / project.backups().take().path
    (root / "folder").mkdir()
    other = open_project(root, name)
    with pytest.raises(ConnectionFailed, match=said):
        other.backups().restore(path, replacing=replacing)
    assert not list(root.glob("*_before_*"))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("backup_jobs = 0", "backup_jobs cannot be less than 1"),
        ("backup_jobs = 65", "backup_jobs cannot be more than 64"),
        ("backup_keep = -1", "backup_keep cannot be less than 0"),
        (f"backup_keep = {'9' * 5000}", "banister.toml holds a value that is too large"),
        ('backup_keep = "x"', 'backup_keep = "x" is no whole number'),
        ("backup_keep_days = 1000000000", "backup_keep_days cannot be more than 36500"),
    ],
)
def test_a_number_out_of_its_bounds_stops_before_anything_is_made(
    project: banister.Project, run_banister: RunBanister, setting: str, said: str
) -> None:
    root = root_of(project)
    settings = root / "banister.toml"
    settings.write_text(f"{setting}\n{settings.read_text()}")
    told = run_banister("backup", "--env", "here", cwd=root)
    assert told.returncode == 2, told
    assert said in told.stderr, told
    assert not RAW.search(told.stderr), told
    assert not (root / "backups").exists()
    assert rows(root / "app.db") == [(1,), (2,)]
