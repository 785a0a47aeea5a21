"""The rehearsal that `plan` is, beside a list."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from banister.cli.common import Invocation
from banister.cli.files import write_whole
from banister.errors import BanisterError, Finding, FindingsError, Severity, UsageError
from banister.report import plan_json

if TYPE_CHECKING:
    from banister.api import Project
    from banister.model import Plan
    from banister.rehearsal import Rehearsal

__all__ = ["Wanted", "rehearse_plan"]

_ENDINGS = (".html", ".md", ".sarif")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is wanted of a rehearsal."""

    check: bool = False
    reports: tuple[Path, ...] = ()
    annotations: bool = False
    #: A commit of git.
    since: str | None = None
    #: None: as the settings say.
    rehearse: bool | None = None

    def __post_init__(self) -> None:
        for path in self.reports:
            if path.suffix not in _ENDINGS:
                raise UsageError(
                    f"{path} is no report", hint="name a file that ends in .html, .md or .sarif"
                )


def rehearse_plan(
    invocation: Invocation, project: "Project", plan: "Plan", wanted: Wanted, *, sql: bool
) -> int:
    """Carry a plan out on a copy and tell what came of it; return the exit code.

    Where it cannot be done the reason is told, and only a check fails for it.
    """
    output = invocation.output
    for path in wanted.reports:
        if not path.absolute().parent.is_dir():
            raise UsageError(
                f"{path} cannot be written: there is no folder {path.parent}",
                hint="make the folder first",
            )
    try:
        found = project.rehearse(plan, since=wanted.since, on_event=output.proving)
    except UsageError:
        raise
    except BanisterError as error:
        output.pause()
        if isinstance(error, FindingsError):
            output.findings(error.findings)
        output.findings([_not_rehearsed(error)])
        return 3 if wanted.check or wanted.reports or wanted.annotations else 0
    output.pause()
    _tell(invocation, plan, found, wanted, sql=sql)
    settings = project.settings
    if not wanted.check:
        return 0
    other = found.not_certified is not None and not settings.plan_other_major
    level = next(v for v in type(found.verdict) if v.word == settings.plan_check)
    return 3 if other or found.reaches(level) else 0


def _tell(
    invocation: Invocation, plan: "Plan", found: "Rehearsal", wanted: Wanted, *, sql: bool
) -> None:
    # Much, and for this alone.
    from banister.report.rehearsal import rehearsal_json, rehearsal_lines  # noqa: PLC0415

    output = invocation.output
    told = rehearsal_json(found)
    seen = {each["version"]: each for each in told.pop("migrations")}
    listed = [each | seen.get(each["version"], {}) for each in plan_json(plan, sql=sql)]
    output.put(migrations=listed, rehearsal=told)
    output.say("", *rehearsal_lines(found, output.style))
    if wanted.annotations:
        from banister.report.rehearsal.annotations import annotation_lines  # noqa: PLC0415

        output.say(*annotation_lines(found))
    for path in wanted.reports:
        write_whole(path, _report(found, path).encode())
        output.say(f"written: {path}")


def _report(found: "Rehearsal", path: Path) -> str:
    # Each costs to import, and is wanted seldom.
    match path.suffix:
        case ".html":
            from banister.report.rehearsal.page import page_html  # noqa: PLC0415

            return page_html(found)
        case ".md":
            from banister.report.rehearsal.markdown import markdown_text  # noqa: PLC0415

            return markdown_text(found)
    from banister._version import __version__  # noqa: PLC0415
    from banister.report.rehearsal.sarif import sarif_text  # noqa: PLC0415

    return sarif_text(found, __version__)


def _not_rehearsed(error: BanisterError) -> Finding:
    return Finding(
        severity=Severity.WARNING,
        code="not_rehearsed",
        message=f"not rehearsed: {error.message}",
        location=error.location,
        hint=error.hint,
    )
