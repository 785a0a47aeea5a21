"""The `.env` file beside the settings, and references to variables."""

import io
import re
from collections.abc import Mapping
from pathlib import Path

from banister.errors import Location, UsageError

__all__ = ["expand", "read_env_file"]

_REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")
_REFERENCE_OR_DEFAULT = re.compile(r"\$\{(?P<name>[^}:]*)(?::-(?P<default>[^}]*))?\}")


def read_env_file(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what `.env` in `folder` sets; nothing where there is none.

    `${NAME}` and `${NAME:-default}` in it refer to lines above, then to `environ`; an unset one is
    empty. Raises UsageError when the file cannot be read.
    """
    path = folder / ".env"
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except IsADirectoryError:
        # A virtual environment is often made under this name.
        return {}
    except UnicodeDecodeError as exc:
        raise UsageError(
            ".env is not UTF-8",
            location=Location(path=str(path)),
            hint="save it as UTF-8, or name the database with --url",
        ) from exc
    except OSError as exc:
        raise UsageError(
            f".env cannot be read: {exc.strerror}", location=Location(path=str(path))
        ) from exc
    from dotenv import dotenv_values  # noqa: PLC0415  (only runs that read .env pay for it)

    values: dict[str, str] = {}
    for name, raw in dotenv_values(stream=io.StringIO(text), interpolate=False).items():
        values[name] = _REFERENCE_OR_DEFAULT.sub(
            lambda found: (
                values.get(found["name"], environ.get(found["name"], "")) or found["default"] or ""
            ),
            raw or "",
        )
    return values


def expand(text: str, *variables: Mapping[str, str]) -> str:
    """Replace each `${NAME}` by the first value in `variables` that is not blank.

    Raises UsageError naming the variable that has none.
    """

    def value_of(found: re.Match[str]) -> str:
        name = found["name"]
        for mapping in variables:
            if mapping.get(name, "").strip():
                return mapping[name]
        raise UsageError(
            f"${{{name}}} refers to a variable that is not set",
            hint=f"set {name} in the environment or in .env",
        )

    return _REFERENCE.sub(value_of, text)
