"""The command line: one small module a command; the only place that prints and exits."""

from banister.cli.main import main

__all__ = ["main"]
