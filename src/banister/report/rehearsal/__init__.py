"""What a rehearsal found → terminal, JSON, Markdown, annotations, SARIF and a page. No I/O.

What a report for a file needs is imported with its own module: it is wanted seldom.
"""

from banister.report.rehearsal.annotations import annotation_lines
from banister.report.rehearsal.json import rehearsal_json
from banister.report.rehearsal.text import rehearsal_lines

__all__ = ["annotation_lines", "rehearsal_json", "rehearsal_lines"]
