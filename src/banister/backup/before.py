"""What happens before the first migration of a run: a backup, where the settings want one."""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from banister.backup.command import run_command
from banister.backup.taking import Taker
from banister.backup.way_back import way_back
from banister.engines import open_dumps
from banister.errors import BanisterError
from banister.model import Event, Plan
from banister.model.backup import BackupWanted, WayBack

__all__ = ["BackupFirst"]


@dataclass(frozen=True, kw_only=True)
class BackupFirst:
    """Makes a backup before a plan is carried out; whatever goes wrong stops the run."""

    taker: Taker
    wanted: BackupWanted
    #: Whether it is restored once before it counts.
    test: bool
    #: The program that makes it instead; empty: none.
    command: tuple[str, ...]
    #: Whether a plan is to have one.
    applies: Callable[[Plan], bool]

    def __call__(self, plan: Plan) -> Generator[Event, None, WayBack | None]:
        """Make it; return what it is and how to go back, or None where the plan needs none.

        Raises what the backup raises, with the state: nothing was run.
        """
        if not self.applies(plan):
            return None
        try:
            with closing(self._made()) as making:
                return (yield from making)
        except BanisterError as error:
            more = error.state if error.state != "nothing was run" else None
            error.state = "nothing was run: there is no good backup" + (f"; {more}" if more else "")
            raise

    def _made(self) -> Generator[Event, None, WayBack]:
        info = self.taker.info
        if self.command:
            way = yield from run_command(self.command, info, self.taker.target.secrets)
        else:
            taken = yield from self.taker.take(
                self.wanted, test=self.test, now=datetime.now(UTC), run_id=info.run_id
            )
            target, settings = self.taker.target, self.taker.place.settings
            with open_dumps(target, settings) as dumps:
                others = dumps.others()
            way = way_back(settings, target, taken.path, taken.manifest.file, others)
        yield way
        return way
