"""The manifest beside a backup: what it is of, and what it has to be."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from banister.backup.told import a_count, a_list, a_time, a_value, one_of, texts, wrong
from banister.errors import UsageError
from banister.model import Dialect
from banister.model.backup import BackupForm, BackupManifest, BackupTest

__all__ = ["ENDING", "manifest_json", "read_manifest"]

#: Behind the backup's own name.
ENDING = ".json"
#: Later versions only add keys, and readers pass over those that they do not know.
_FORMAT = 1


def manifest_json(manifest: BackupManifest) -> dict[str, Any]:
    """Return a manifest as it is written, and as `--format json` shows it."""
    told = asdict(manifest) | {
        "form": manifest.form.value,
        "dialect": manifest.dialect.value,
        "taken_at": manifest.taken_at.isoformat(),
    }
    if manifest.tested is not None:
        told["tested"] = {"at": manifest.tested.at.isoformat(), "server": manifest.tested.server}
    return {"format": _FORMAT, **told}


def read_manifest(text: str, shown: str) -> BackupManifest:
    """Return what a manifest says. Raises UsageError, which names `shown`, where it is none."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_manifest(shown, "it is not JSON") from error
    if not isinstance(told, dict) or not isinstance(told.get("format"), int):
        raise _no_manifest(shown, 'it has no "format"')
    if told["format"] > _FORMAT:
        raise UsageError(
            f"{shown} is of a newer version of Banister", hint="use that version, or a newer one"
        )
    try:
        return _manifest(told)
    except (KeyError, TypeError, ValueError) as error:
        raise _no_manifest(shown, wrong(error)) from error


def _manifest(told: Mapping[str, Any]) -> BackupManifest:
    rows = a_value(told, "rows", dict)
    return BackupManifest(
        file=a_value(told, "file", str),
        form=one_of(told, "form", BackupForm),
        compressed=a_value(told, "compressed", bool),
        clean=a_value(told, "clean", bool),
        dialect=one_of(told, "dialect", Dialect),
        database=a_value(told, "database", str),
        name=a_value(told, "name", str),
        identity=a_value({"identity": "", **told}, "identity", str),
        server=a_value(told, "server", str),
        server_version=_version(told),
        program=a_value(told, "program", str),
        tool_version=a_value(told, "tool_version", str),
        taken_at=a_time(told, "taken_at"),
        duration_ms=a_count(told, "duration_ms"),
        version=a_value(told, "version", str, empty=True),
        size_bytes=a_count(told, "size_bytes"),
        tables_bytes=a_count({"tables_bytes": 0, **told}, "tables_bytes"),
        sha256=a_value(told, "sha256", str),
        rows={table: a_count(rows, table) for table in rows},
        one_transaction=a_value(told, "one_transaction", bool),
        schema=a_value(told, "schema", str, empty=True),
        roles=a_list(told, "roles"),
        past_policies=a_list({"past_policies": [], **told}, "past_policies"),
        extensions=a_list(told, "extensions"),
        unchecked=texts({"unchecked": {}, **told}, "unchecked"),
        tested=_test(a_value(told, "tested", dict, empty=True)),
        run_id=a_value(told, "run_id", str, empty=True),
    )


def _test(told: Mapping[str, Any] | None) -> BackupTest | None:
    if told is None:
        return None
    return BackupTest(at=a_time(told, "at"), server=a_value(told, "server", str))


def _version(told: Mapping[str, Any]) -> tuple[int, ...]:
    parts = a_value(told, "server_version", list)
    if not parts or any(type(part) is not int for part in parts):
        raise ValueError('its "server_version" is no list of whole numbers')
    return tuple(parts)


def _no_manifest(shown: str, why: str) -> UsageError:
    return UsageError(
        f"{shown} is no manifest of a backup: {why}",
        hint="without it nothing tells whether the backup is whole; take another one",
    )
