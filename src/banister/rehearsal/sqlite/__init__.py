"""Rehearsals on a copy of a SQLite file."""

from banister.rehearsal.sqlite.rehearse import copy_of_file, rehearse_file

__all__ = ["copy_of_file", "rehearse_file"]
