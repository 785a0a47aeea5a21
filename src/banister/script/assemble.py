"""A source → one direction of a migration, with its directives and checksum. No I/O."""

from banister.errors import Finding
from banister.model import Direction, Script, Source
from banister.script.checksum import checksum
from banister.script.directives import read_directives

__all__ = ["make_script"]


def make_script(
    source: Source, direction: Direction, *, from_file: bool = True
) -> tuple[Script, tuple[Finding, ...]]:
    """Return the script of a source, and what is wrong with its directives."""
    directives, findings = read_directives(source, direction)
    script = Script(
        source=source,
        direction=direction,
        directives=directives,
        checksum=checksum(source.text),
        from_file=from_file,
    )
    return script, findings
