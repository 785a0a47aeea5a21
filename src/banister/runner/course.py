"""How far a plan is carried out, and what is told on the way."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import cached_property

from banister.engines.base import HistoryChanged
from banister.errors import BanisterError
from banister.failpoints import FailPoint, fail_point
from banister.model import (
    AppliedMigration,
    Event,
    Plan,
    Step,
    StepDone,
    StepFailed,
    StepStarted,
    Version,
)
from banister.model.records import failure_entry
from banister.runner.failures import explain
from banister.runner.job import Job

__all__ = ["Course"]


@dataclass(kw_only=True)
class Course:
    """A plan under way. Steps begin and end in the order of the plan."""

    job: Job
    plan: Plan
    #: The versions that are applied by now.
    expected: frozenset[Version]
    #: A decision about seeds that the next step records.
    seed: bool | None
    #: How many steps are done, and of how many it was told that they begin.
    number: int = 0
    told: int = 0

    @property
    def ahead(self) -> tuple[Step, ...]:
        """The steps that are not done, as far as anybody looks ahead."""
        return self.plan.steps[self.number : self.number + 100]

    def begun(self, step: Step) -> Generator[Event, None, None]:
        """Tell once that a step begins, and each before it."""
        steps = self.plan.steps
        while self.told < self._numbers[step.version]:
            self.told += 1
            yield StepStarted(step=steps[self.told - 1], number=self.told, total=len(steps))

    @cached_property
    def _numbers(self) -> Mapping[Version, int]:
        """From 1."""
        return {step.version: number for number, step in enumerate(self.plan.steps, start=1)}

    def done(
        self, step: Step, duration_ms: int, row: AppliedMigration | None
    ) -> Generator[Event, None, None]:
        """Note that a step is committed, and tell it. Raises HistoryChanged to plan again."""
        fail_point(FailPoint.BEFORE_TOLD)
        self.seed = None
        self.job.done.append(step)
        self.expected ^= {step.version}
        self.number += 1
        yield StepDone(step=step, duration_ms=duration_ms, row=row)
        if self.job.plan_again and self.number < len(self.plan.steps):
            self.job.plan_again = False
            raise HistoryChanged

    def failed(self, step: Step, error: BanisterError) -> Generator[Event, None, None]:
        """Complete the error of a step, log it, tell it, and raise it."""
        explain(error, self.job, self.plan, step)
        self._log(step, error)
        yield StepFailed(step=step, error=error)
        raise error

    def _log(self, step: Step, error: BanisterError) -> None:
        """Write the failure down; where even that fails, the failure itself is what matters."""
        try:
            self.job.engine.record([failure_entry(step, error.message)], self.job.info)
        except BanisterError as second:
            error.add_note(f"the failure could not be logged: {second.message}")
