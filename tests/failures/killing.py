"""Who kills: SIGKILL, at random, to any process of the house."""

import contextlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random

from tests.standing_house import StandingHouse, children_of

WORKERS = ("fresh-1", "fresh-2")


class Killer:
    """Kills one after another, by its seed; `killed` counts whom."""

    def __init__(self, home: StandingHouse, seed: str) -> None:
        self.killed: Counter[str] = Counter()
        self._home = home
        self._random = Random(f"{seed} killer")
        self._victims: Mapping[str, Callable[[], list[int]]] = {
            "API": lambda: self._of("api"),
            "API's serving process": lambda: _children(self._of("api")),
            "worker": lambda: self._of(*WORKERS),
            "work-horse": lambda: _children(self._of(*WORKERS)),
            "sweep": lambda: self._of("sweep"),
            "Valkey": lambda: [home.valkey.pid] if home.valkey.alive else [],
            "Postgres": lambda: [home.postgres.pid] if home.postgres.alive else [],
            "Postgres's server process": lambda: (
                children_of(home.postgres.pid) if home.postgres.alive else []
            ),
        }

    def kill_one(self) -> None:
        """Somebody who lives."""
        while True:
            name = self._random.choice(list(self._victims))
            if pids := self._victims[name]():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._random.choice(pids), signal.SIGKILL)
                    self.killed[name] += 1
                    return

    def pause_s(self) -> float:
        """Until the next."""
        return self._random.uniform(0.1, 1.7)

    def _of(self, *names: str) -> list[int]:
        return [pid for name in names if (pid := self._home.house.pid(name)) is not None]


def _children(parents: list[int]) -> list[int]:
    return [child for parent in parents for child in children_of(parent)]
