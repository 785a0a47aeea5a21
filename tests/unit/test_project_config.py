"""Settings: where they are found, and which wins."""

import dataclasses
from pathlib import Path

import pytest

from banister.errors import UsageError
from banister.model import HistoryTable
from banister.project import KEYS, Kind, Settings, load_settings
from banister.project.values import read_value
from settings_kit import load, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder; nothing above it is looked at."""
    (tmp_path / ".git").mkdir()
    return tmp_path


def test_without_a_file_the_defaults_hold(folder: Path) -> None:
    settings = load(folder)
    assert settings == Settings(
        root=folder,
        start=folder,
        dir=folder / "migrations",
        shown_dir="migrations",
        backup_dir=folder / "backups",
    )
    assert settings.lock_timeout == 1.0
    assert settings.lock_wait == 600.0
    assert settings.history == HistoryTable()


def test_every_key_reaches_the_settings() -> None:
    fields = {field.name for field in dataclasses.fields(Settings)}
    keys = {key.name for key in KEYS} - {"history_schema", "history_table"}
    assert keys <= fields


def test_every_key_is_documented_once() -> None:
    names = [key.name for key in KEYS]
    assert len(set(names)) == len(names)
    for key in KEYS:
        assert key.doc.endswith(".")
        assert key.default is None or read_value(key, key.default) is not None


def test_the_file_is_found_in_a_parent(folder: Path) -> None:
    write(folder, 'dir = "db"')
    inside = folder / "a" / "b"
    inside.mkdir(parents=True)
    settings = load(inside)
    assert settings.root == folder
    assert settings.file == folder / "banister.toml"
    assert settings.dir == folder / "db"
    assert settings.shown_dir == str(folder / "db")


def test_the_search_ends_at_the_repository(folder: Path) -> None:
    write(folder, 'dir = "db"')
    inner = folder / "inner"
    (inner / ".git").mkdir(parents=True)
    assert load(inner).file is None


def test_the_folder_of_the_repository_is_still_looked_at(folder: Path) -> None:
    write(folder, "out_of_order = true")
    (folder / "a").mkdir()
    assert load(folder / "a").out_of_order


def test_pyproject_serves_when_it_has_our_table(folder: Path) -> None:
    write(folder, '[tool.banister]\ndir = "db"\n[tool.banister.env.x]\n', "pyproject.toml")
    settings = load(folder)
    assert settings.shown_dir == "db"
    assert settings.environments == ("x",)


@pytest.mark.parametrize("text", ['[project]\nname = "banister-user"', "[tool.other]", "= broken"])
def test_pyproject_without_our_table_is_passed_over(folder: Path, text: str) -> None:
    write(folder, 'dir = "db"')
    inside = folder / "package"
    inside.mkdir()
    write(inside, text, "pyproject.toml")
    assert load(inside).root == folder


def test_every_kind_of_value_is_read(folder: Path) -> None:
    write(
        folder,
        """
        dir = "db/../sql"
        history_schema = "ops"
        history_table = "applied"
        skip_tags = ["slow", "demo"]
        seed_when_empty = ["demo", "test"]
        lock_timeout = "500ms"
        statement_timeout = "2min"
        lock_wait = "1.5h"
        search_path = "app, public"
        timezone = "UTC"
        sslmode = "verify-full"
        sslrootcert = "certs/root.crt"
        show_queries = true
        out_of_order = true
        """,
    )
    settings = load(folder)
    assert settings.dir == folder / "sql"
    assert settings.history == HistoryTable(schema="ops", name="applied")
    assert settings.skip_tags == {"slow", "demo"}
    assert settings.seed_when_empty == {"demo", "test"}
    assert settings.lock_timeout == 0.5
    assert settings.statement_timeout == 120
    assert settings.lock_wait == 5400
    assert settings.search_path == "app, public"
    assert settings.timezone == "UTC"
    assert settings.sslmode == "verify-full"
    assert settings.sslrootcert == str(folder / "certs" / "root.crt")
    assert settings.show_queries is True
    assert settings.out_of_order is True


@pytest.mark.parametrize(("text", "tags"), [("true", {"demo"}), ("false", set()), ("[]", set())])
def test_seed_when_empty_takes_a_flag(folder: Path, text: str, tags: set[str]) -> None:
    write(folder, f"seed_when_empty = {text}")
    assert load(folder).seed_when_empty == tags


def test_flag_beats_variable_beats_environment_beats_file(folder: Path) -> None:
    write(
        folder,
        'timezone = "top"\nsearch_path = "top"\nlock_wait = "1s"\nlock_timeout = "1s"\n'
        '[env.prod]\ntimezone = "env"\nsearch_path = "env"\nlock_wait = "2s"\n',
    )
    settings = load_settings(
        folder,
        env="prod",
        environ={"BANISTER_TIMEZONE": "variable", "BANISTER_SEARCH_PATH": "variable"},
        overrides={"timezone": "flag", "search_path": None},
    )
    assert settings.timezone == "flag"
    assert settings.search_path == "variable"
    assert settings.lock_wait == 2
    assert settings.lock_timeout == 1
    assert settings.env == "prod"


def test_the_variable_names_an_environment_and_the_flag_wins(folder: Path) -> None:
    write(folder, '[env.a]\ntimezone = "A"\n[env.b]\ntimezone = "B"')
    assert load(folder, BANISTER_ENV="a").timezone == "A"
    assert load(folder, "b", BANISTER_ENV="a").timezone == "B"
    assert load(folder, "", BANISTER_ENV="").env is None


def test_a_folder_typed_by_the_user_begins_where_the_user_is(folder: Path) -> None:
    write(folder, 'dir = "db"')
    inside = folder / "inside"
    inside.mkdir()
    flag = load_settings(inside, env=None, environ={}, overrides={"dir": Path("sql")})
    assert flag.dir == inside / "sql"
    assert flag.shown_dir == "sql"
    assert load(inside, BANISTER_DIR="../other").dir == folder / "other"
    assert load(inside).backup_dir == folder / "backups"
    assert load(inside, BANISTER_BACKUP_DIR="kept").backup_dir == inside / "kept"


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("BANISTER_SKIP_TAGS", "a, b,", "skip_tags", {"a", "b"}),
        ("BANISTER_SEED_WHEN_EMPTY", "1", "seed_when_empty", {"demo"}),
        ("BANISTER_SEED_WHEN_EMPTY", "false", "seed_when_empty", set()),
        ("BANISTER_SEED_WHEN_EMPTY", "demo,test", "seed_when_empty", {"demo", "test"}),
        ("BANISTER_OUT_OF_ORDER", "true", "out_of_order", True),
        ("BANISTER_OUT_OF_ORDER", "0", "out_of_order", False),
        ("BANISTER_LOCK_TIMEOUT", "2s", "lock_timeout", 2.0),
        ("BANISTER_HISTORY_TABLE", "h", "history", HistoryTable(name="h")),
        ("BANISTER_TIMEZONE", "", "timezone", None),
        (
            "BANISTER_BACKUP_COMMAND",
            "snap --name 'a b'",
            "backup_command",
            ("snap", "--name", "a b"),
        ),
    ],
)
def test_variables_are_read(folder: Path, name: str, text: str, field: str, value: object) -> None:
    assert getattr(load(folder, **{name: text}), field) == value


def test_every_key_but_url_has_a_variable(folder: Path) -> None:
    samples = {
        Kind.TEXT: "x",
        Kind.FLAG: "1",
        Kind.NUMBER: "1",
        Kind.DURATION: "1s",
        Kind.NAMES: "a",
        Kind.ARGUMENTS: "snap 'a b'",
        Kind.TAGS_OR_FLAG: "a",
    }
    environ = {
        key.variable: key.words[0] if key.words else samples[key.kind]
        for key in KEYS
        if key.kind is not Kind.URL
    }
    assert load(folder, **environ).search_path == "x"


def test_variables_of_tests_and_the_url_are_not_settings(folder: Path) -> None:
    settings = load(folder, BANISTER_TEST_X="1", BANISTER_REQUIRE_PG="1", BANISTER_URL="x")
    assert settings.url is None


def test_a_setting_may_stand_in_a_table_of_its_own(folder: Path) -> None:
    write(folder, 'verify.unit = "chain"\n[env.ci.verify]\ndata = false')
    assert load(folder).verify_unit == "chain"
    assert not load(folder, "ci").verify_data
    write(
        folder,
        '[backup]\ncommand = ["snap", "a b"]\n[env.production]\nbackup = "when-destructive"\n',
    )
    settings = load(folder, env="production")
    assert settings.backup_command == ("snap", "a b")
    assert settings.backup == "when-destructive"
    write(folder, '[verify]\nunit = "chain"\nnuit = 1')
    with pytest.raises(UsageError, match=r'unknown setting "verify\.nuit"') as caught:
        load(folder)
    assert str(caught.value.location) == "banister.toml:3:1"
    write(folder, 'verify_unit = "chain"\nverify.unit = "chain"')
    with pytest.raises(UsageError, match="given twice"):
        load(folder)


def test_longest_names_are_taken(folder: Path) -> None:
    write(folder, f'history_schema = "{"a" * 63}"\nhistory_table = "{"b" * 59}"')
    assert len(load(folder).history.log_name) == 63


def test_environments_keep_the_order_of_the_file(folder: Path) -> None:
    write(folder, "[env.b]\n[env.a]")
    assert load(folder).environments == ("b", "a")


def test_the_url_of_the_environment_is_kept_out_of_repr(folder: Path) -> None:
    write(folder, '[env.a]\nurl = "postgresql://u:hunter2@h/db"')
    settings = load(folder, "a")
    assert settings.url == "postgresql://u:hunter2@h/db"
    assert str(settings.env_location) == "banister.toml:2:1"
    assert "hunter2" not in repr(settings)


def test_an_empty_url_counts_as_not_set(folder: Path) -> None:
    write(folder, '[env.a]\nurl = ""')
    assert load(folder, "a").url is None


def test_a_byte_order_mark_is_taken(folder: Path) -> None:
    (folder / "banister.toml").write_bytes(b'\xef\xbb\xbfdir = "db"')
    assert load(folder).shown_dir == "db"


def test_the_authorities_of_the_machine_are_no_file(folder: Path) -> None:
    write(folder, 'sslrootcert = "system"\n[env.own]\nsslrootcert = "../ca.crt"')
    assert load(folder).sslrootcert == "system"
    assert load(folder, "own").sslrootcert == str(folder.parent / "ca.crt")
    inside = folder / "inside"
    inside.mkdir()
    assert load(inside, BANISTER_SSLROOTCERT="ca.crt").sslrootcert == str(inside / "ca.crt")
