"""What was proven before is not proven again, unless anything that it depends on is another."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

import banister
from banister.errors import UsageError
from banister.proof import DownVerdict, Proven

URL = "sqlite:///app.db"
FILES = {
    "001_one.up": "CREATE TABLE one (id int PRIMARY KEY, note text);",
    "001_one.down": "DROP TABLE one;",
    "002_two.up": "CREATE TABLE two (id int);",
    "002_two.down": "DROP TABLE two;",
    "003_three.up": "ALTER TABLE one DROP COLUMN note;",
    "003_three.down": "ALTER TABLE one ADD COLUMN note text;",
}


def write(root: Path, files: Mapping[str, str]) -> None:
    (root / "migrations").mkdir(exist_ok=True)
    for name, text in files.items():
        (root / "migrations" / f"{name}.sql").write_text(text)


def verify(root: Path, *, url: str = URL, since: str | None = None, cache: bool = True,
           **settings: object) -> Proven:  # fmt: skip
    return banister.open(url, root=root, environ={}, settings=settings).verify(
        since=since, cache=cache
    )


def tried(proven: Proven) -> list[str]:
    return [proof.version.text for proof in proven.proofs if not proof.cached]


def test_a_second_run_takes_all_from_the_first_and_says_the_same(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    first = verify(tmp_path)
    assert tried(first) == ["001", "002", "003"]
    second = verify(tmp_path)
    assert tried(second) == []
    assert second.chain is not None
    assert second.chain.cached
    for old, new in zip(first.proofs, second.proofs, strict=True):
        assert (old.down, old.again, old.data) == (new.down, new.again, new.data)
    assert tried(verify(tmp_path, cache=False)) == ["001", "002", "003"]
    # What is kept is no part of the project.
    assert (tmp_path / ".banister" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize(("changed", "again"), [
    ({"003_three.down": "ALTER TABLE one ADD COLUMN note text; -- again"}, ["003"]),
    ({"002_two.down": "DROP TABLE IF EXISTS two;"}, ["002"]),
    ({"002_two.up": "CREATE TABLE two (id bigint);"}, ["002", "003"]),
    ({"001_one.up": '-- banister: keep="table one"\n' + FILES["001_one.up"]},
     ["001", "002", "003"]),
    ({"004_four.up": "CREATE TABLE four (id int);", "004_four.down": "DROP TABLE four;"},
     ["004"]),
])  # fmt: skip
def test_what_depends_on_a_changed_text_is_tried_again(
    tmp_path: Path, changed: dict[str, str], again: list[str]
) -> None:
    write(tmp_path, FILES)
    verify(tmp_path)
    write(tmp_path, changed)
    proven = verify(tmp_path)
    assert tried(proven) == again
    assert proven.chain is not None
    assert not proven.chain.cached


def test_what_is_not_right_is_tried_every_time(tmp_path: Path) -> None:
    write(tmp_path, {**FILES, "002_two.down": "SELECT 1;"})
    for _ in range(2):
        proven = verify(tmp_path)
        assert tried(proven) == ["002"] or tried(proven) == ["001", "002", "003"]
        assert proven.proofs[1].down is DownVerdict.DIFFERS
        assert not proven.good


def test_settings_that_change_what_is_proven_make_it_another_proof(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    verify(tmp_path)
    assert tried(verify(tmp_path, verify_data=False)) == ["001", "002", "003"]
    assert tried(verify(tmp_path, verify_unit="chain")) == ["001", "002", "003"]
    assert tried(verify(tmp_path)) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2, "entries": 3}', '{"format": 9}'])
def test_a_broken_cache_knows_nothing(tmp_path: Path, text: str) -> None:
    write(tmp_path, FILES)
    verify(tmp_path)
    (tmp_path / ".banister" / "verify.json").write_text(text)
    assert tried(verify(tmp_path)) == ["001", "002", "003"]
    assert tried(verify(tmp_path)) == []


def test_entries_that_mean_nothing_are_not_believed(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    verify(tmp_path)
    path = tmp_path / ".banister" / "verify.json"
    kept = json.loads(path.read_text())
    kept["entries"] = {key: {"down": "splendid"} for key in kept["entries"]}
    path.write_text(json.dumps(kept))
    assert tried(verify(tmp_path)) == ["001", "002", "003"]


def test_the_chain_as_one_unit_forgives_files_that_undo_each_other_only_together(
    tmp_path: Path,
) -> None:
    files = {
        **FILES,
        "002_two.down": "SELECT 1;",
        "001_one.down": "DROP TABLE one; DROP TABLE two;",
    }
    write(tmp_path, files)
    assert not verify(tmp_path).good
    proven = verify(tmp_path, verify_unit="chain")
    assert proven.good
    assert {len(proof.together) for proof in proven.proofs} == {3}


def git(root: Path, *arguments: str) -> None:
    names = {f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER")
             for what in ("NAME", "EMAIL")}  # fmt: skip
    environment = {**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True,
                   env=environment)  # fmt: skip


def test_only_what_a_branch_adds_is_tried(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "migrations")
    git(tmp_path, "commit", "-qm", "first")
    assert verify(tmp_path, since="main", cache=False).proofs == ()
    git(tmp_path, "checkout", "-qb", "work")
    write(tmp_path, {"004_four.up": "CREATE TABLE four (id int);"})
    git(tmp_path, "add", "migrations")
    git(tmp_path, "commit", "-qm", "second")
    # A file that git does not know yet is of the branch, too.
    write(tmp_path, {"004_four.down": "DROP TABLE four;"})
    proven = verify(tmp_path, since="main", cache=False)
    assert tried(proven) == ["004"]
    assert proven.passed_over == 3
    assert proven.chain is not None
    assert (proven.chain.length, str(proven.chain.stopped_at)) == (1, "003")
    # What main got meanwhile is not the branch's.
    git(tmp_path, "stash", "-qu")
    git(tmp_path, "checkout", "-q", "main")
    write(tmp_path, {"002_two.down": "DROP TABLE IF EXISTS two;"})
    git(tmp_path, "commit", "-qam", "third")
    git(tmp_path, "checkout", "-q", "work")
    git(tmp_path, "stash", "pop", "-q")
    assert tried(verify(tmp_path, since="main", cache=False)) == ["004"]
    # A file that is gone changes its migration.
    (tmp_path / "migrations" / "003_three.down.sql").unlink()
    proven = verify(tmp_path, since="main", cache=False)
    assert [(proof.version.text, proof.down) for proof in proven.proofs] == [
        ("003", DownVerdict.MISSING),
        ("004", DownVerdict.EXACT),
    ]


@pytest.mark.parametrize("commit", ["no-such", "--output=/tmp/x", ""])
def test_a_commit_that_is_not_there_is_refused(tmp_path: Path, commit: str) -> None:
    write(tmp_path, FILES)
    git(tmp_path, "init", "-q")
    with pytest.raises(UsageError, match="knows no commit"):
        verify(tmp_path, since=commit)


def test_a_folder_in_no_repository_is_refused(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    with pytest.raises(UsageError, match="knows no commit"):
        verify(tmp_path, since="main")
