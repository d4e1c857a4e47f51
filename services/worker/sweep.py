"""The sweep: finds, in Postgres, which projections are behind or outdated, and rings for them.

It needs no Redis to find out, and none to get the work done: where the doorbell is out of order, or rung and not
answered, the sweep feeds the projections itself. So losing Redis costs time, never work.
"""

import time
from collections.abc import Callable, Mapping

import psycopg
import redis
import structlog

from projections.engine.advance import advance, behind, rebuilds_due
from services.doorbell import call_for_rebuild, connect, wake
from services.settings import Settings
from services.worker.duty import Connection, connected
from services.worker.jobs.rebuild_outdated import rebuild_for_a_while

EVERY_S = 0.5
PATIENCE_S = 4.0  # a checkpoint that stands still for so long, though rung for, is fed by the sweep itself
SLICE_S = 2.0  # how long it works for one organisation at a time
AGAIN_AFTER_S = 1.0
REBUILDS_EVERY_S = 30.0  # an upgrade makes rows outdated, and nothing else does

log = structlog.get_logger(__name__)


def sweep_on(settings: Settings, *, stopping: Callable[[], bool]) -> None:
    """Sweeps until told to stop; outlives a database or a Redis that is away."""
    while not stopping():
        try:
            with connected(settings, name="sweep") as conn:
                bell = None if settings.redis_url is None else connect(settings.redis_url)
                sweeper = Sweeper(conn, bell)
                while not stopping():
                    sweeper.sweep()
                    time.sleep(EVERY_S)
        except psycopg.OperationalError as failure:
            log.warning("the sweep waits for the database", reason=type(failure).__name__)
            time.sleep(AGAIN_AFTER_S)
        except Exception:  # a house that loses its sweep again and again would fall with it
            log.exception("the sweep failed, and begins anew")
            time.sleep(AGAIN_AFTER_S)


class Sweeper:
    """One who sweeps: remembers how long each organisation has stood where it stands."""

    def __init__(self, conn: Connection, bell: redis.Redis | None) -> None:
        self._conn = conn
        self._bell = bell
        self._standing: dict[str, tuple[Mapping[str, int], float]] = {}
        self._rebuilds_looked_for_at = -REBUILDS_EVERY_S

    def sweep(self) -> None:
        """One look at all organisations."""
        self._feed()
        if time.monotonic() - self._rebuilds_looked_for_at >= REBUILDS_EVERY_S:
            self._rebuilds_looked_for_at = time.monotonic()
            self._rebuild()

    def _feed(self) -> None:
        lagging = _by_organisation(self._conn)
        self._standing = {code: self._standing[code] for code in lagging if code in self._standing}
        for organisation, positions in lagging.items():
            if not self._told(wake, organisation) or self._stands_still(organisation, positions):
                advance(self._conn, organisation, deadline=time.monotonic() + SLICE_S)

    def _rebuild(self) -> None:
        """Readers are shown what an older revision made, and it stands still, until the rebuild is done."""
        rows = self._conn.execute("SELECT organisation FROM log.heads ORDER BY organisation").fetchall()
        for (organisation,) in rows:
            if rebuilds_due(self._conn, organisation) and not self._told(call_for_rebuild, organisation):
                until = time.monotonic() + SLICE_S
                if not rebuild_for_a_while(self._conn, organisation, deadline=until):
                    self._rebuilds_looked_for_at = -REBUILDS_EVERY_S  # go on with the next sweep

    def _told(self, tell: Callable[[redis.Redis, str], bool], organisation: str) -> bool:
        """Whether a worker has been or is being told."""
        if self._bell is None:
            return False
        try:
            tell(self._bell, organisation)
        except redis.RedisError:
            return False
        return True

    def _stands_still(self, organisation: str, positions: Mapping[str, int]) -> bool:
        """Whether nobody has fed it for longer than patience allows."""
        before, since = self._standing.get(organisation, ({}, 0.0))
        if before != positions:
            self._standing[organisation] = (positions, time.monotonic())
            return False
        return time.monotonic() - since > PATIENCE_S


def _by_organisation(conn: Connection) -> dict[str, dict[str, int]]:
    """Where each projection that is behind stands, by organisation."""
    lagging: dict[str, dict[str, int]] = {}
    for lag in behind(conn):
        lagging.setdefault(lag.organisation, {})[lag.projection] = lag.position
    return lagging
