"""Text → statements, a dialect each; directives; checksums. Pure: no I/O."""

from banister.script.assemble import make_script
from banister.script.checksum import RunningChecksum, checksum
from banister.script.classify import Control, Traits, traits
from banister.script.decode import decode, decode_part, invisible_characters, wide_encoding
from banister.script.directives import misplaced_directives, read_directives, top_is_whole
from banister.script.reach import gives_up_slot, may_reach_cluster, reaches_publisher
from banister.script.refusals import cluster_work
from banister.script.scan import Problem, Scan, scan, split_statements
from banister.script.statements import LargeStatements, statements_of
from banister.script.targets import Work, WorkKind, work_of
from banister.script.windows import Window, windows

__all__ = [
    "Control",
    "LargeStatements",
    "Problem",
    "RunningChecksum",
    "Scan",
    "Traits",
    "Window",
    "Work",
    "WorkKind",
    "checksum",
    "cluster_work",
    "decode",
    "decode_part",
    "gives_up_slot",
    "invisible_characters",
    "make_script",
    "may_reach_cluster",
    "misplaced_directives",
    "reaches_publisher",
    "read_directives",
    "scan",
    "split_statements",
    "statements_of",
    "top_is_whole",
    "traits",
    "wide_encoding",
    "windows",
    "work_of",
]
