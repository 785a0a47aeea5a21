"""Running a statement in a thread while the run itself looks on: at locks, progress and signals."""

import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar, cast

import psycopg

from banister.engines.postgres.observer import Observer
from banister.engines.postgres.session import Connection
from banister.model import Blocked, Blocker, Event, Progress, Step, Warned

__all__ = ["Damage", "OneStatement", "Watching", "watched"]

T = TypeVar("T")

#: Most statements are done before anyone looks. Seconds.
_FIRST_LOOK = 0.3
_LOOK_EVERY = 0.5
#: Sessions queued behind ours, times the seconds they wait, that one attempt may cost.
_DAMAGE_PER_ATTEMPT = 10.0
#: So many in the queue are too many at once.
_QUEUE_LIMIT = 20
#: Seconds that a cancelled statement has to end.
_CANCEL_TIMEOUT = 5.0
#: Between two requests to end it: one that comes between two statements ends nothing.
_CANCEL_EVERY = 0.1


class Watching(Protocol):
    """What a call is about, asked from another thread than the one that it runs in."""

    def place(self) -> tuple[Step, int]:
        """Return the step, and the number of its statement that runs now; 0: none of its own."""

    def news(self) -> Iterable[Event]:
        """Return what has been carried out since the last call."""


@dataclass(frozen=True, kw_only=True)
class OneStatement:
    """A call that is about one statement, or a batch that begins with it."""

    step: Step
    number: int

    def place(self) -> tuple[Step, int]:
        """Return them."""
        return self.step, self.number

    def news(self) -> Iterable[Event]:
        """Return nothing: who makes the call tells its end."""
        return ()


@dataclass(kw_only=True)
class Damage:
    """What one attempt has cost others so far, in blocked-backend-seconds."""

    spent: float = 0.0
    tripped: bool = False


@dataclass(kw_only=True)
class _Work(Generic[T]):
    """A call in a thread of its own, and how it ended."""

    call: Callable[[], T]
    done: threading.Event = field(default_factory=threading.Event)
    result: T | None = None
    error: BaseException | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name="banister-statement", daemon=True).start()

    def _run(self) -> None:
        try:
            self.result = self.call()
        except BaseException as error:  # noqa: BLE001 -- raised again where it is waited for
            self.error = error
        finally:
            self.done.set()


def watched(
    connection: Connection,
    observer: Observer,
    about: Watching,
    damage: Damage,
    call: Callable[[], T],
    *,
    meanwhile: Callable[[], None] | None = None,
) -> Generator[Event, None, T]:
    """Run `call`, which uses `connection`, and return what it returns; yield what is seen.

    `meanwhile` is called once as soon as it has begun, and must not take long.

    Where it takes its time, yields what is done of what it is `about`, and Blocked, Progress and
    Warned. When others queue up behind a wait of ours beyond the budget, the wait is ended and
    `damage.tripped` is set. When the caller is interrupted, or the generator closed, what runs is
    cancelled before that goes on.
    """
    work = _Work(call=call)
    try:
        # Inside: an interrupt may come when the thread has begun and `start` has not returned.
        work.start()
        if meanwhile is not None:
            meanwhile()
        work.done.wait(_FIRST_LOOK)
        yield from _look_on(work, observer, about, damage)
    except BaseException:
        _cancel(connection, work)
        raise
    if work.error is not None:
        raise work.error
    return cast("T", work.result)


def _look_on(
    work: _Work[T], observer: Observer, about: Watching, damage: Damage
) -> Generator[Event, None, None]:
    known: frozenset[int] | None = None
    told: Progress | None = None
    looked = time.monotonic()
    while not work.done.is_set():
        glimpse = observer.look()
        yield from about.news()
        step, number = about.place()
        now = time.monotonic()
        if glimpse is not None and glimpse.blockers:
            seen = _identities(glimpse.blockers)
            if seen != known:
                known = seen
                yield Blocked(
                    step=step,
                    number=number,
                    relation=glimpse.relation,
                    blockers=glimpse.blockers,
                    queued=glimpse.queued,
                )
            damage.spent += glimpse.queued * (now - looked)
            too_many = damage.spent > _DAMAGE_PER_ATTEMPT or glimpse.queued >= _QUEUE_LIMIT
            if too_many and observer.cancel_wait():
                damage.tripped = True
        elif glimpse is not None and glimpse.phase is not None:
            progress = Progress(
                step=step,
                number=number,
                phase=glimpse.phase,
                percent=glimpse.percent,
                waits_for=glimpse.waits_for,
            )
            if progress != told:
                told = progress
                yield progress
        if glimpse is not None and glimpse.lacks is not None:
            yield Warned(finding=glimpse.lacks)
        looked = now
        work.done.wait(_LOOK_EVERY)


def _identities(blockers: tuple[Blocker, ...]) -> frozenset[int]:
    return frozenset(blocker.pid for blocker in blockers)


def _cancel(connection: Connection, work: _Work[T]) -> None:
    """Have the server end the statement; where that cannot be waited for, close the connection.

    Afterwards nothing is sent over it by the thread any more: a statement that came behind the
    ROLLBACK of its transaction would commit by itself, without a record.
    """
    try:
        give_up = time.monotonic() + _CANCEL_TIMEOUT
        while not work.done.is_set() and time.monotonic() < give_up:
            connection.cancel_safe(timeout=_CANCEL_TIMEOUT)
            work.done.wait(_CANCEL_EVERY)
    except psycopg.Error:
        return
    finally:
        if not work.done.is_set():
            connection.close()
