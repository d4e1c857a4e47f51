"""Tries parked records again: after an upgrade, after a mend, and every night."""

import time
from typing import Any

from projections.engine.checkpoint import Fenced, Held
from projections.engine.found import found
from projections.engine.parked import retry_parked as retry
from projections.engine.projection import Projection
from services.worker.duty import Connection, on_duty

TRIES = 10  # to find a projection that nobody is feeding at the moment
BETWEEN_TRIES_S = 1.0


def retry_parked(organisation: str | None = None) -> None:
    """The job, for one organisation or for all."""
    with on_duty(name="tries parked records again") as conn:
        rows = conn.execute("SELECT organisation FROM log.organisations ORDER BY organisation").fetchall()
        for (code,) in rows:
            if organisation in (None, code):
                for projection in found().values():
                    _retry(conn, projection, code)


def _retry(conn: Connection, projection: Projection[Any], organisation: str) -> None:
    for _ in range(TRIES):
        try:
            retry(conn, projection, organisation)
        except (Held, Fenced):
            time.sleep(BETWEEN_TRIES_S)
        else:
            return
