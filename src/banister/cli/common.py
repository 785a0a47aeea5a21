"""What all commands share: their options, the open project, and how a result is handed back."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from banister.cli.group import Call
from banister.cli.guesses import guess_secrets, hidden
from banister.cli.output import Output
from banister.errors import BanisterError

if TYPE_CHECKING:
    from banister.api import Project
    from banister.engines import Database
    from banister.project import Settings

__all__ = [
    "Invocation",
    "backup_option",
    "command_options",
    "save_rows_option",
    "show_queries_option",
]


@dataclass(kw_only=True)
class Invocation:
    """One call of the program."""

    output: Output
    url: str | None = None
    directory: str | None = None
    environment: str | None = None

    def settings(self) -> "Settings":
        """Read the settings that the options name, for what needs no database at all."""
        from banister.project import load_settings  # noqa: PLC0415 -- not needed for --help

        given = {} if self.directory is None else {"dir": self.directory}
        try:
            return load_settings(
                Path.cwd(), env=self.environment, environ=os.environ, overrides=given
            )
        except BaseException:
            # What could not be read may still hold a password.
            self.output.hide(guess_secrets([]))
            raise

    def project(
        self,
        *,
        offline: bool = False,
        settings: Mapping[str, object] | None = None,
        scratch_url: str | None = None,
    ) -> "Project":
        """Open the project that the options name; its secrets are kept out of every output.

        `offline`: the files are enough, and a URL that cannot be read is none. `settings`: those
        that are given as flags; None: not given.
        """
        from banister.opening import open_project  # noqa: PLC0415 -- not needed for --help

        try:
            project = open_project(
                self.url,
                dir=self.directory,
                env=self.environment,
                settings=settings,
                offline=offline,
                scratch_url=scratch_url,
            )
        except BaseException:
            # What could not be read may still hold a password.
            self.output.hide(guess_secrets([self.url or "", scratch_url or ""]))
            raise
        if project.scratch is not None:
            self.output.hide(hidden(project.scratch.secrets, project.scratch.display))
            self.output.findings(project.scratch.warnings)
        if project.target is not None:
            self.output.hide(hidden(project.target.secrets, project.target.display))
            self.output.findings(project.target.warnings)
            self.output.put(
                target={"display": project.target.display, "source": project.target.source}
            )
        return project

    def project_with_database(self, **settings: object) -> "Project":
        """Open the project; UsageError, which shows every way, where no database is named."""
        from banister.project import no_target_error  # noqa: PLC0415 -- not needed for --help

        project = self.project(settings=settings)
        if project.target is None:
            raise no_target_error()
        return project

    def introduce(self, project: "Project", database: "Database | None" = None) -> None:
        """Say which database was chosen and by whom, and which folder."""
        output, target = self.output, project.target
        environment = f", environment {project.settings.env}" if project.settings.env else ""
        if target is not None:
            server = f" ({database.server})" if database else ""
            output.say(
                output.style.dim(
                    f"database  {target.display}{server}, from {target.source}{environment}"
                )
            )
        if database is not None and target is not None:
            output.put(database={"display": target.display, "server": database.server})
        output.say(output.style.dim(f"folder    {project.settings.shown_dir}"), "")
        if database is not None:
            output.findings(database.warnings)


def backup_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that runs migrations the option to make a backup first."""
    return click.option(
        "--backup", is_flag=True, help="Make a backup first, and run only when it is good."
    )(function)


def save_rows_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that runs migrations the option to save the rows that they take away."""
    return click.option(
        "--save-rows",
        is_flag=True,
        help="Save rows first that a migration takes away.",
    )(function)


def show_queries_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that runs migrations the option to show what others run."""
    return click.option(
        "--show-queries",
        is_flag=True,
        default=None,
        help="Show also what the sessions run that are waited for; it may hold data.",
    )(function)


def command_options(*, database: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options every command has; it is handed an Invocation first.

    The command returns its exit code, or None for 0.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @click.option(
            "--format",
            "format_",
            type=click.Choice(["text", "json"]),
            default="text",
            help="How to print: for people, or one JSON object.",
        )
        @click.option("--env", metavar="NAME", help="The environment of the settings to use.")
        @click.option("--dir", "dir_", metavar="FOLDER", help="The folder of the migrations.")
        @click.option("--url", metavar="URL", hidden=not database, help="The database.")
        @click.pass_context
        @wraps(function)
        def wrapper(
            context: click.Context,
            /,
            url: str | None,
            dir_: str | None,
            env: str | None,
            format_: str,
            **options: object,
        ) -> int:
            output = Output(
                command=context.command_path.removeprefix("banister "), as_json=format_ == "json"
            )
            context.ensure_object(Call).output = output
            invocation = Invocation(output=output, url=url, directory=dir_, environment=env)
            try:
                exit_code: int = function(invocation, **options) or 0
            except BanisterError as error:
                output.fail(error)
                output.finish(error.exit_code, error)
                return error.exit_code
            output.finish(exit_code, None)
            return exit_code

        return wrapper

    return decorate  # fmt: skip
