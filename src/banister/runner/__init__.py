"""Carries out plans; the only package that acts on a database that is not ours."""

from banister.planning import refuse_errors
from banister.runner.job import Job
from banister.runner.run import run

__all__ = ["Job", "refuse_errors", "run"]
