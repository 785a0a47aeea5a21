"""Connections that cannot be made: what is said, and what is not."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from conftest import RunBanister
from postgres_kit import Site
from servers import PostgresDatabase

TWO = {
    "001_t": "CREATE TABLE t (id int);",
    "001_t.down": "DROP TABLE t;",
    "002_u": "CREATE TABLE u (id int);",
    "002_u.down": "DROP TABLE u;",
}

SECRET = "s3cr3t@:/%'x"


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return Site(database=postgres, root=tmp_path)


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:{quoted}@127.0.0.1:1/app",
        "postgresql://me:{quoted}@127.0.0.1:1,127.0.0.1:2/app?connect_timeout=1",
        "postgresql://me:{quoted}@nowhere.invalid/app",
        "postgresql://me:{raw}@127.0.0.1:1/app",
        "postgresql://me:{quoted}@127.0.0.1:notaport/app",
        "postgresql://me:{quoted}@127.0.0.1:1/app?sslmode=nonsense",
        "postgresql://me:{quoted}@127.0.0.1:1/app?nonsense=1",
        "postgresql:///{database}?host={host}&port={port}&user=nobody_here&password={quoted}",
        "postgresql:///no_such_database?host={host}&port={port}&user={user}&password={quoted}",
        "host={plain_host} port={port} dbname=nothing password={keyword}",
        "host='unclosed password={keyword}",
    ],
)
def test_no_failure_to_connect_tells_the_password(
    site: Site, run_banister: RunBanister, url: str, form: str
) -> None:
    site.write(TWO)
    server = site.database.server
    keyword = SECRET.replace("\\", "\\\\").replace("'", "\\'")
    given = url.format(
        quoted=quote(SECRET, safe=""),
        raw=SECRET,
        keyword=f"'{keyword}'",
        database=site.database.name,
        host=quote(str(server.socket_dir), safe=""),
        plain_host=server.socket_dir,
        port=server.port,
        user=site.value("SELECT current_user"),
    )
    done = run_banister("up", "--format", form, cwd=site.root, env={"BANISTER_URL": given})
    said = done.stdout + done.stderr
    assert done.returncode in {1, 2}
    assert "s3cr3t" not in said
    assert quote(SECRET, safe="") not in said
    assert "Traceback" not in said
    if form == "json":
        assert json.loads(done.stdout)["error"]["message"]
