"""The names of migration files: reading them, and saying what to correct. No I/O."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from banister.errors import Finding, Location, Severity
from banister.model import Dialect, Direction

__all__ = [
    "FileName",
    "advice_for",
    "is_timestamp",
    "leading_digits",
    "parse_name",
    "width_findings",
]

_NAME = re.compile(
    r"(?P<version>[0-9]+)_(?P<name>\S+?)\.(?P<direction>up|down)"
    r"(?:\.(?P<engine>postgresql|sqlite))?\.sql"
)
#: Words that people write where the engine or the direction belongs.
_ENGINE_WORDS = {
    "pg": "postgresql",
    "pgsql": "postgresql",
    "psql": "postgresql",
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "sqlite": "sqlite",
    "sqlite3": "sqlite",
}
_TIMESTAMP_LENGTH = 14
_NO_NUMBER = "its name does not begin with a number"
#: What may be wrong with a name that begins with a number; the first that matches is told.
_FAULTS = tuple(
    (re.compile(pattern, re.IGNORECASE), fault)
    for pattern, fault in (
        (r".*\s.*", "its name holds a space"),
        (r"[0-9]+-.*", "its number is followed by - instead of _"),
        (r"[0-9]+_?(\.(up|down))?\.sql", "its name has no description"),
        (r"[0-9]+[^_0-9].*", "its number is not followed by _"),
        (r".*[_-](up|down)(\.\w+)?\.sql", "its direction is not set off by a dot"),
        (
            r".*\.(up|down)\.(?!(postgresql|sqlite)\.)\w+\.sql",
            "what stands behind its direction is not an engine (postgresql, sqlite)",
        ),
        (
            rf".*\.({'|'.join(_ENGINE_WORDS)})\.(up|down)\.sql",
            "its engine stands before its direction",
        ),
        (r".*\.(up|down)(\.\w+)?\.sql", "its ending is not in lower case"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileName:
    """A file name that says what it is."""

    #: The whole name.
    file: str
    #: The digits as written.
    version: str
    name: str
    direction: Direction
    #: None: for every engine.
    engine: Dialect | None

    @property
    def number(self) -> int:
        """What the version is compared by."""
        return int(self.version)


def parse_name(file: str) -> FileName | None:
    """Return what a file name says; None where it is not a migration's name."""
    match = _NAME.fullmatch(file)
    if match is None or not file.isprintable():
        return None
    _, *dotted = match["name"].lower().split(".")
    if not {*_ENGINE_WORDS, "up", "down"}.isdisjoint(dotted):
        return None
    return FileName(
        file=file,
        version=match["version"],
        name=match["name"],
        direction=Direction(match["direction"]),
        engine=Dialect(match["engine"]) if match["engine"] else None,
    )


def leading_digits(file: str) -> str | None:
    """Return the number that a file name begins with."""
    match = re.match(r"[0-9]+", file)
    return match[0] if match else None


def advice_for(file: str) -> tuple[str, str]:
    """Return what is wrong with the name of a `.sql` file, and what to do about it."""
    if not file.isprintable():
        return "its name holds characters that cannot be shown", "rename it"
    if flyway := re.fullmatch(r"([VU])([0-9]+)__(.+)\.sql", file):
        direction = "up" if flyway[1] == "V" else "down"
        return _NO_NUMBER, f"rename it to {flyway[2]}_{flyway[3]}.{direction}.sql"
    if leading_digits(file) is None:
        return _NO_NUMBER, "put a number and _ before it, or move it out of the folder"
    corrected = _corrected(file)
    reason = next((fault for pattern, fault in _FAULTS if pattern.fullmatch(file)), None)
    if corrected is None:
        hint = "rename it to NNN_description.up.sql or NNN_description.down.sql"
        return reason or "its name is not that of a migration", hint
    if reason is None:
        way_back = _down(corrected)
        return (
            "its name does not say up or down",
            f"rename it to {corrected}, and put the way back into {way_back}",
        )
    return reason, f"rename it to {corrected}"


def _corrected(file: str) -> str | None:
    """Return the nearest valid name, or None where it would be a guess."""
    stem = re.sub(r"\s+", "_", file[: -len(".sql")].strip())
    stem = re.sub(r"^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?![0-9])", _date_as_digits, stem)
    match = re.fullmatch(r"([0-9]+)[_.-]?(.*)", stem)
    if match is None or match[2].lower() in ("up", "down"):
        return None
    parts = match[2].split(".")
    engine = ""
    for place in (-1, -2):
        found = _engine(parts[place]) if len(parts) > -place else None
        if found:
            engine = f".{found}"
            del parts[place]
            break
    rest = ".".join(parts)
    direction = re.fullmatch(r"(.*)[._-](up|down)", rest, re.IGNORECASE)
    name, word = (direction[1], direction[2].lower()) if direction else (rest, "up")
    corrected = f"{match[1]}_{name}.{word}{engine}.sql"
    return corrected if parse_name(corrected) else None


def _date_as_digits(date: re.Match[str]) -> str:
    return f"{date[1]}{date[2]:0>2}{date[3]:0>2}"


def _engine(word: str) -> str | None:
    if word.lower() in ("up", "down"):
        return None
    close = get_close_matches(word.lower(), _ENGINE_WORDS, n=1, cutoff=0.75)
    return _ENGINE_WORDS[close[0]] if close else None


def _down(up: str) -> str:
    before, _, after = up.rpartition(".up.")
    return f"{before}.down.{after}"


def is_timestamp(version: str) -> bool:
    """Whether 14 digits are a date and time."""
    if len(version) != _TIMESTAMP_LENGTH:
        return False
    try:
        datetime.strptime(version, "%Y%m%d%H%M%S")  # noqa: DTZ007  (only asks whether it is one)
    except ValueError:
        return False
    return True


def width_findings(files: Iterable[FileName], shown: str) -> list[Finding]:
    """Return warnings about versions that look like dates or widths gone wrong.

    `files` are in order of their versions. A gap is fine, and so are numbers that grow a digit.
    """
    by_version = {file.version: file for file in reversed(list(files))}
    versions = sorted(by_version, key=int)
    findings: list[Finding] = []
    timestamps = [version for version in versions if is_timestamp(version)]
    dated = [version for version in versions if len(version) >= 12 and version[:2] in ("19", "20")]
    for version in dated:
        if is_timestamp(version):
            continue
        if len(version) == _TIMESTAMP_LENGTH:
            code, message = "version_looks_misdated", f"{version} is not a date and time"
        elif timestamps:
            code = "version_width"
            where = "after" if len(version) > _TIMESTAMP_LENGTH else "before"
            message = (
                f"{version} has {len(version)} digits among timestamps of 14, so it comes {where} "
                "all of them for ever"
            )
        else:
            continue
        findings.append(_warning(code, message, by_version[version], shown))
    sequence = [version for version in versions if len(version) < 12 or version not in dated]
    padded = [version for version in sequence if version.startswith("0") and len(version) > 1]
    if padded:
        width = len(padded[0])
        odd = [v for v in sequence if len(v) < width or (v.startswith("0") and len(v) != width)]
        if odd:
            message = (
                f"{odd[0]} has {len(odd[0])} digits and {padded[0]} has {width}: they are "
                "compared as numbers, but sorted otherwise in a listing"
            )
            findings.append(_warning("version_width", message, by_version[odd[0]], shown))
    return findings


def _warning(code: str, message: str, file: FileName, shown: str) -> Finding:
    return Finding(
        severity=Severity.WARNING,
        code=code,
        message=message,
        location=Location(path=f"{shown}/{file.file}"),
        hint="correct the number while the migration has not been applied anywhere",
        version=file.version,
    )
