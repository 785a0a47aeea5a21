"""The manifest beside a backup: what it is of, and what it has to be."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, cast

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
    except ValueError as error:
        raise _no_manifest(shown, "it is not JSON") from error
    if not isinstance(told, dict) or not isinstance(told.get("format"), int):
        raise _no_manifest(shown, 'it has no "format"')
    if told["format"] > _FORMAT:
        raise UsageError(
            f"{shown} is of a newer version of Banister", hint="use that version, or a newer one"
        )
    try:
        return _manifest(told)
    except KeyError as error:
        raise _no_manifest(shown, f'it has no "{error.args[0]}"') from error
    except (TypeError, ValueError) as error:
        raise _no_manifest(shown, str(error)) from error


def _manifest(told: Mapping[str, Any]) -> BackupManifest:
    rows = _of(told, "rows", dict)
    unchecked = _of({"unchecked": {}, **told}, "unchecked", dict)
    return BackupManifest(
        file=_of(told, "file", str),
        form=BackupForm(_of(told, "form", str)),
        compressed=_of(told, "compressed", bool),
        clean=_of(told, "clean", bool),
        dialect=Dialect(_of(told, "dialect", str)),
        database=_of(told, "database", str),
        name=_of(told, "name", str),
        identity=str(told.get("identity", "")),
        server=_of(told, "server", str),
        server_version=tuple(int(part) for part in _of(told, "server_version", list)),
        program=_of(told, "program", str),
        tool_version=_of(told, "tool_version", str),
        taken_at=_time(told, "taken_at"),
        duration_ms=_of(told, "duration_ms", int),
        version=_of(told, "version", str, empty=True),
        size_bytes=_of(told, "size_bytes", int),
        sha256=_of(told, "sha256", str),
        rows={str(table): int(count) for table, count in rows.items()},
        one_transaction=_of(told, "one_transaction", bool),
        schema=_of(told, "schema", str, empty=True),
        roles=tuple(map(str, _of(told, "roles", list))),
        past_policies=tuple(map(str, told.get("past_policies", []))),
        extensions=tuple(map(str, _of(told, "extensions", list))),
        unchecked={str(table): str(why) for table, why in unchecked.items()},
        tested=_test(_of(told, "tested", dict, empty=True)),
        run_id=_of(told, "run_id", str, empty=True),
    )


def _test(told: Mapping[str, Any] | None) -> BackupTest | None:
    if told is None:
        return None
    return BackupTest(at=_time(told, "at"), server=_of(told, "server", str))


def _time(told: Mapping[str, Any], key: str) -> datetime:
    time = datetime.fromisoformat(_of(told, key, str))
    if time.tzinfo is None:
        raise ValueError(f'its "{key}" has no time zone')
    return time


def _of(told: Mapping[str, Any], key: str, kind: type, *, empty: bool = False) -> Any:
    value = told[key]
    if (empty and value is None) or type(value) is kind:
        return cast("Any", value)
    raise TypeError(f'its "{key}" is no {kind.__name__}')


def _no_manifest(shown: str, why: str) -> UsageError:
    return UsageError(
        f"{shown} is no manifest of a backup: {why}",
        hint="without it nothing tells whether the backup is whole; take another one",
    )
