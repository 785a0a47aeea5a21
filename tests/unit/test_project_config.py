"""Settings: where they are found, which wins, and how wrong ones are told."""

import dataclasses
from pathlib import Path

import pytest

from banister.errors import UsageError
from banister.model import HistoryTable
from banister.project import KEYS, Kind, Settings, load_settings
from banister.project.keys import read_value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder; nothing above it is looked at."""
    (tmp_path / ".git").mkdir()
    return tmp_path


def write(folder: Path, text: str, name: str = "banister.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, env: str | None = None, **environ: str) -> Settings:
    return load_settings(folder, env=env, environ=environ)


def refused(folder: Path, env: str | None = None, **environ: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load(folder, env, **environ)
    return caught.value


def place(error: UsageError) -> str:
    return str(error.location)


def test_without_a_file_the_defaults_hold(folder: Path) -> None:
    settings = load(folder)
    assert settings == Settings(
        root=folder, start=folder, dir=folder / "migrations", shown_dir="migrations"
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


def test_two_files_in_one_folder_are_refused(folder: Path) -> None:
    write(folder, "")
    write(folder, "[tool.banister]", "pyproject.toml")
    error = refused(folder)
    assert "banister.toml" in error.message
    assert "pyproject.toml" in error.message


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
    ],
)
def test_variables_are_read(folder: Path, name: str, text: str, field: str, value: object) -> None:
    assert getattr(load(folder, **{name: text}), field) == value


def test_every_key_but_url_has_a_variable(folder: Path) -> None:
    samples = {
        Kind.TEXT: "x",
        Kind.FLAG: "1",
        Kind.DURATION: "1s",
        Kind.NAMES: "a",
        Kind.TAGS_OR_FLAG: "a",
    }
    environ = {key.variable: samples[key.kind] for key in KEYS if key.kind is not Kind.URL}
    assert load(folder, **environ).search_path == "x"


def test_an_unknown_variable_is_refused_with_the_nearest_name(folder: Path) -> None:
    error = refused(folder, BANISTER_LOCKTIMEOUT="1s")
    assert "BANISTER_LOCKTIMEOUT" in error.message
    assert error.hint == 'did you mean "BANISTER_LOCK_TIMEOUT"?'


def test_variables_of_tests_and_the_url_are_not_settings(folder: Path) -> None:
    settings = load(folder, BANISTER_TEST_X="1", BANISTER_REQUIRE_PG="1", BANISTER_URL="x")
    assert settings.url is None


def test_a_wrong_variable_is_named(folder: Path) -> None:
    error = refused(folder, BANISTER_OUT_OF_ORDER="yes")
    assert error.message == 'BANISTER_OUT_OF_ORDER: out_of_order takes true or false, not "yes"'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lock_timeout = 5", "no unit"),
        ("lock_timeout = 0.5", "no unit"),
        ('lock_timeout = "5"', "no unit"),
        ('lock_timeout = "5 parsecs"', "not a duration"),
        ('lock_timeout = "-1s"', "not a duration"),
        ('lock_timeout = "0s"', "cannot be 0"),
        ('lock_timeout = "10us"', "shorter than a millisecond"),
        ('lock_wait = "25d"', "longer than"),
        ("lock_timeout = true", "takes a duration, not true or false"),
        ('out_of_order = "true"', "takes true or false, not text"),
        ("out_of_order = 1", "not a whole number"),
        ("dir = 1.5", "takes text, not a number"),
        ("dir = 2020-01-01", "takes text, not a date or time"),
        ("dir = []", "takes text, not a list"),
        ('dir = " "', "dir is empty"),
        ('dir = "a\\u0000b"', "NUL"),
        ('skip_tags = "demo"', "takes a list of names, not text"),
        ("skip_tags = [1]", "each in quotes"),
        ("seed_when_empty = {}", "not a table"),
        (f'history_schema = "{"ä" * 32}"', "longer than 63 bytes"),
        (f'history_table = "{"a" * 60}"', "longer than 59 bytes"),
        ('history_table = ""', "history_table is empty"),
    ],
)
def test_a_wrong_value_is_told_with_its_line(folder: Path, line: str, message: str) -> None:
    write(folder, f"# comment\n\n  {line}\n")
    error = refused(folder)
    assert message in error.message
    assert place(error) == "banister.toml:3:3"


def test_longest_names_are_taken(folder: Path) -> None:
    write(folder, f'history_schema = "{"a" * 63}"\nhistory_table = "{"b" * 59}"')
    assert len(load(folder).history.log_name) == 63


def test_a_bare_number_is_told_its_units(folder: Path) -> None:
    write(folder, "lock_timeout = 5")
    hint = refused(folder).hint or ""
    assert '"5s"' in hint
    assert '"500ms"' in hint


def test_an_unknown_key_is_refused_with_the_nearest_name(folder: Path) -> None:
    write(folder, 'dir = "x"\nout_of_oder = true\n')
    error = refused(folder)
    assert error.message == 'unknown setting "out_of_oder"'
    assert error.hint == 'did you mean "out_of_order"?'
    assert place(error) == "banister.toml:2:1"
    assert error.location is not None
    assert error.location.source_line == "out_of_oder = true"


def test_an_unknown_key_in_an_environment_that_is_not_named_is_refused(folder: Path) -> None:
    write(folder, '[env.a]\n[env."b c"]\nurl = "x"\ntimezoen = "UTC"\n')
    error = refused(folder, "a")
    assert error.hint == 'did you mean "timezone"?'
    assert place(error) == "banister.toml:4:1"


def test_an_unknown_flag_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="unknown setting"):
        load_settings(folder, env=None, environ={}, overrides={"url": "x"})


def test_an_unknown_environment_is_refused_with_the_nearest_name(folder: Path) -> None:
    write(folder, "[env.production]\n[env.staging]")
    error = refused(folder, "prodction")
    assert error.hint == 'did you mean "production"?'
    assert place(error) == "banister.toml"


def test_an_environment_without_a_file_is_refused(folder: Path) -> None:
    assert "no settings file" in refused(folder, "production").message


def test_environments_keep_the_order_of_the_file(folder: Path) -> None:
    write(folder, "[env.b]\n[env.a]")
    assert load(folder).environments == ("b", "a")


def test_a_url_belongs_into_an_environment(folder: Path) -> None:
    write(folder, 'url = "postgresql://u:hunter2@h/db"')
    error = refused(folder)
    assert place(error) == "banister.toml:1:1"
    for way in ("[env.production]", "DATABASE_URL", "--url"):
        assert way in (error.hint or "")
    assert "hunter2" not in f"{error} {error.hint} {error.location!r}"


def test_the_url_of_the_environment_is_kept_out_of_repr(folder: Path) -> None:
    write(folder, '[env.a]\nurl = "postgresql://u:hunter2@h/db"')
    settings = load(folder, "a")
    assert settings.url == "postgresql://u:hunter2@h/db"
    assert str(settings.env_location) == "banister.toml:2:1"
    assert "hunter2" not in repr(settings)


def test_an_empty_url_counts_as_not_set(folder: Path) -> None:
    write(folder, '[env.a]\nurl = ""')
    assert load(folder, "a").url is None


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('dir = "x"\ntimezone =\n', "banister.toml:2:11"),
        ("dir = \"x\"\r\ndir = 'y'\r\n", "banister.toml:2:10"),
        ('dir = "x', "banister.toml:1:9"),
        ('dir = """\nx', "banister.toml:2:2"),
        ("[a\n", "banister.toml:1:3"),
    ],
)
def test_a_syntax_error_has_its_place(folder: Path, text: str, where: str) -> None:
    path = folder / "banister.toml"
    path.write_bytes(text.encode())
    error = refused(folder)
    assert "not valid TOML" in error.message
    assert "line" not in error.message
    assert place(error) == where


def test_a_broken_line_with_a_password_is_not_shown(folder: Path) -> None:
    write(folder, '[env.a]\nurl = "postgresql://u:hunter2@h/db\n')
    error = refused(folder)
    assert "hunter2" not in f"{error} {error.hint} {error.location!r}"


def test_a_file_that_is_not_utf8_is_refused(folder: Path) -> None:
    (folder / "banister.toml").write_bytes(b'dir = "\xff"')
    assert "not UTF-8" in refused(folder).message


def test_a_byte_order_mark_is_taken(folder: Path) -> None:
    (folder / "banister.toml").write_bytes(b'\xef\xbb\xbfdir = "db"')
    assert load(folder).shown_dir == "db"


@pytest.mark.parametrize(
    ("text", "name", "where"),
    [
        ('env = "production"', "banister.toml", "banister.toml:1:1"),
        ("[env]\nproduction = 1", "banister.toml", "banister.toml:2:1"),
        ("[tool]\nbanister = 1", "pyproject.toml", "pyproject.toml:2:1"),
    ],
)
def test_what_must_be_a_table_is_told(folder: Path, text: str, name: str, where: str) -> None:
    write(folder, text, name)
    error = refused(folder)
    assert "must be a table" in error.message
    assert place(error) == where


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[tool]\nbanister.nope = 1", "2:1"),
        ("tool.banister.nope = 1", "1:1"),
        ('["tool".banister]\n"nope" = 1', "2:1"),
        ('[tool.banister]\n"n\\u006fpe" = 1', "2:1"),
        ("[tool]\nbanister = { nope = 1 }", "2:1"),
        ("[other]\nnope = 1\n[tool.banister]\nnope = 1", "4:1"),
        ("[tool.banister]\ndir = '''\nnope = 1\n'''\nnope = 1", "5:1"),
        ('[tool.banister]\ndir = """\nnope = \\"""\n"""\nnope = 1', "5:1"),
        ("[tool.banister]\nskip_tags = [\n'[', # ]\n'nope = 1',\n]\nnope = 1", "6:1"),
        ("[tool]\nother = [\n['x'],\n]\nbanister.nope = 1", "5:1"),
        ("# nope = 1 ' [\n[tool.banister]\n\tnope = 1", "3:2"),
        ("[other]\nx = '[tool.banister]' # \"\"\"\n[tool.banister]\nnope = 1", "4:1"),
    ],
)  # fmt: skip
def test_a_key_is_found_where_it_really_stands(folder: Path, text: str, where: str) -> None:
    write(folder, text, "pyproject.toml")
    error = refused(folder)
    assert error.message == 'unknown setting "nope"'
    assert place(error) == f"pyproject.toml:{where}"


def test_a_url_given_as_the_folder_is_refused_without_repeating_it(folder: Path) -> None:
    url = "postgresql://u:hunter2@host/db"
    for overrides, environ in (({"dir": url}, {}), ({}, {"BANISTER_DIR": url})):
        with pytest.raises(UsageError) as caught:
            load_settings(folder, env=None, environ=environ, overrides=overrides)
        assert "hunter2" not in f"{caught.value}{caught.value.hint}{caught.value.location}"
