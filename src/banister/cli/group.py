"""What the groups of commands share, and what is remembered of a call while it runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from banister.cli.output import Output

__all__ = ["Call", "CommandGroup", "NoCommand", "UnknownCommand"]


@dataclass(kw_only=True)
class Call:
    """What must be known of a command that ends in another way than by returning."""

    #: None until the command's options are read.
    output: "Output | None" = None


class NoCommand(click.UsageError):
    """A group was called without a command."""


class UnknownCommand(click.UsageError):
    """A group was called with a command that it does not have."""

    def __init__(self, name: str, *, known: list[str], ctx: click.Context) -> None:
        super().__init__(f"no such command: {name}", ctx=ctx)
        self.name = name
        self.known = known


class CommandGroup(click.Group):
    """Says what is wrong with a command's name in one way, whatever the version of click."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "no_args_is_help": False})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args:
            raise NoCommand("no command was given", ctx=ctx)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args[0] not in known:
            raise UnknownCommand(args[0], known=known, ctx=ctx)
        return super().resolve_command(ctx, args)
