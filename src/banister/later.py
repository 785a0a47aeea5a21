"""Packages that import a module of theirs when one of its names is first asked for."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["imports_later"]


def imports_later(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Return a `__getattr__` for `package`; `homes`: module → the names in it, spaces between.

    An offline command then pays for the modules that it uses and for no others. Raises
    AttributeError for any other name, as a module does.
    """
    home_of = {name: home for home, names in homes.items() for name in names.split()}

    def get(name: str) -> object:
        home = home_of.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(f"{package}.{home}"), name)
        # Python asks here only for what the package does not have.
        setattr(sys.modules[package], name, found)
        return found

    return get
