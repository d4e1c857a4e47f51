"""The sweep: finds, in Postgres, what is due, and rings for it.

It needs no Redis to find out, and none to get the work done: where the doorbell is out of order, or rung and not
answered, the sweep does the work itself. So losing Redis costs time, never work. Each kind of work (`due.py`) has a
thread and a connection of its own: one that is slow or broken keeps no other waiting.
"""

import threading
import time
from collections.abc import Callable, Sequence

import psycopg
import redis
import structlog

from services.doorbell import connect
from services.settings import Settings
from services.worker.due import DUE
from services.worker.duty import Connection, connected
from services.worker.sweepable import Sweepable

EVERY_S = 0.5
PATIENCE_S = 4.0  # work that stands still for so long, though rung for, is done by the sweep itself
SLICE_S = 2.0  # how long it works for one organisation at a time
AGAIN_AFTER_S = 1.0
IN_PEACE_FOR_S = 10.0  # an organisation whose work failed
STOPS_WITHIN_S = 5.0

log = structlog.get_logger(__name__)


def sweep_on(settings: Settings, *, stopping: Callable[[], bool]) -> None:
    """Sweeps until told to stop; outlives a database or a Redis that is away."""
    threads = [
        threading.Thread(target=_sweep_on, args=(settings, kind, stopping), name=kind.name, daemon=True)
        for kind in DUE
    ]
    for thread in threads:
        thread.start()
    while not stopping():
        time.sleep(EVERY_S)
    until = time.monotonic() + STOPS_WITHIN_S  # whoever is not back then is in a transaction that rolls back
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


def _sweep_on(settings: Settings, kind: Sweepable, stopping: Callable[[], bool]) -> None:
    while not stopping():
        try:
            with connected(settings, name="sweep") as conn:
                bell = None if settings.redis_url is None else connect(settings.redis_url)
                sweeper = Sweeper(conn, bell, [kind])
                while not stopping():
                    sweeper.sweep()
                    time.sleep(EVERY_S)
        except psycopg.OperationalError as failure:
            log.warning("the sweep waits for the database", kind=kind.name, reason=type(failure).__name__)
            time.sleep(AGAIN_AFTER_S)
        except Exception:  # a house that loses its sweep again and again would fall with it
            log.exception("the sweep failed, and begins anew", kind=kind.name)
            time.sleep(AGAIN_AFTER_S)


class Sweeper:
    """One who sweeps: remembers how long the work of each organisation has stood where it stands."""

    def __init__(self, conn: Connection, bell: redis.Redis | None, kinds: Sequence[Sweepable] = DUE) -> None:
        self._conn = conn
        self._bell = bell
        self._kinds = kinds
        self._standing: dict[str, dict[str, tuple[object, float]]] = {kind.name: {} for kind in kinds}
        self._next_look_at: dict[str, float] = {}
        self._in_peace: dict[tuple[str, str], float] = {}

    def sweep(self) -> None:
        """One look at all that may be due."""
        for kind in self._kinds:
            if time.monotonic() >= self._next_look_at.get(kind.name, 0.0):
                self._next_look_at[kind.name] = time.monotonic() + kind.every_s
                self._see_to(kind)

    def _see_to(self, kind: Sweepable) -> None:
        due = kind.due(self._conn)
        standing = self._standing[kind.name]
        for organisation in [code for code in standing if code not in due]:
            del standing[organisation]
        for organisation, where in due.items():
            told = self._told(kind, organisation)
            if told and not (kind.stands_in and self._stands_still(kind, organisation, where)):
                continue
            if not self._done(kind, organisation):
                self._next_look_at[kind.name] = 0.0  # go on with the next sweep

    def _done(self, kind: Sweepable, organisation: str) -> bool:
        """Does the work of one organisation, and says whether all is done.

        If it fails, this organisation is left in peace for a while, and the others have their turn.
        """
        if time.monotonic() < self._in_peace.get((kind.name, organisation), 0.0):
            return True
        try:
            return kind.do(self._conn, organisation, time.monotonic() + SLICE_S)
        except psycopg.OperationalError:
            raise  # nobody's in particular
        except Exception:
            if self._conn.closed:
                raise
            log.exception("the work of an organisation failed", kind=kind.name, organisation=organisation)
            self._in_peace[kind.name, organisation] = time.monotonic() + IN_PEACE_FOR_S
            return True

    def _told(self, kind: Sweepable, organisation: str) -> bool:
        """Whether a worker has been or is being told."""
        if self._bell is None:
            return False
        try:
            kind.wake(self._bell, organisation)
        except redis.RedisError:
            return False
        return True

    def _stands_still(self, kind: Sweepable, organisation: str, where: object) -> bool:
        """Whether nobody has moved it for longer than patience allows."""
        before, since = self._standing[kind.name].get(organisation, (None, 0.0))
        if before != where:
            self._standing[kind.name][organisation] = (where, time.monotonic())
            return False
        return time.monotonic() - since > PATIENCE_S
