"""Notices as the sweep sees them: facts not heard yet, rows not looked at for an hour, messages not planned."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from projections.notices.engine.listen import behind, listen
from projections.notices.engine.look import look, to_look_at
from projections.notices.engine.plan import plan, to_plan
from services.doorbell import call_to_speak
from services.worker.duty import Connection
from services.worker.sweepable import Sweepable

LOOK_EVERY_S = 1.0
HEARING = 0.75  # of the time there is, at most: the rest is for looking and planning …
PLANNING_S = 0.5  # … which has so long in any case


def unspoken(conn: Connection) -> Mapping[str, object]:
    """The organisations with something to hear, to look at or to plan, and where they stand."""
    now = datetime.now(UTC)
    found: dict[str, list[object]] = {}
    for lag in behind(conn):
        found.setdefault(lag.organisation, []).append(lag.position)
    for organisation, at in (*to_look_at(conn, now).items(), *to_plan(conn, now).items()):
        found.setdefault(organisation, []).append(at)
    return found


def speak(conn: Connection, organisation: str, deadline: float) -> bool:
    """Hears, looks where it is due, and plans, until a moment of `time.monotonic()`. Returns whether all is done.

    What has been made is planned whatever becomes of hearing and looking: neither a log that is far ahead nor a rule
    over rows that cannot be asked keeps a message back that somebody waits for.
    """
    now, began = datetime.now(UTC), time.monotonic()
    try:
        heard = listen(conn, organisation, now=now, deadline=began + HEARING * (deadline - began))
        if organisation in to_look_at(conn, now):
            look(conn, organisation, now=now)
    except Exception:
        _plan(conn, organisation, now, deadline)
        raise
    return _plan(conn, organisation, now, deadline) and heard


def _plan(conn: Connection, organisation: str, now: datetime, deadline: float) -> bool:
    return plan(conn, organisation, now=now, deadline=max(deadline, time.monotonic() + PLANNING_S))


NOTICES = Sweepable(name="notices", due=unspoken, wake=call_to_speak, do=speak, every_s=LOOK_EVERY_S)
