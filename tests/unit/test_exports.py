"""The public face: what is exported, that it is documented, and that nothing handed out is not."""

import ast
import inspect
import sys
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib.resources import files
from typing import Any

import click
import pytest

import banister
from banister.cli.program import _banister


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


COMMANDS = dict(commands(_banister))


def mentioned(hint: object) -> Iterator[type]:
    """Every class of ours that a type hint speaks of."""
    if isinstance(hint, type) and hint.__module__.split(".")[0] == "banister":
        yield hint
    for part in typing.get_args(hint):
        if isinstance(part, list):
            for inner in part:
                yield from mentioned(inner)
        else:
            yield from mentioned(part)


def hints_of(annotated: Any) -> dict[str, Any]:
    """Return its annotations; a module that imports types for checking alone names public ones."""
    public = {name: getattr(banister, name) for name in banister.__all__}
    return typing.get_type_hints(annotated, public | vars(sys.modules[annotated.__module__]))


def reachable(start: type, seen: set[type]) -> None:
    """Add every class that `start` hands out in its fields, properties and methods."""
    if start in seen:
        return
    seen.add(start)
    found: list[object] = []
    if is_dataclass(start):
        hints = hints_of(start)
        found += [hints[field.name] for field in fields(start) if not field.name.startswith("_")]
    if not issubclass(start, Enum | BaseException):
        for name, attribute in vars(start).items():
            member = attribute.fget if isinstance(attribute, property) else attribute
            # How commands reach a database; what an engine takes and gives is not public.
            if name.startswith("_") or name == "engine" or not inspect.isfunction(member):
                continue
            found += hints_of(member).values()
    for hint in found:
        for cls in mentioned(hint):
            reachable(cls, seen)


def test_all_names_exactly_what_is_public() -> None:
    source = files("banister").joinpath("__init__.py").read_text()
    imported = {
        alias.asname or alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("banister.")
        for alias in node.names
    }
    assert set(banister.__all__) == imported
    assert list(banister.__all__) == sorted(banister.__all__)
    assert set(banister.__all__) <= set(dir(banister))
    for name in banister.__all__:
        assert getattr(banister, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        getattr(banister, "no" + "pe")


@pytest.mark.parametrize("name", sorted(set(banister.__all__) - {"__version__"}))
def test_everything_exported_has_a_docstring(name: str) -> None:
    exported = getattr(banister, name)
    assert exported.__doc__
    # dataclasses and enums give themselves one that says nothing.
    assert not exported.__doc__.startswith((f"{name}(", "An enumeration", "Create a collection"))
    for member_name, member in vars(exported).items() if inspect.isclass(exported) else ():
        if not member_name.startswith("_") and inspect.isfunction(member):
            assert member.__doc__, f"{name}.{member_name}"


def test_every_type_that_is_handed_out_can_be_imported() -> None:
    seen: set[type] = set()
    for name in banister.__all__:
        exported = getattr(banister, name)
        if inspect.isclass(exported):
            reachable(exported, seen)
        elif inspect.isfunction(exported):
            for hint in hints_of(exported).values():
                for cls in mentioned(hint):
                    reachable(cls, seen)
    hidden = {cls for cls in seen if getattr(banister, cls.__name__, None) is not cls}
    assert {cls.__name__ for cls in hidden} == set()
    assert banister.Plan in seen
    assert banister.Statement in seen


def test_every_event_can_be_imported() -> None:
    events = {cls.__name__ for cls in banister.Event.__subclasses__()}
    assert events
    assert events <= set(banister.__all__)


def test_every_error_can_be_imported() -> None:
    def below(
        cls: type[banister.BanisterError],
    ) -> Iterator[type[banister.BanisterError]]:
        for child in cls.__subclasses__():
            yield child
            yield from below(child)

    errors = {cls.__name__ for cls in below(banister.BanisterError)}
    assert errors <= set(banister.__all__)


def test_the_package_says_that_it_is_typed() -> None:
    assert files("banister").joinpath("py.typed").is_file()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_and_the_shared_options(name: str) -> None:
    command = COMMANDS[name]
    spellings = {option for parameter in command.params for option in parameter.opts}
    assert {"--url", "--dir", "--env", "--format"} <= spellings
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.opts
