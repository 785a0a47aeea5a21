"""What one run is made of."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field

from banister.engines.base import Engine
from banister.model import Event, History, Plan, RunInfo, Step, Version
from banister.model.backup import WayBack
from banister.model.losses import Loss

__all__ = ["Job"]


@dataclass(kw_only=True)
class Job:
    """What one run is made of, and how far it came."""

    engine: Engine
    info: RunInfo
    #: The plan for a history: pure, so that it can be made again whenever the history changed.
    make_plan: Callable[[History], Plan]
    #: Seconds to wait for another run.
    lock_wait: float
    #: Seconds in which a step is tried again while others are in its way; 0: never.
    lock_retry: float = 0.0
    #: Whether small steps may share their round trips: nobody can stop the run between those.
    together: bool = False
    #: Whether the plan needs the down texts that the database keeps.
    stored_downs: bool = False
    #: What the fingerprint of the schema leaves out.
    ignore: frozenset[str] = frozenset()
    #: What is made before the first step, under the lock, such as a backup; None: nothing.
    first: Callable[[Plan], Generator[Event, None, WayBack | None]] | None = None
    #: How the state before the run is gone back to; None: nothing was made for it.
    way_back: WayBack | None = None
    #: What each step is about to take away, by version, found under the lock; None: not asked.
    find_losses: Callable[[Plan], Mapping[Version, tuple[Loss, ...]]] | None = None
    losses: Mapping[Version, tuple[Loss, ...]] | None = None
    #: What the plan was made from last.
    history: History = field(default_factory=History)
    #: The steps that are committed.
    done: list[Step] = field(default_factory=list)
    #: How many statements of the running step have told that they are done.
    kept: int = 0
    #: Another run has changed the history while a lost connection left it without the lock.
    plan_again: bool = False
