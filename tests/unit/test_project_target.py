"""The choice of a database: the order of the ways, the forms, and that no password is shown."""

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banister.errors import UsageError
from banister.project import (
    Settings,
    Target,
    TargetKind,
    choose_scratch,
    choose_target,
    load_settings,
    no_target_error,
    redact,
)

ENV_TABLES = """
[env.prod]
url = "postgresql://prod/db"
[env.bare]
timezone = "UTC"
[env.reference]
url = "postgresql://me:${PROD_PASSWORD}@prod/db"
[env.whole]
url = "${PROD_URL}"
[env.file]
url = "sqlite:///data.db"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with environments, and a subfolder to start in."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "banister.toml").write_text(ENV_TABLES)
    return tmp_path


def choose(
    project: Path, url: str | None = None, *, env: str | None = None, **environ: str
) -> Target | None:
    loaded = load_settings(project / "here", env=env, environ=environ)
    return choose_target(loaded, url=url, environ=environ)


def chosen(
    project: Path, url: str | None = None, *, env: str | None = None, **environ: str
) -> Target:
    target = choose(project, url, env=env, **environ)
    assert target is not None
    return target


def refused(
    project: Path, url: str | None = None, *, env: str | None = None, **environ: str
) -> UsageError:
    with pytest.raises(UsageError) as caught:
        choose(project, url, env=env, **environ)
    return caught.value


def test_the_ways_count_in_their_order(project: Path) -> None:
    (project / ".env").write_text(
        "DATABASE_URL=postgresql://file-database/d\nBANISTER_URL=postgresql://file-own/d\n"
        "DB_PATH=file.db\n"
    )
    ways = {
        "BANISTER_URL": "postgresql://own/d",
        "DATABASE_URL": "postgresql://database/d",
        "DB_PATH": "path.db",
    }
    found = [chosen(project, "postgresql://flag/d", **ways)]
    found.append(chosen(project, env="prod", **ways))
    del ways["BANISTER_URL"]
    found.append(chosen(project, env="prod", **ways))
    found.append(chosen(project, **ways))
    del ways["DATABASE_URL"]
    found.append(chosen(project, **ways))
    (project / ".env").write_text("DATABASE_URL=postgresql://file-database/d\nDB_PATH=file.db\n")
    found.append(chosen(project, **ways))
    (project / ".env").write_text("DB_PATH=file.db\n")
    found.append(chosen(project, **ways))
    found.append(chosen(project))
    assert [(target.source, target.display) for target in found] == [
        ("--url", "postgresql://flag/d"),
        ("BANISTER_URL", "postgresql://own/d"),
        ("[env.prod]", "postgresql://prod/db"),
        ("DATABASE_URL", "postgresql://database/d"),
        (".env", "postgresql://file-own/d"),
        (".env", "postgresql://file-database/d"),
        ("DB_PATH", "sqlite:///path.db"),
        (".env", f"sqlite:///{project}/file.db"),
    ]


def test_nothing_found_is_none_and_never_a_default(project: Path) -> None:
    assert choose(project) is None


def test_empty_values_count_as_not_set(project: Path) -> None:
    (project / ".env").write_text("BANISTER_URL=\nDATABASE_URL=' '\nDB_PATH\n")
    empty = {"BANISTER_URL": "", "DATABASE_URL": " ", "DB_PATH": ""}
    assert choose(project, "", **empty) is None


def test_the_error_without_a_database_shows_every_way_in_order() -> None:
    hint = no_target_error().hint or ""
    ways = ["--url", "BANISTER_URL", "--env NAME", "DATABASE_URL", ".env", "DB_PATH", "embedded:"]
    places = [hint.index(way) for way in ways]
    assert places == sorted(places)


def test_a_named_environment_never_falls_through(project: Path) -> None:
    (project / ".env").write_text("DATABASE_URL=postgresql://file/d\n")
    error = refused(project, env="bare", DATABASE_URL="postgresql://database/d", DB_PATH="x.db")
    assert '"bare"' in error.message
    assert str(error.location) == f"{project}/banister.toml:4:2"
    for looked_at in ("--url", "BANISTER_URL", "[env.bare]", "DATABASE_URL"):
        assert looked_at in (error.hint or "")


def test_a_reference_is_taken_from_the_environment_then_from_the_file(project: Path) -> None:
    (project / ".env").write_text("PROD_PASSWORD=from-file\n")
    target = chosen(project, env="reference")
    assert target.conninfo == "postgresql://me:from-file@prod/db"
    assert target.source == "[env.reference]"
    target = chosen(project, env="reference", PROD_PASSWORD="p@ss")
    assert target.conninfo == "postgresql://me:p%40ss@prod/db"
    assert "p@ss" in target.secrets


def test_a_whole_url_may_be_a_reference(project: Path) -> None:
    assert chosen(project, env="whole", PROD_URL="service=x").display == "service=x"


@pytest.mark.parametrize("environ", [{}, {"PROD_PASSWORD": ""}, {"PROD_PASSWORD": " "}])
def test_a_reference_that_is_not_set_is_named(project: Path, environ: dict[str, str]) -> None:
    error = refused(project, env="reference", DATABASE_URL="postgresql://x", **environ)
    assert "${PROD_PASSWORD}" in error.message
    assert ":7:1" in str(error.location)


def test_a_reference_does_not_matter_where_the_flag_decides(project: Path) -> None:
    assert chosen(project, "service=x", env="reference").source == "--url"


def test_lines_of_the_env_file_may_refer_to_others(project: Path) -> None:
    (project / ".env").write_text(
        "export HOST='one'\nDATABASE_URL=\"postgresql://${HOST}:${PORT:-5433}/${DB}\" # main\n"
    )
    assert chosen(project, DB="app").display == "postgresql://one:5433/app"


def test_an_env_file_that_cannot_be_read_is_an_error(project: Path) -> None:
    (project / ".env").write_bytes(b"DATABASE_URL=\xff")
    assert ".env is not UTF-8" in refused(project).message


def test_a_folder_named_env_is_passed_over(project: Path) -> None:
    (project / ".env").mkdir()
    assert choose(project) is None


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///app.db", "here/app.db"),
        ("sqlite+pysqlite:///../app.db", "app.db"),
        ("SQLITE:///app.db?check_same_thread=false&timeout=5", "here/app.db"),
    ],
)
def test_a_relative_file_begins_where_the_user_is(project: Path, url: str, path: str) -> None:
    for target in (chosen(project, url), chosen(project, DATABASE_URL=url)):
        assert target.kind is TargetKind.SQLITE
        assert target.path == project / path


def test_a_relative_file_in_a_file_begins_beside_it(project: Path) -> None:
    assert chosen(project, env="file").path == project / "data.db"
    (project / ".env").write_text("DATABASE_URL=sqlite:///app.db\n")
    assert chosen(project).path == project / "app.db"
    (project / ".env").write_text("DB_PATH=app2.db\n")
    assert chosen(project).path == project / "app2.db"


def test_an_absolute_file_is_taken_as_it_is(project: Path) -> None:
    target = chosen(project, f"sqlite:///{project}/x.db")
    assert target.path == project / "x.db"
    assert target.display == f"sqlite:///{project}/x.db"
    assert chosen(project, DB_PATH=f"{project}/y.db").path == project / "y.db"


def test_db_path_may_be_a_url(project: Path) -> None:
    assert chosen(project, DB_PATH="sqlite:///x.db").path == project / "here" / "x.db"


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file::memory:", "sqlite+aiosqlite://"],
)  # fmt: skip
def test_a_database_in_memory_is_refused(project: Path, url: str) -> None:
    assert "ends with the command" in refused(project, url).message


def test_db_path_in_memory_is_refused(project: Path) -> None:
    error = refused(project, DB_PATH=":memory:")
    assert error.message == "DB_PATH: a database in memory ends with the command"


def test_the_embedded_server_can_be_named(project: Path) -> None:
    target = chosen(project, "embedded:")
    assert target.kind is TargetKind.EMBEDDED
    assert target.display == "embedded:"
    assert target.conninfo == ""


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("mysql://u:hunter2@h/db", "mysql:// is not a database"),
        ("postgress://u:hunter2@h/db", "did you mean postgres://?"),
        ("sqlite3:///x.db", "did you mean sqlite://?"),
        ("jdbc:postgresql://h/db?user=u&password=hunter2", "JDBC"),
        ("file:x.db", "sqlite:///path"),
        ("sqlite:x.db", "sqlite:///path"),
        ("sqlite://x.db", "two slashes"),
        ("sqlite:///file:x.db?mode=ro&uri=true", "parameters"),
        ("sqlite:///file:x.db", "file: names"),
        ("sqlite+pysqlcipher://:hunter2@/x.db", "encrypted"),
        ("sqlite:///x\0.db", "NUL"),
        ("embedded:hunter2", "has nothing behind it"),
        ("postgresql:hunter2", "has no //"),
        ("data/app.db", "write sqlite:///data/app.db"),
        ("hunter2", "not a database URL"),
        ("u:hunter2@h/db", "not a database URL"),
        ("'postgresql://u:hunter2@h/db'", "quote"),
        ('"service=x"', "quote"),
        ("postgresql://u:hunter2@h/db@x", "more than one way"),
        ("host=h password='hunter2", "cannot be read"),
    ],
)
def test_what_names_no_database_is_told_without_its_text(
    project: Path, value: str, told: str
) -> None:
    error = refused(project, DATABASE_URL=value)
    assert error.message.startswith("DATABASE_URL: ")
    assert told in f"{error.message} {error.hint}"
    assert "hunter2" not in f"{error.message} {error.hint} {error.location!r}"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:pw@h/db",
        "postgresql://h/db?user=u&password=pw",
        "host=h password=pw",
        "host=h sslpassword=pw",
    ],
)
def test_a_password_in_the_arguments_warns(project: Path, url: str) -> None:
    (warning,) = chosen(project, url).warnings
    assert warning.code == "password_in_arguments"
    for instead in ("DATABASE_URL", "PGPASSWORD", "~/.pgpass", "service"):
        assert instead in (warning.hint or "")
    assert chosen(project, DATABASE_URL=url).warnings == ()


def test_the_arguments_without_a_password_do_not_warn(project: Path) -> None:
    assert chosen(project, "postgresql://u@h/db", PGPASSWORD="pw").warnings == ()


def test_the_password_of_the_environment_is_a_secret_too(project: Path) -> None:
    assert "hunter2" in chosen(project, "service=x", PGPASSWORD="hunter2").secrets


PASSWORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
    lambda text: text.strip() == text
)


def _outcome(url: str) -> tuple[str, Target | None]:
    """Everything that is said about a URL."""
    here = Path("/nowhere")
    loaded = Settings(
        root=here, start=here, dir=here, shown_dir="migrations", backup_dir=here / "backups"
    )
    environ = {"DATABASE_URL": url}
    try:
        target = choose_target(loaded, url=None, environ=environ)
    except UsageError as error:
        return f"{error} {error!r} {error.hint} {error.location!r}", None
    assert target is not None
    return f"{target!r} {target.display} {target}", target


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(password=PASSWORDS)
@pytest.mark.parametrize(
    "template",
    [
        "postgresql://user:{raw}@host:5432/name?sslmode=require",
        "postgresql://user:{encoded}@host:5432/name?sslmode=require",
        "postgres+psycopg2://user:{half}@one:1,two:2/name",
        "postgresql://user@host/name?password={encoded}",
        "host=host user=user dbname=name password='{quoted}' sslmode=require",
        "host=host sslpassword='{quoted}' user=user",
        "mysql://user:{raw}@host/name",
        "sqlite+pysqlcipher://:{raw}@/name",
        "jdbc:postgresql://host/name?password={raw}",
    ],
)
def test_nothing_said_depends_on_the_password(template: str, password: str) -> None:
    """What is said is the same for any password, or an error that says nothing of it."""
    url = template.format(
        raw=password,
        encoded=quote(password, safe=""),
        half=quote(password, safe="/:@"),
        quoted=password.replace("\\", "\\\\").replace("'", "\\'"),
    )
    said, target = _outcome(url)
    plain, _ = _outcome(template.format(raw="x", encoded="x", half="x", quoted="x"))
    if target is not None:
        assert said == plain
        assert password in target.secrets
        shown = redact(f"server said: {target.conninfo}", target.secrets)
        if len(password) >= 3 and password not in "server said: ***" and password not in plain:
            assert password not in shown
    else:
        errors = {
            _outcome("postgresql://u:a%00b@h")[0],
            _outcome("postgresql://u:a@h/b@c")[0],
            _outcome("host=h password='a")[0],
            _outcome("host=h password='\0'")[0],
            _outcome("'a'")[0],
            plain,
        }
        assert said in errors


@pytest.mark.parametrize(
    ("url", "variable", "file", "host"),
    [
        ("postgresql://flag/x", "postgresql://variable/x", "postgresql://file/x", "flag"),
        (None, "postgresql://variable/x", "postgresql://file/x", "variable"),
        ("", " ", "postgresql://${HOST_OF_SCRATCH}/x", "file"),
        (None, "", None, None),
    ],
)
def test_the_flag_names_a_scratch_server_before_the_variable_and_the_file(
    tmp_path: Path, url: str | None, variable: str, file: str | None, host: str | None
) -> None:
    environ = {"BANISTER_SCRATCH_URL": variable, "HOST_OF_SCRATCH": "file"}
    overrides = {} if file is None else {"scratch_url": file}
    settings = load_settings(tmp_path, env=None, environ={}, overrides=overrides)
    target = choose_scratch(settings, url=url, environ=environ)
    if host is None:
        assert target is None
    else:
        assert target is not None
        assert f"host={host}" in target.conninfo or f"//{host}/" in target.conninfo


def test_a_scratch_server_is_a_postgresql_server(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, env=None, environ={})
    for url in ("sqlite:///app.db", "embedded:"):
        with pytest.raises(UsageError, match="names no PostgreSQL server"):
            choose_scratch(settings, url=url, environ={})


def test_a_password_in_the_flag_for_scratch_is_warned_about(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, env=None, environ={})
    target = choose_scratch(settings, url="postgresql://a:s3cr3t-x@h/x", environ={})
    assert target is not None
    assert [finding.code for finding in target.warnings] == ["password_in_arguments"]
    assert "s3cr3t-x" in target.secrets
    assert "s3cr3t-x" not in repr(target)
