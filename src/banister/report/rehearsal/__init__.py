"""What a rehearsal found → terminal, JSON, Markdown, annotations, SARIF and a page. No I/O."""

from banister.report.rehearsal.json import rehearsal_json
from banister.report.rehearsal.text import rehearsal_lines

__all__ = ["rehearsal_json", "rehearsal_lines"]
