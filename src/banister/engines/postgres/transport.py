"""The way to the server: what libpq is told about TLS, and what became of it.

libpq's own default is to go on without encryption when the server offers none, and says nothing:
https://www.postgresql.org/docs/current/libpq-ssl.html
"""

import os
from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from psycopg import pq

from banister.engines.base import CertificateCheck, Database, SessionSettings, Transport
from banister.errors import Finding, Severity

__all__ = ["is_remote", "needs_tls", "tls_advice", "transport_of", "unencrypted", "with_tls"]

_SYSTEM = "system"
#: libpq knows sslrootcert=system since this version.
_KNOWS_SYSTEM = 160_000
#: Where systems keep the authorities that they trust, in one file.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

#: What libpq says → what to do about it. The first that fits.
_ADVICE = {
    "does not support SSL": "the server has TLS off: turn it on there (`ssl = on`), or say with "
    "another `sslmode` that the connection need not be encrypted",
    "does not match host name": "connect by a name that the server's certificate was made for",
    "certificate verify failed": "the server's certificate has expired, or none of the authorities "
    "in `sslrootcert` has signed it: renew it, or name the file of its authority",
    "root certificate file": "name the file of the server's authority as `sslrootcert`, in the URL "
    "or in the settings",
    "weak sslmode": "sslrootcert=system goes with sslmode=verify-full alone",
    "no encryption": "look into pg_hba.conf on the server; where it lets only encrypted "
    "connections in, set `sslmode` to verify-full",
}


def with_tls(given: Mapping[str, str], settings: SessionSettings) -> dict[str, str]:
    """Return the connection parameters, completed by what the settings say about TLS.

    What is given wins. "system" among the settings is left out where the mode that is given could
    not go with it.
    """
    full = dict(given)
    if settings.sslmode is not None:
        full.setdefault("sslmode", settings.sslmode)
    root = settings.sslrootcert
    if root is not None and (root != _SYSTEM or full.get("sslmode") in {None, "verify-full"}):
        full.setdefault("sslrootcert", root)
    return _with_roots_of_this_machine(full)


def _with_roots_of_this_machine(full: dict[str, str]) -> dict[str, str]:
    """Put a file in the place of "system" where psycopg brings an OpenSSL of its own.

    The one in its binary packages looks for authorities in a folder that no machine has. A weaker
    mode than verify-full is left to libpq, which refuses it.
    """
    root = full.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
    if root != _SYSTEM or pq.__impl__ != "binary":
        return full
    told = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
    bundle = next((path for path in _bundles() if path and Path(path).is_file()), None)
    if told or bundle is None or full.get("sslmode", "verify-full") != "verify-full":
        return full
    return {**full, "sslmode": "verify-full", "sslrootcert": bundle}


def _bundles() -> Iterator[str | None]:
    import ssl  # noqa: PLC0415 -- only for the few who ask for it

    paths = ssl.get_default_verify_paths()
    yield from (paths.cafile, paths.openssl_cafile, *_BUNDLES)


def is_remote(address: str) -> bool:
    """Whether an IP address is another's; empty: a socket of this machine."""
    if not address:
        return False
    try:
        found = ip_address(address)
    except ValueError:
        return True
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return not found.ipv4_mapped.is_loopback
    return not found.is_loopback


def transport_of(
    pgconn: pq.abc.PGconn, *, version: str | None, cipher: str | None, gssapi: bool
) -> Transport:
    """Return how a connection goes. The server says version, cipher and GSSAPI of its own end."""
    remote = is_remote(pgconn.hostaddr.decode())
    if pgconn.ssl_in_use:
        return Transport(
            remote=remote,
            encryption=version or "TLS",
            cipher=cipher,
            certificate=_checked(pgconn),
        )
    return Transport(remote=remote, encryption="GSSAPI" if gssapi else None)


def _checked(pgconn: pq.abc.PGconn) -> CertificateCheck:
    values = {option.keyword: (option.val or b"").decode() for option in pgconn.info}
    mode = values.get(b"sslmode", "")
    if mode == "verify-full":
        return CertificateCheck.FULL
    # Below verify-ca libpq looks at the signature too, where it finds a file to check it by.
    root = values.get(b"sslrootcert") or str(Path.home() / ".postgresql" / "root.crt")
    if mode == "verify-ca" or Path(root).is_file():
        return CertificateCheck.SIGNATURE
    return CertificateCheck.NOTHING


def needs_tls(database: Database) -> bool:
    """Whether a program has to speak TLS, or GSSAPI, to reach that database as we do."""
    return database.transport is not None and database.transport.encryption is not None


def unencrypted(transport: Transport, display: str) -> Finding | None:
    """Return the warning about a connection that others can read, None for any other."""
    if not transport.remote or transport.encryption is not None:
        return None
    return Finding(
        severity=Severity.WARNING,
        code="not_encrypted",
        message=f"the connection to {display} is not encrypted: whoever is on the way can read and "
        "change what goes over it",
        hint=f"set {_verified()}, in the URL or in the settings",
    )


def _verified() -> str:
    if pq.version() >= _KNOWS_SYSTEM:
        return "sslmode=verify-full with sslrootcert=system or with the file of its authority"
    return "sslmode=verify-full with the file of its authority as sslrootcert"


def tls_advice(said: str) -> str | None:
    """Return what to do about a connection that could not be made, where TLS is the reason."""
    return next((advice for words, advice in _ADVICE.items() if words in said), None)
