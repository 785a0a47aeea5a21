"""Several settings in one statement."""

from collections.abc import Mapping

__all__ = ["set_configs"]


def set_configs(values: Mapping[str, str | None], *, local: bool) -> str:
    """Return the statement that sets all of these, in their order; None: as RESET does.

    https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SET
    """
    calls = (
        f"pg_catalog.set_config({_quoted(name)}, {'NULL' if value is None else _quoted(value)}, "
        f"{str(local).lower()})"
        for name, value in values.items()
    )
    return f"SELECT {', '.join(calls)}"


def _quoted(text: str) -> str:
    """Return a string as SQL, the same with and without `standard_conforming_strings`."""
    doubled = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{doubled}'"
