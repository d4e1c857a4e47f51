"""Messages as the sweep sees them: which organisations have some that can go now, and how they are delivered."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache

import structlog

from services.channels.outcome import Channel
from services.channels.set_up import sound_channels, words
from services.doorbell import call_for_delivery
from services.settings import Settings
from services.worker.delivering.claim import LEASE_S
from services.worker.delivering.rounds import Round
from services.worker.delivering.waits import LONGEST
from services.worker.duty import Connection, connected
from services.worker.sweepable import Sweepable

ARRIVALS_LOOKED_FOR_EVERY_S = 20.0

log = structlog.get_logger(__name__)

_DUE = """
    SELECT h.organisation, c.name, d.id, d.epoch
      FROM log.heads AS h
     CROSS JOIN unnest(%(channels)s::text[]) AS c (name)
     CROSS JOIN LATERAL (
           SELECT m.id, m.epoch
             FROM notices.messages AS m
            WHERE m.organisation = h.organisation AND m.channel = c.name AND m.state = 'waiting'
              AND coalesce(m.try_at, m.due_at) <= coalesce(%(now)s, clock_timestamp())
              AND (m.lease_until IS NULL OR m.lease_until < clock_timestamp()
                   OR m.lease_until > clock_timestamp() + %(lease)s * 2)
            ORDER BY coalesce(m.try_at, m.due_at), m.id
            LIMIT 1) AS d
     WHERE h.organisation NOT LIKE '%%.operations'
       AND NOT EXISTS (
           SELECT
             FROM notices.channels AS resting
            WHERE resting.organisation = h.organisation AND resting.channel = c.name
              AND resting.rests_until > coalesce(%(now)s, clock_timestamp())
              AND resting.rests_until < coalesce(%(now)s, clock_timestamp()) + %(longest)s)
     ORDER BY h.organisation, c.name
     LIMIT 10000
"""
_OUT_OF_THEIR_SENSES = """
    SELECT h.organisation
      FROM log.heads AS h
     WHERE EXISTS (
           SELECT
             FROM notices.messages AS m
            WHERE m.organisation = h.organisation AND m.state = 'waiting'
              AND m.try_at > clock_timestamp() + %(longest)s)
     ORDER BY h.organisation
     LIMIT 10000
"""
_ARRIVALS = """
    SELECT h.organisation, a.message, a.asked
      FROM log.heads AS h
     CROSS JOIN LATERAL (
           SELECT message, asked
             FROM notices.arrivals
            WHERE organisation = h.organisation AND channel = ANY (%(channels)s) AND ask_at <= clock_timestamp()
            ORDER BY ask_at, message
            LIMIT 1) AS a
     WHERE h.organisation NOT LIKE '%%.operations'
     ORDER BY h.organisation
     LIMIT 10000
"""


def due(conn: Connection) -> Mapping[str, object]:
    """The organisations with messages that could go now, and where each channel stands."""
    found = due_by(conn, ["inbox", *channels_here()])
    for (organisation,) in conn.execute(_OUT_OF_THEIR_SENSES, {"longest": LONGEST}):
        found.setdefault(organisation, {})
    return found


def due_by(
    conn: Connection, channels: Sequence[str], *, now: datetime | None = None
) -> dict[str, dict[str, object]]:
    """The same by some channels alone; not for messages that wait for what only a wrong clock can have set.

    `now` is by default the database's.
    """
    asked = {"channels": list(channels), "longest": LONGEST, "lease": timedelta(seconds=LEASE_S), "now": now}
    found: dict[str, dict[str, object]] = {}
    for organisation, channel, id_, epoch in conn.execute(_DUE, asked):
        found.setdefault(organisation, {})[channel] = (id_, epoch)
    return found


def arrivals_due(conn: Connection) -> Mapping[str, object]:
    """The organisations whose messages are to be asked for, and how far the asking has come."""
    asked = {"channels": list(channels_here())}
    return {organisation: (message, count) for organisation, message, count in conn.execute(_ARRIVALS, asked)}


def deliver(conn: Connection, organisation: str, deadline: float) -> bool:
    """Delivers until nothing can go now or the deadline is over."""
    return deliver_for_a_while(conn, organisation, deadline=deadline)


def deliver_for_a_while(
    conn: Connection,
    organisation: str,
    *,
    deadline: float,
    stopping: Callable[[], bool] = lambda: False,
) -> bool:
    """Delivers what is due to this organisation, and meanwhile to others, and asks what arrived.

    Until a moment of `time.monotonic()`. Returns whether all of this organisation is done.
    """
    settings = Settings.read()
    channels: Mapping[str, Channel] = sound_channels(settings)[0]
    one = Round(
        conn,
        channels,
        words(settings),
        connect=lambda: connected(settings, name="delivers messages"),
        due=due_by,
        deadline=deadline,
        stopping=stopping,
    )
    return one.go(organisation, asks=organisation in arrivals_due(conn))


@cache
def channels_here() -> tuple[str, ...]:
    """The channels that are set up; what is wrong with others is said once."""
    sound, wrong = sound_channels(Settings.read())
    for name, why in wrong.items():
        log.error("a channel is not set up as it should be", channel=name, reason=why)
    return tuple(sound)


MESSAGES = Sweepable(name="messages", due=due, wake=call_for_delivery, do=deliver)
ARRIVALS = Sweepable(
    name="arrivals", due=arrivals_due, wake=call_for_delivery, do=deliver, every_s=ARRIVALS_LOOKED_FOR_EVERY_S
)
