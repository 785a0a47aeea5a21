"""Settings that are wrong: what is said, and where."""

from pathlib import Path

import pytest

from banister.errors import UsageError
from banister.project import load_settings
from settings_kit import place, refused, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder; nothing above it is looked at."""
    (tmp_path / ".git").mkdir()
    return tmp_path


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
        ('sslmode = "verify"', 'sslmode cannot be "verify"'),
        ("sslmode = true", "takes one of the words named, not true or false"),
    ],
)
def test_a_wrong_value_is_told_with_its_line(folder: Path, line: str, message: str) -> None:
    write(folder, f"# comment\n\n  {line}\n")
    error = refused(folder)
    assert message in error.message
    assert place(error) == "banister.toml:3:3"


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


def test_a_url_belongs_into_an_environment(folder: Path) -> None:
    write(folder, 'url = "postgresql://u:hunter2@h/db"')
    error = refused(folder)
    assert place(error) == "banister.toml:1:1"
    for way in ("[env.production]", "DATABASE_URL", "--url"):
        assert way in (error.hint or "")
    assert "hunter2" not in f"{error} {error.hint} {error.location!r}"


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


def test_an_unknown_variable_is_refused_with_the_nearest_name(folder: Path) -> None:
    error = refused(folder, BANISTER_LOCKTIMEOUT="1s")
    assert "BANISTER_LOCKTIMEOUT" in error.message
    assert error.hint == 'did you mean "BANISTER_LOCK_TIMEOUT"?'


def test_a_wrong_variable_is_named(folder: Path) -> None:
    error = refused(folder, BANISTER_OUT_OF_ORDER="yes")
    assert error.message == 'BANISTER_OUT_OF_ORDER: out_of_order takes true or false, not "yes"'


def test_two_files_in_one_folder_are_refused(folder: Path) -> None:
    write(folder, "")
    write(folder, "[tool.banister]", "pyproject.toml")
    error = refused(folder)
    assert "banister.toml" in error.message
    assert "pyproject.toml" in error.message


def test_a_wrong_word_is_told_the_nearest_or_all_of_them(folder: Path) -> None:
    write(folder, 'sslmode = "verify_full"')
    assert refused(folder).hint == 'did you mean "verify-full"?'
    write(folder, "")
    assert "disable, allow, prefer" in str(refused(folder, BANISTER_SSLMODE="on").hint)
