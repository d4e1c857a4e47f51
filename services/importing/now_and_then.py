"""Progress where there is no terminal to draw on: a plain line at once, then one every few seconds at most."""

import time
from typing import Any

from rich.console import Console
from rich.progress import Progress, TaskID
from rich.text import Text

SAY_EVERY_S = 5.0


class NowAndThen:
    """Says how far long work is, unless a terminal shows it."""

    def __init__(self, console: Console, *, every_s: float = SAY_EVERY_S) -> None:
        self._console = console
        self._every_s = every_s
        self._due_at = time.monotonic() + every_s

    def say(self, words: str, *, at_once: bool = False) -> None:
        """A line, if it is time for one."""
        if self._console.is_terminal or not (at_once or time.monotonic() >= self._due_at):
            return
        self._due_at = time.monotonic() + self._every_s
        self._console.print(words, markup=False, highlight=False, soft_wrap=True)


class ProgressInLines(Progress):
    """Rich's progress on a terminal; elsewhere the words that stand beside the bar, in lines."""

    def __init__(self, *columns: Any, every_s: float = SAY_EVERY_S, **how: Any) -> None:
        super().__init__(*columns, **how)
        self._lines = NowAndThen(self.console, every_s=every_s)

    def add_task(self, description: str, *args: Any, **fields: Any) -> TaskID:
        """Begins a piece of work, and says so."""
        self._lines.say(f"{description} …", at_once=True)
        return super().add_task(description, *args, **fields)

    def update(self, task_id: TaskID, *args: Any, **fields: Any) -> None:
        """Notes how far the work is."""
        super().update(task_id, *args, **fields)
        self._lines.say(self._words(task_id))

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Notes that the work is further by so much."""
        super().advance(task_id, advance)
        self._lines.say(self._words(task_id))

    def _words(self, task_id: TaskID) -> str:
        (task,) = (task for task in self.tasks if task.id == task_id)
        drawn = [column(task) for column in self.columns if not isinstance(column, str)]
        return "  ".join(words.plain for words in drawn if isinstance(words, Text) and words.plain)
