"""Connections to another machine: encrypted, or said not to be."""

import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from urllib.parse import quote

import psycopg
import pytest

import banister
from banister.engines import CertificateCheck
from banister.engines.base import SessionSettings
from banister.engines.postgres.transport import is_remote, with_tls
from banister.model import Warned
from conftest import RunBanister
from servers import PostgresDatabase, Servers
from tls_kit import TlsServer, tls_server


@pytest.fixture(scope="module")
def shared(servers: Servers) -> Iterator[TlsServer]:
    """The server of this module."""
    with tls_server(servers) as server:
        yield server


@pytest.fixture
def server(shared: TlsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TlsServer:
    """The server with its good certificate, an empty database and no roots in the home folder."""
    shared.use("good")
    shared.rows(
        "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO PUBLIC"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    return shared


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001_t.up.sql").write_text("CREATE TABLE t (id int);")
    (folder / "001_t.down.sql").write_text("DROP TABLE t;")
    return tmp_path


@pytest.fixture
def no_secret(server: TlsServer) -> Iterator[list[str]]:
    """A list of texts none of which may hold the password."""
    said: list[str] = []
    yield said
    for text in said:
        assert server.password not in text
        assert quote(server.password, safe="") not in text


def open_(url: str, project: Path, **settings: object) -> banister.Project:
    return banister.open(url, root=project, environ={}, settings=settings)


def transport(project: banister.Project) -> banister.Transport:
    with project.engine() as engine:
        assert engine.database.transport is not None
        return engine.database.transport


def codes(done: CompletedProcess[str]) -> list[str]:
    return [finding["code"] for finding in json.loads(done.stdout)["findings"]]


@pytest.mark.parametrize(
    ("address", "remote"),
    [
        ("", False),
        ("127.0.0.1", False),
        ("127.8.0.1", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", True),
        ("10.0.0.1", True),
        ("192.0.2.1", True),
        ("fe80::1%eth0", True),
        ("what", True),
    ],
)
def test_only_sockets_and_the_loopback_address_are_near(address: str, remote: bool) -> None:
    assert is_remote(address) is remote


def test_a_connection_on_this_machine_needs_no_warning(
    postgres: PostgresDatabase, project: Path
) -> None:
    opened = open_(postgres.url, project)
    assert transport(opened) == banister.Transport(remote=False)
    assert [event for event in _events(opened) if isinstance(event, Warned)] == []


def _events(project: banister.Project) -> list[banister.Event]:
    events: list[banister.Event] = []
    project.up(on_event=events.append)
    return events


@pytest.mark.parametrize(
    "command",
    [
        ["up"],
        ["status"],
        ["baseline", "1"],
        *(
            pytest.param(command, marks=pytest.mark.everything)
            for command in (
                ["plan"],
                ["migrate"],
                ["down"],
                ["repair", "1", "--done", "1"],
                ["repair", "--accept-edit", "1"],
            )
        ),
    ],
    ids=" ".join,
)
def test_every_command_warns_once_where_nothing_is_encrypted(
    run_banister: RunBanister,
    server: TlsServer,
    project: Path,
    command: list[str],
    no_secret: list[str],
) -> None:
    env = {"BANISTER_URL": server.url(sslmode="disable")}
    done = run_banister(*command, cwd=project, env=env)
    no_secret += [done.stdout, done.stderr]
    assert done.stderr.count("is not encrypted") == 1
    assert done.stderr.startswith("warning: the connection to postgresql://remote_user@db.test:")
    assert "sslmode=verify-full with sslrootcert=system" in done.stderr
    done = run_banister(*command, "--format", "json", cwd=project, env=env)
    no_secret += [done.stdout, done.stderr]
    assert codes(done).count("not_encrypted") == 1


def test_a_connection_that_fell_back_in_silence_is_told(server: TlsServer, project: Path) -> None:
    """The default of libpq goes on without encryption where the server has none."""
    server.set("ssl", "off")
    (warned,) = [e for e in _events(open_(server.url(), project)) if isinstance(e, Warned)]
    assert warned.finding.code == "not_encrypted"
    server.set("ssl", "on")
    assert not [e for e in _events(open_(server.url(), project)) if isinstance(e, Warned)]


@pytest.mark.parametrize(
    ("parameters", "checked"),
    [
        ({}, CertificateCheck.NOTHING),
        ({"sslmode": "require"}, CertificateCheck.NOTHING),
        ({"sslmode": "require", "sslrootcert": "ROOT"}, CertificateCheck.SIGNATURE),
        ({"sslmode": "verify-ca", "sslrootcert": "ROOT"}, CertificateCheck.SIGNATURE),
        ({"sslmode": "verify-full", "sslrootcert": "ROOT"}, CertificateCheck.FULL),
    ],
)
def test_what_was_checked_of_the_certificate_is_known(
    server: TlsServer, project: Path, parameters: dict[str, str], checked: CertificateCheck
) -> None:
    given = {
        name: str(server.root) if value == "ROOT" else value for name, value in parameters.items()
    }
    way = transport(open_(server.url(**given), project))
    assert (way.remote, way.encryption, way.certificate) == (True, "TLSv1.3", checked)
    assert way.cipher is not None
    assert way.cipher.startswith("TLS_")


def test_the_settings_say_it_where_the_url_does_not(server: TlsServer, project: Path) -> None:
    (project / "root.crt").write_bytes(server.root.read_bytes())
    (project / "banister.toml").write_text(
        'sslmode = "verify-full"\nsslrootcert = "root.crt"\n[env.near]\nsslmode = "disable"\n'
    )
    environ = {"BANISTER_URL": server.url()}
    way = transport(banister.open(root=project, environ=environ))
    assert way.certificate is CertificateCheck.FULL
    assert transport(banister.open(root=project, env="near", environ=environ)).encryption is None
    variable = {**environ, "BANISTER_SSLMODE": "disable"}
    assert transport(banister.open(root=project, environ=variable)).encryption is None
    # Both ways round, the URL wins.
    given = {"BANISTER_URL": server.url(sslmode="disable")}
    assert transport(banister.open(root=project, environ=given)).encryption is None
    given = {"BANISTER_URL": server.url(sslmode="verify-ca"), "BANISTER_SSLMODE": "disable"}
    way = transport(banister.open(root=project, environ=given))
    assert way.certificate is CertificateCheck.SIGNATURE


def test_the_settings_win_over_the_variables_of_libpq(
    server: TlsServer, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLMODE", "disable")
    assert transport(open_(server.url(), project)).encryption is None
    assert transport(open_(server.url(), project, sslmode="require")).encryption is not None


def test_the_authorities_of_the_machine_are_asked(
    server: TlsServer, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(banister.ConnectionFailed, match="certificate verify failed"):
        transport(open_(server.url(), project, sslrootcert="system"))
    monkeypatch.setenv("SSL_CERT_FILE", str(server.root))
    way = transport(open_(server.url(), project, sslrootcert="system"))
    assert way.certificate is CertificateCheck.FULL
    way = transport(open_(server.url(sslmode="verify-full", sslrootcert="system"), project))
    assert way.certificate is CertificateCheck.FULL


def test_the_authorities_of_the_machine_are_found_without_help(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The OpenSSL that psycopg brings looks for them where no machine has them."""
    if psycopg.pq.__impl__ != "binary":
        pytest.skip("this psycopg uses the OpenSSL of the machine")
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "PGSSLROOTCERT"):
        monkeypatch.delenv(name, raising=False)
    bundle = tmp_path / "bundle.pem"
    bundle.touch()
    monkeypatch.setattr("banister.engines.postgres.transport._bundles", lambda: iter([str(bundle)]))
    system = SessionSettings(sslrootcert="system")
    found = {"sslmode": "verify-full", "sslrootcert": str(bundle)}
    assert with_tls({}, system) == found
    assert with_tls({"sslrootcert": "system"}, SessionSettings()) == found
    # libpq itself refuses these two together.
    weak = {"sslmode": "require", "sslrootcert": "system"}
    assert with_tls(weak, SessionSettings()) == weak
    # The URL wins, also where "system" could not go with what it says.
    assert with_tls({"sslmode": "disable"}, system) == {"sslmode": "disable"}
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    assert with_tls({}, system) == {"sslrootcert": "system"}


@pytest.mark.parametrize(
    ("case", "said", "hint"),
    [
        ("off", "server does not support SSL, but SSL was required", "ssl = on"),
        ("expired", "certificate verify failed", "has expired, or none of the authorities"),
        ("other", 'does not match host name "db.test"', "a name that the server's certificate"),
        ("unknown", "certificate verify failed", "none of the authorities in `sslrootcert`"),
        ("no root", "root.crt", "name the file of the server's authority"),
        ("weak", "weak sslmode", "sslmode=verify-full alone"),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_server_that_cannot_be_trusted_is_an_error_that_says_why(
    run_banister: RunBanister,
    server: TlsServer,
    project: Path,
    case: str,
    said: str,
    hint: str,
    form: str,
    no_secret: list[str],
) -> None:
    url = server.url(sslmode="verify-full", sslrootcert=str(server.root))
    match case:
        case "off":
            server.set("ssl", "off")
            url = server.url(sslmode="require")
        case "unknown":
            url = server.url(sslmode="verify-full", sslrootcert=str(server.folder / "unknown.crt"))
        case "no root":
            url = server.url(sslmode="verify-full")
        case "weak":
            url = server.url(sslmode="require", sslrootcert="system")
        case _:
            server.use(case)
    done = run_banister("up", "--format", form, cwd=project, env={"BANISTER_URL": url})
    no_secret += [done.stdout, done.stderr]
    assert done.returncode == 1
    if form == "text":
        assert said in done.stderr
        assert hint in done.stderr
    else:
        error = json.loads(done.stdout)["error"]
        assert error["code"] == "connection"
        assert said in error["message"]
        assert hint in error["hint"]
    assert server.rows("SELECT to_regclass('public.t')") == [(None,)]


@pytest.mark.parametrize(
    ("mode", "verdict", "said"),
    [
        ("disable", "warning", "is not encrypted"),
        ("require", "warning", "checked of the server's certificate: nothing"),
        ("verify-full", "ok", "checked of the server's certificate: signature and host name"),
    ],
)
def test_doctor_says_how_the_connection_goes(
    run_banister: RunBanister,
    server: TlsServer,
    project: Path,
    mode: str,
    verdict: str,
    said: str,
    no_secret: list[str],
) -> None:
    root = {"sslrootcert": str(server.root)} if mode == "verify-full" else {}
    env = {"BANISTER_URL": server.url(sslmode=mode, **root)}
    done = run_banister("doctor", "--format", "json", cwd=project, env=env)
    no_secret += [done.stdout, done.stderr]
    (check,) = [
        check for check in json.loads(done.stdout)["checks"] if check["name"] == "encryption"
    ]
    assert check["verdict"] == verdict
    assert said in check["said"]
    assert ("TLSv1.3, TLS_" in check["said"]) is (mode != "disable")
    assert (check["hint"] is None) is (verdict == "ok")


def test_doctor_is_content_with_a_socket(
    run_banister: RunBanister, postgres: PostgresDatabase, project: Path
) -> None:
    done = run_banister("doctor", cwd=project, env={"BANISTER_URL": postgres.url})
    assert "encryption: none, and the connection does not leave this machine" in done.stdout
