"""What a restore that has found no room on a disk would take. No I/O."""

__all__ = ["room_hint"]

_UNITS = ("kB", "MB", "GB", "TB")


def room_hint(where: str, needed: int, *, free: int | None = None, more: str = "") -> str:
    """Return what to do: where the room is missing, how much it takes, how much there is.

    `needed`: bytes; 0: not known. `more`: what comes to that.
    """
    hint = f"make room {where}"
    if needed:
        hint += f": the restore takes about {_words(needed)}{more}"
        hint += "" if free is None else f", and {_words(free)} are free"
    return f"{hint}; then run it again"


def _words(count: int) -> str:
    power = min(max(len(str(count)) - 1, 3) // 3, len(_UNITS))
    return f"{count / 1000**power:.3g} {_UNITS[power - 1]}"
