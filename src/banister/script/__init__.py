"""Text → statements, a dialect each; directives; checksums. Pure: no I/O."""

from banister.script.assemble import make_script
from banister.script.checksum import checksum
from banister.script.classify import Control, Traits, traits
from banister.script.decode import decode
from banister.script.directives import read_directives
from banister.script.scan import Problem, Scan, scan, split_statements
from banister.script.targets import Work, WorkKind, work_of

__all__ = [
    "Control",
    "Problem",
    "Scan",
    "Traits",
    "Work",
    "WorkKind",
    "checksum",
    "decode",
    "make_script",
    "read_directives",
    "scan",
    "split_statements",
    "traits",
    "work_of",
]
