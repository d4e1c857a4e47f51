"""Projections as the sweep sees them: those that are behind, and those whose rows an older revision made."""

from collections.abc import Mapping

from projections.engine.advance import advance, behind, rebuilds_due
from services.doorbell import call_for_rebuild, wake
from services.worker.duty import Connection
from services.worker.jobs.rebuild_outdated import rebuild_for_a_while
from services.worker.sweepable import Sweepable

REBUILDS_EVERY_S = 30.0  # an upgrade makes rows outdated, and nothing else does

_ORGANISATIONS = "SELECT organisation FROM log.organisations ORDER BY organisation LIMIT 10000"


def lagging(conn: Connection) -> Mapping[str, object]:
    """Where each projection that is behind stands, by organisation."""
    found: dict[str, dict[str, int]] = {}
    for lag in behind(conn):
        found.setdefault(lag.organisation, {})[lag.projection] = lag.position
    return found


def feed(conn: Connection, organisation: str, deadline: float) -> bool:
    """Feeds every projection of an organisation until it is caught up or the deadline is over."""
    return advance(conn, organisation, deadline=deadline)


def outdated(conn: Connection) -> Mapping[str, object]:
    """The organisations whose readers are shown what an older revision made."""
    codes = [code for (code,) in conn.execute(_ORGANISATIONS)]
    due = {code: [projection.name for projection in rebuilds_due(conn, code)] for code in codes}
    return {code: names for code, names in due.items() if names}


def rebuild(conn: Connection, organisation: str, deadline: float) -> bool:
    """Makes a slice of the new rows; readers stay with the old ones until all are there."""
    return rebuild_for_a_while(conn, organisation, deadline=deadline)


FRESHNESS = Sweepable(name="freshness", due=lagging, wake=wake, do=feed)
REBUILDS = Sweepable(
    name="rebuilds",
    due=outdated,
    wake=call_for_rebuild,
    do=rebuild,
    every_s=REBUILDS_EVERY_S,
    stands_in=False,
)
