"""Ways down that do not lead back are found and named; those that do are told apart from them."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import banister
from banister.errors import FindingsError, MigrationFailed
from banister.proof import AgainVerdict, DataVerdict, DownVerdict, Proven
from conftest import clean_environment
from servers import MAJORS, PostgresDatabase

BASE = {
    "001_base.up": "CREATE TABLE t (id int PRIMARY KEY, note text NOT NULL DEFAULT 'x');\n"
    "CREATE INDEX t_note ON t (note);",
    "001_base.down": "DROP TABLE t;",
}


def project(root: Path, files: Mapping[str, str], *, server: str | None = None) -> banister.Project:
    folder = root / "migrations"
    folder.mkdir(exist_ok=True)
    for name, text in {**BASE, **files}.items():
        (folder / f"{name}.sql").write_text(text)
    settings = {} if server is None else {"verify_data": False}
    return banister.open(root=root, environ={}, scratch_url=server, settings=settings)


def verify(root: Path, files: Mapping[str, str], *, server: str | None = None) -> Proven:
    return project(root, files, server=server).verify()


#: One wrong down a row: its up, its down, and what is said about it.
WRONG = {
    "typo behind IF EXISTS": (
        "CREATE TABLE extra (id int);",
        "DROP TABLE IF EXISTS extras;",
        "table extra: not expected",
    ),
    "lost index": (
        "ALTER TABLE t DROP COLUMN note;",
        "ALTER TABLE t ADD COLUMN note text NOT NULL DEFAULT 'x';",
        "index t_note: missing",
    ),
    "another default": (
        "ALTER TABLE t ALTER COLUMN note SET DEFAULT 'y';",
        "ALTER TABLE t ALTER COLUMN note DROP DEFAULT;",
        "column t.note: default 'x'::text → none",
    ),
    "nullable now": (
        "ALTER TABLE t ALTER COLUMN note TYPE varchar(20);",
        "ALTER TABLE t ALTER COLUMN note TYPE text, ALTER COLUMN note DROP NOT NULL;",
        "column t.note",
    ),
    "another type": (
        "ALTER TABLE t ALTER COLUMN id TYPE bigint;",
        "ALTER TABLE t ALTER COLUMN id TYPE smallint;",
        "column t.id: type integer → smallint",
    ),
    "enum value left": (
        "CREATE TYPE mood AS ENUM ('good'); ALTER TABLE t ADD COLUMN m mood;",
        "ALTER TABLE t DROP COLUMN m;",
        "type mood: not expected",
    ),
    "constraint lost": (
        "ALTER TABLE t DROP CONSTRAINT t_pkey;",
        "SELECT 1;",
        "t_pkey",
    ),
    "column left": (
        "ALTER TABLE t ADD COLUMN a int, ADD COLUMN b int;",
        "ALTER TABLE t DROP COLUMN a;",
        "column t.b: not expected",
    ),
    "index made otherwise": (
        "DROP INDEX t_note;",
        "CREATE INDEX t_note ON t (note DESC);",
        "index t_note",
    ),
    "function left": (
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
        "SELECT 1;",
        "function f()",
    ),
    "empty down": ("CREATE VIEW v AS SELECT id FROM t;", "-- nothing\n", "view v: not expected"),
    "concurrently left": (
        "CREATE INDEX CONCURRENTLY t_more ON t (id, note);",
        "DROP INDEX IF EXISTS t_moer;",
        "index t_more: not expected",
    ),
}
FAILING = {
    "wrong drop order": (
        "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int REFERENCES p);",
        "DROP TABLE p; DROP TABLE c;",
        "cannot drop table p",
    ),
    "never run": ("CREATE TABLE p (id int);", "DROP TABEL p;", "syntax error"),
    "names what is not there": ("CREATE TABLE p (id int);", "DROP TABLE q;", "does not exist"),
    "refused text": ("CREATE TABLE p (id int);", "DROP TABLE p; COMMIT;", "COMMIT cannot stand"),
}


@pytest.mark.parametrize(
    "old_and_new_postgres",
    [pytest.param(MAJORS[0], marks=pytest.mark.everything), MAJORS[-1]],
    indirect=True,
)
def test_each_wrong_down_is_caught_and_named(
    old_and_new_postgres: PostgresDatabase, tmp_path: Path
) -> None:
    files = {}
    for number, (up, down, _) in enumerate(WRONG.values(), start=2):
        # Each on tables of its own, so that one wrong down tells nothing about the next.
        schema = f"s{number}"
        set_up = f"CREATE SCHEMA {schema}; SET LOCAL search_path = {schema};"
        base = BASE["001_base.up"]
        files[f"{2 * number:03}_base.up"] = f"{set_up}\n{base}"
        files[f"{2 * number:03}_base.down"] = f"DROP SCHEMA {schema} CASCADE;"
        inside = f"SET search_path = {schema};\n"
        off = "-- banister: transaction=off\n" if "CONCURRENTLY" in up else ""
        files[f"{2 * number + 1:03}_wrong.up"] = off + inside + up
        files[f"{2 * number + 1:03}_wrong.down"] = inside + down
    proven = verify(tmp_path, files, server=old_and_new_postgres.url)
    proofs = {proof.version.number: proof for proof in proven.proofs}
    for number, (what, (_, _, said)) in enumerate(WRONG.items(), start=2):
        proof = proofs[2 * number + 1]
        assert proof.down is DownVerdict.DIFFERS, what
        told = [str(each).replace(f"s{number}.", "") for each in proof.differences]
        assert any(said in line for line in told), (what, told)
        assert proofs[2 * number].down is DownVerdict.EXACT
    assert not proven.good
    assert proven.chain is not None


@pytest.mark.parametrize("what", FAILING)
def test_a_down_that_fails_is_told_with_its_place(tmp_path: Path, what: str) -> None:
    up, down, said = FAILING[what]
    proven = verify(tmp_path, {"002_x.up": up, "002_x.down": down})
    proof = proven.proofs[1]
    assert proof.down is DownVerdict.FAILS
    assert proof.again is AgainVerdict.NOT_TRIED
    assert proof.error is not None
    assert said in proof.error.message
    if isinstance(proof.error, MigrationFailed):
        assert proof.error.location is not None
        assert proof.error.location.line == 1
    assert proven.chain is not None
    assert not proven.chain.good or what == "refused text"


def test_right_downs_are_exact_and_lead_all_the_way_back(tmp_path: Path) -> None:
    proven = verify(
        tmp_path,
        {
            "002_view.up": "CREATE VIEW v AS SELECT 'now'::timestamp AS since, id FROM t;",
            "002_view.down": "DROP VIEW v;",
            "003_other.up": "DROP VIEW v;",
            # The folded clock differs from the first run: two right runs differ too.
            "003_other.down": "CREATE VIEW v AS SELECT 'now'::timestamp AS since, id FROM t;",
            "004_index.up": "CREATE INDEX CONCURRENTLY t_id_note ON t (id, note);",
            "004_index.down": "DROP INDEX CONCURRENTLY t_id_note;",
        },
    )
    assert [proof.down for proof in proven.proofs] == [DownVerdict.EXACT] * 4
    assert [proof.again for proof in proven.proofs] == [AgainVerdict.OK] * 4
    assert proven.chain is not None
    assert proven.chain.good
    assert proven.chain.length == 4
    assert proven.good


def test_an_order_of_columns_is_no_difference(tmp_path: Path) -> None:
    proven = verify(
        tmp_path,
        {
            "002_drop.up": "ALTER TABLE t DROP COLUMN id;",
            "002_drop.down": "ALTER TABLE t ADD COLUMN id int; UPDATE t SET id = r.n FROM "
            "(SELECT ctid, row_number() OVER () AS n FROM t) r WHERE t.ctid = r.ctid; "
            "ALTER TABLE t ADD PRIMARY KEY (id);",
        },
    )
    assert proven.proofs[1].down is DownVerdict.ORDER_ONLY
    assert proven.proofs[1].good
    assert proven.good


def test_what_is_declared_is_no_difference(tmp_path: Path) -> None:
    proven = verify(
        tmp_path,
        {
            "002_kept.up": "CREATE EXTENSION IF NOT EXISTS citext;",
            "002_kept.down": '-- banister: keep="extension citext"\n',
            "003_one_way.up": "-- banister: irreversible\nDROP TABLE t;",
            "004_none.up": "CREATE TABLE u (id int);",
        },
    )
    assert [proof.down for proof in proven.proofs[1:]] == [
        DownVerdict.KEPT,
        DownVerdict.IRREVERSIBLE,
        DownVerdict.MISSING,
    ]
    assert proven.proofs[1].kept == ("extension citext",)
    assert [proof.good for proof in proven.proofs] == [True, True, True, False]


def test_a_group_is_proven_as_one(tmp_path: Path) -> None:
    files = {
        "002_a.up": "-- banister: group=users\nCREATE TABLE a (id int PRIMARY KEY);",
        "002_a.down": "DROP TABLE a;",
        # Leaves b's reference to the next file's down, which is right only together.
        "003_b.up": "-- banister: group=users\nCREATE TABLE b (id int);",
        "003_b.down": "-- dropped below\n",
        "004_c.up": "-- banister: group=users\nALTER TABLE b ADD COLUMN a int REFERENCES a;",
        "004_c.down": "DROP TABLE b;",
    }
    proven = verify(tmp_path, files)
    assert [proof.down for proof in proven.proofs] == [DownVerdict.EXACT] * 4
    assert [version.text for version in proven.proofs[2].together] == ["002", "003", "004"]


def test_an_up_that_does_not_run_again_is_told(tmp_path: Path) -> None:
    proven = verify(
        tmp_path,
        {"002_x.up": "CREATE TABLE x (id int);", "002_x.down": "-- left\n"},
    )
    proof = proven.proofs[1]
    assert proof.again is AgainVerdict.FAILS
    assert proof.error is not None
    assert 'relation "x" already exists' in proof.error.message


def test_an_up_that_fails_ends_it_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(MigrationFailed, match="does not exist"):
        verify(tmp_path, {"002_x.up": "DROP TABLE nothing;", "002_x.down": "SELECT 1;"})


def test_what_is_wrong_with_the_files_is_found_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(FindingsError):
        verify(tmp_path, {"002_x.up": "CREATE TABLE x (id int); COMMIT;"})


def test_the_command_prints_a_table_and_exits_with_3(tmp_path: Path) -> None:
    up, down, said = WRONG["lost index"]
    project(tmp_path, {"002_wrong.up": up, "002_wrong.down": down})
    command = [sys.executable, "-m", "banister", "verify"]
    text, as_json = (
        subprocess.run(
            [*command, *more],
            cwd=tmp_path,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        for more in ([], ["--format", "json"])
    )
    assert text.returncode == 3, text.stderr
    assert said in text.stdout
    assert "001  base   exact" in text.stdout
    envelope = json.loads(as_json.stdout)
    assert envelope["exit"] == 3
    assert [row["down"] for row in envelope["migrations"]] == ["exact", "differs"]
    assert any(said in line for line in envelope["migrations"][1]["differences"])
    assert envelope["chain"]["length"] == 2


def test_roles_of_one_database_do_not_stand_in_the_way_of_another(tmp_path: Path) -> None:
    # A wrong down between them has the databases made anew: the roles are made there again.
    proven = verify(
        tmp_path,
        {
            "002_role.up": "CREATE ROLE app_reader; GRANT SELECT ON t TO app_reader;",
            "002_role.down": "REVOKE ALL ON t FROM app_reader; DROP ROLE app_reader;",
            "003_wrong.up": "CREATE TABLE u (id int);",
            "003_wrong.down": "SELECT 1;",
            "004_grant.up": "CREATE TABLE w (id int); GRANT SELECT ON w TO app_reader;",
            "004_grant.down": "DROP TABLE w;",
        },
    )
    assert [proof.down for proof in proven.proofs] == [
        DownVerdict.EXACT,
        DownVerdict.EXACT,
        DownVerdict.DIFFERS,
        DownVerdict.EXACT,
    ]


def test_what_the_scratch_server_lacks_is_told_with_the_way_out(tmp_path: Path) -> None:
    files = {"002_x.up": "CREATE EXTENSION of_nobody;", "002_x.down": "SELECT 1;"}
    with pytest.raises(MigrationFailed) as caught:
        verify(tmp_path, files)
    hint = str(caught.value.hint)
    assert hint.startswith("the scratch server lacks the extension of_nobody; name a server")


def test_two_lanes_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough units for two lanes, with what is wrong, undecided and clock-dependent in both."""
    files = dict(BASE)
    for number in range(2, 26):
        up, down = f"CREATE TABLE t{number} (id int, note text);", f"DROP TABLE t{number};"
        match number % 8:
            case 3:
                up, down = f"CREATE TABLE u{number} (id int);", "SELECT 1;"
            case 5:
                up = f"DO $$ BEGIN EXECUTE format('CREATE VIEW v{number} AS SELECT %L AS at', "
                up += "clock_timestamp()); END $$;"
                down = f"DROP VIEW v{number};"
            case 7:
                up, down = "ALTER TABLE t DROP COLUMN note;", "ALTER TABLE t ADD COLUMN note text;"
                if number > 8:
                    up, down = f"ALTER TABLE t ADD c{number} int NOT NULL;", "SELECT 1;"
        files |= {f"{number:03}_x.up": up, f"{number:03}_x.down": down}
    two = verify(tmp_path, files)
    monkeypatch.setattr("banister.proof.prover.parts_of", lambda found, **_: [frozenset(found)])
    one = project(tmp_path, {}).verify(cache=False)

    def told(proven: Proven) -> list[tuple[object, ...]]:
        return [
            (p.version, p.down, p.again, p.data, p.error and p.error.message,
             [str(each) for each in p.differences]) for p in proven.proofs
        ]  # fmt: skip

    assert told(two) == told(one)
    assert {proof.down for proof in two.proofs} == {DownVerdict.EXACT, DownVerdict.DIFFERS}
    assert two.unfilled == one.unfilled


#: What a view or a default froze, and a down that brings back something else beside it.
CLOCKED = {
    "another view": (
        "CREATE VIEW v AS SELECT id, now()::date AS d, 'now'::timestamp AS t FROM t;",
        "DROP VIEW v; CREATE TABLE z (i int);",
        (
            "DROP TABLE z; CREATE VIEW v AS SELECT id + 1 AS id, now()::date AS d, "
            "'now'::timestamp AS t FROM t WHERE note IS NULL;"
        ),
    ),
    "another moment": (
        "CREATE TABLE c (at timestamp DEFAULT 'now'::timestamp);",
        "ALTER TABLE c ALTER at DROP DEFAULT;",
        "ALTER TABLE c ALTER at SET DEFAULT '2001-01-01 10:00:00.123456'::timestamp;",
    ),
}


@pytest.mark.parametrize("what", CLOCKED)
def test_the_clock_hides_no_other_difference(tmp_path: Path, what: str) -> None:
    base, up, down = CLOCKED[what]
    files = {
        "002_clock.up": base,
        "002_clock.down": "DROP TABLE IF EXISTS c; DROP VIEW IF EXISTS v;",
    }
    proven = verify(tmp_path, {**files, "003_x.up": up, "003_x.down": down})
    assert proven.proofs[1].down is DownVerdict.EXACT
    assert proven.proofs[2].down is DownVerdict.DIFFERS
    assert proven.chain is not None
    # The files of 003 again and right: the same frozen moments are no difference.
    right = down.replace("id + 1 AS id", "id").replace(" WHERE note IS NULL", "")
    right = right.replace("'2001-01-01 10:00:00.123456'", "'now'")
    assert verify(tmp_path, {**files, "003_x.up": up, "003_x.down": right}).good


def test_names_that_the_clock_makes_are_no_difference(tmp_path: Path) -> None:
    made = "to_char(clock_timestamp(), 'YYYYMMDDHH24MISSUS')"
    files = {
        "002_parts.up": "CREATE TABLE ev (at date) PARTITION BY RANGE (at);\nDO $$ BEGIN EXECUTE "
        f"'CREATE TABLE ev_' || {made} || ' PARTITION OF ev DEFAULT'; END $$;",
        "002_parts.down": "DROP TABLE ev;",
        "003_wrong.up": "CREATE TABLE w (id int);",
        "003_wrong.down": "SELECT 1;",
        "004_right.up": "CREATE TABLE r (id int);",
        "004_right.down": "DROP TABLE r;",
    }
    proven = verify(tmp_path, files)
    assert [(proof.down, proof.again) for proof in proven.proofs] == [
        (DownVerdict.EXACT, AgainVerdict.OK),
        (DownVerdict.EXACT, AgainVerdict.OK),
        (DownVerdict.DIFFERS, AgainVerdict.FAILS),
        (DownVerdict.EXACT, AgainVerdict.OK),
    ]
    assert [str(each) for each in proven.proofs[2].differences] == ["table w: not expected"]


def test_the_history_may_stand_in_a_schema_of_its_own(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    project(tmp_path, {})
    settings = {"history_schema": "ops"}
    for server in (None, postgres.url):
        opened = banister.open(root=tmp_path, environ={}, settings=settings, scratch_url=server)
        assert opened.verify(cache=False).good


def test_what_was_proven_before_an_up_that_fails_is_remembered(tmp_path: Path) -> None:
    broken = {"002_broken.up": "CREATE TABLE broken (id in);", "002_broken.down": "SELECT 1;"}
    with pytest.raises(MigrationFailed):
        verify(tmp_path, broken)
    proven = verify(
        tmp_path,
        {"002_broken.up": "CREATE TABLE b (id int);", "002_broken.down": "DROP TABLE b;"},
    )
    assert [proof.cached for proof in proven.proofs] == [True, False]


def test_where_there_is_no_way_down_nothing_is_said_of_data(tmp_path: Path) -> None:
    files = {
        "002_gone.up": "-- banister: irreversible\nALTER TABLE t DROP COLUMN note;",
        "003_open.up": "CREATE TABLE o (id int);",
    }
    proven = verify(tmp_path, files)
    assert [proof.down for proof in proven.proofs[1:]] == [
        DownVerdict.IRREVERSIBLE,
        DownVerdict.MISSING,
    ]
    assert {proof.data.verdict for proof in proven.proofs[1:]} == {DataVerdict.NOT_TRIED}
