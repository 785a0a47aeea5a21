"""Scratch databases: made, cloned and thrown away; never the database that is worked on."""

from banister.scratch.base import Scratch
from banister.scratch.choose import open_scratch

__all__ = ["Scratch", "open_scratch"]
