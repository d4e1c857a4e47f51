"""Who folds the chunks of a filling: this process, over the connection that also writes; or others (`beside.py`)."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from psycopg import Cursor

from projections.engine.making import Maker, Making, Task, Told


class Folding(Protocol):
    """Makes the rows of chunks, which are asked for in order.

    For each chunk, in the transaction that writes the one before it: `prepare`, before anything is queued; then
    `look_ahead` and `make`, while the database writes.
    """

    ahead: int  # so many chunks after this one are worth telling

    def prepare(self, task: Task) -> None:
        """Whatever has to be asked of the database first."""

    def look_ahead(self, tasks: Sequence[Task]) -> None:
        """These chunks follow. Some may have been told before."""

    def make(self, task: Task, *, meanwhile: Callable[[], object]) -> Making:
        """The rows of a chunk. `meanwhile` is called now and then."""

    def forget(self) -> None:
        """The transaction has failed: what was asked for in it has not come."""

    def close(self) -> None:
        """No more chunks."""


class Here:
    """Folds in this process, and reads the records of the chunk that follows meanwhile."""

    ahead = 1

    def __init__(self, maker: Maker) -> None:
        self._maker = maker
        self._asked: dict[str, Cursor[Any]] = {}
        self._told: Told | None = None

    def prepare(self, task: Task) -> None:
        asked = self._asked.pop(task.up_to, None)
        self._told = self._maker.told(task, self._maker.ask(task) if asked is None else asked)

    def look_ahead(self, tasks: Sequence[Task]) -> None:
        self._asked = {task.up_to: self._maker.ask(task) for task in tasks}

    def make(self, task: Task, *, meanwhile: Callable[[], object]) -> Making:
        if self._told is None:
            self.prepare(task)
        told, self._told = self._told, None
        assert told is not None
        return self._maker.make(task, told, meanwhile=meanwhile)

    def forget(self) -> None:
        self._asked, self._told = {}, None

    def close(self) -> None:
        self.forget()
