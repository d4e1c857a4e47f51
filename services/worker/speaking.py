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
    """Hears, looks where it is due, and plans, until a moment of `time.monotonic()`. Returns whether all is done."""
    now = datetime.now(UTC)
    heard = listen(conn, organisation, now=now, deadline=deadline)
    if organisation in to_look_at(conn, now):
        look(conn, organisation, now=now)
    if time.monotonic() >= deadline:
        return False
    return plan(conn, organisation, now=now, deadline=deadline) and heard


NOTICES = Sweepable(name="notices", due=unspoken, wake=call_to_speak, do=speak, every_s=LOOK_EVERY_S)
