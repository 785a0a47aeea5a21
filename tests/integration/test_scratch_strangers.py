"""What SQL that nobody has read yet can do on a server that is started for it: nothing outside."""

from pathlib import Path

import pytest

from banister.errors import MigrationFailed
from scratch_kit import open_place, project_on
from servers import MAJORS, Servers

#: What runs programs, or reads and writes files, of the machine.
REACHING_OUT = {
    "program": "CREATE TABLE t (a text);\nCOPY t FROM PROGRAM 'id';",
    "program, by a role given to oneself": "GRANT pg_execute_server_program TO CURRENT_USER;\n"
    "CREATE TABLE t (a text);\nCOPY t FROM PROGRAM 'id';",
    "program, by a role made for it": "CREATE ROLE helper IN ROLE pg_execute_server_program;\n"
    "GRANT helper TO CURRENT_USER;\nSET ROLE helper;\nCOPY (SELECT 1) TO PROGRAM 'cat';",
    "read a file": "SELECT pg_read_file('/etc/hostname');",
    "read a file, by a role": "GRANT pg_read_server_files TO CURRENT_USER;\n"
    "SELECT pg_read_file('/etc/hostname');",
    "large object from a file": "SELECT lo_import('/etc/hostname');",
    "write a file": "COPY (SELECT 1) TO '/tmp/banister-was-here';",
    "setting of the server": "ALTER SYSTEM SET archive_command = 'id';",
    "library": "LOAD '/tmp/x.so';",
    "function in C": "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/tmp/x.so', 'f';",
    "become a superuser": "ALTER ROLE CURRENT_USER SUPERUSER;",
    "make a superuser": "CREATE ROLE boss SUPERUSER;",
}
#: SQLSTATE: not enough rights, or no such file, as where the name of a library is not accepted.
REFUSED = {"42501", "58P01", "25001"}


@pytest.mark.parametrize("major", [MAJORS[0], MAJORS[1], MAJORS[-1]])
def test_nothing_outside_of_the_databases_is_reached(
    tmp_path: Path, servers: Servers, monkeypatch: pytest.MonkeyPatch, major: int
) -> None:
    found = servers.binaries(major)
    monkeypatch.setenv("PATH", f"{found.bin_dir}:/usr/bin:/bin")
    with open_place(tmp_path, major=major) as place:
        assert place.major == major
        for what, sql in REACHING_OUT.items():
            outside = "-- banister: transaction=off\n" if sql.startswith("ALTER SYSTEM") else ""
            files = {"001_reach.up": outside + sql + "\n"}
            with pytest.raises(MigrationFailed) as caught:
                project_on(place, place.create(), files).up()
            assert caught.value.failure.sqlstate in REFUSED, what
    assert not Path("/tmp/banister-was-here").exists()
