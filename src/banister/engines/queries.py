"""Named queries: the SQL that Banister owns, read from the `.sql` file beside each engine."""

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from importlib.abc import ResourceLoader

__all__ = ["fill_identifiers", "load_queries"]

_NAME = re.compile(r"^--[ \t]*name:[ \t]*(\w+)[ \t]*$", re.MULTILINE)
_DESCRIPTION = re.compile(r"\A(?:\s*--[^\n]*(?:\n|\Z))+")
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")


@cache
def load_queries(package: str, filename: str) -> Mapping[str, str]:
    """Return the queries of `filename` in `package` by name.

    A query follows a line `-- name: word` and reaches to the next such line; comment lines between
    that line and the SQL describe it and are left out. What stands above the first name is about
    the file. Raises ValueError when a name is given twice or has no SQL.
    """
    parts = _NAME.split(_read(package, filename))
    queries: dict[str, str] = {}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        text = _DESCRIPTION.sub("", body).strip()
        if name in queries or not text:
            raise ValueError(f"{filename}: query {name} is given twice or has no SQL")
        queries[name] = text
    return MappingProxyType(queries)


def fill_identifiers(
    queries: Mapping[str, str], identifiers: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the queries with each `{word}` replaced by the identifier of that name.

    The identifiers are put in as they are: quote them before. Raises KeyError for a placeholder
    that has none.
    """
    return MappingProxyType(
        {
            name: _PLACEHOLDER.sub(lambda match: identifiers[match[1]], text)
            for name, text in queries.items()
        }
    )


def _read(package: str, filename: str) -> str:
    # The loader itself, since importlib.resources alone costs more to import than an offline
    # command may take. https://docs.python.org/3/library/importlib.html#importlib.abc.ResourceLoader
    spec = import_module(package).__spec__
    if spec is None or spec.origin is None:
        raise ValueError(f"{package} has no place to read {filename} from")
    loader = cast("ResourceLoader", spec.loader)
    return loader.get_data(str(PurePath(spec.origin).with_name(filename))).decode()
