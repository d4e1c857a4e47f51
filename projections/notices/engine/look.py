"""Looking at an organisation's rows in Postgres: what became due, and what no longer holds; in one transaction.

It is looked each hour, and may be looked at any time: each notice is made once, whoever looks and however often. If
nobody looked for weeks, or a clock was put forward, what became due meanwhile tells nobody; and if the clock is put
back, that silence is lifted, so that nothing is lost.

While what is looked at is being built anew, nobody looks: rows of yesterday would tell of what is no more, and no rows
at all would clear everything that stands. It is looked as soon as the rows of today are there.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from psycopg import Connection

from projections.duties import duties
from projections.engine.builds import Build, active_build
from projections.engine.compare import rows_kept
from projections.engine.projection import Projection
from projections.engine.reading import for_organisation
from projections.forum_calendar import calendar
from projections.notices.engine.found import found_rules
from projections.notices.engine.kept import hold_to_what_is_true, make, note_unsaid, people_of
from projections.notices.engine.looking import JUMP_DAYS, Rows, Watch
from projections.notices.engine.looking import look as look_at
from projections.notices.engine.place import Place, locked, looked, since_when
from projections.notices.engine.rule import Rule
from projections.strategies import strategies

R = TypeVar("R", bound=msgspec.Struct)

LOOKED_AGAIN = timedelta(hours=1)
LOOKED_AT: tuple[Projection[Any], ...] = (duties, calendar, strategies)

_HISTORIES = """
    SELECT subject, told_until
      FROM notices.histories
     WHERE organisation = %(organisation)s AND told_until > %(since)s
     ORDER BY subject
"""
_TO_LOOK_AT = """
    SELECT h.organisation, c.looked_at
      FROM log.heads AS h
      JOIN notices.checkpoints AS c USING (organisation)
     WHERE c.people_known AND (c.looked_at <= %(before)s OR c.looked_at > %(now)s)
       AND h.organisation NOT LIKE '%%.operations'
       AND NOT EXISTS (
           SELECT
             FROM unnest(%(names)s::text[], %(revisions)s::int[]) AS wanted (projection, revision)
            WHERE NOT EXISTS (
                  SELECT
                    FROM projections.active AS a
                    JOIN projections.builds AS b USING (projection, build)
                   WHERE a.organisation = h.organisation AND a.projection = wanted.projection
                     AND b.revision = wanted.revision))
     ORDER BY h.organisation
     LIMIT 10000
"""


def look(
    conn: Connection[Any], organisation: str, *, now: datetime, rules: Mapping[str, Rule] | None = None
) -> bool:
    """Looks at all rows, and says what is due.

    Returns False if nobody could look: somebody else is at it, or the rows are being built anew.
    """
    assert conn.autocommit, "a look is a transaction"
    every = found_rules() if rules is None else rules
    looking = {name: rule for name, rule in every.items() if rule.looks}
    with conn.transaction():
        for_organisation(conn, organisation)
        place = locked(conn, organisation, every.values(), now)
        if place is None or not place.people_known:  # facts are heard first: they say who does what
            return False
        rows = _rows(conn, organisation)
        if rows is None:
            return False
        _mind_the_clock(place, now)
        seen = look_at(
            looking.values(),
            since_when(conn, organisation),
            Watch(
                now=now,
                quiet_from=place.quiet_from,
                quiet_until=place.quiet_until,
                histories=_histories(conn, organisation, now),
            ),
            rows,
            people_of(conn, organisation).values(),
        )
        failed = {one.rule for one in seen.unsaid}
        changed = hold_to_what_is_true(conn, organisation, looking.keys() - failed, seen.true, now)
        new = make(conn, organisation, seen.made, now)
        note_unsaid(conn, organisation, seen.unsaid)
        looked(conn, place, now, news=new + changed > 0)
    return True


def to_look_at(conn: Connection[Any], now: datetime) -> Mapping[str, datetime]:
    """The organisations whose rows can be looked at and have not been for an hour, and when they last were."""
    asked = {
        "now": now,
        "before": now - LOOKED_AGAIN,
        "names": [projection.name for projection in LOOKED_AT],
        "revisions": [projection.revision for projection in LOOKED_AT],
    }
    return dict(conn.execute(_TO_LOOK_AT, asked).fetchall())


def _mind_the_clock(place: Place, now: datetime) -> None:
    """Weeks in which nobody looked are quiet; a clock put back lifts that."""
    if now - place.looked_at > timedelta(days=JUMP_DAYS):
        place.quiet_from, place.quiet_until = place.looked_at, now
    elif place.quiet_until is not None and now < place.quiet_until:
        place.quiet_from = place.quiet_until = None


def _rows(conn: Connection[Any], organisation: str) -> Rows | None:
    """What readers are shown; None unless all of it is built, and by the folds of today."""
    builds = [active_build(conn, projection, organisation) for projection in LOOKED_AT]
    if any(
        build is None or build.revision != projection.revision
        for build, projection in zip(builds, LOOKED_AT, strict=True)
    ):
        return None
    projects, forums, worded = builds
    return Rows(
        projects=_kept(conn, duties, organisation, projects),
        forums=_kept(conn, calendar, organisation, forums),
        strategies=_kept(conn, strategies, organisation, worded),
    )


def _kept(
    conn: Connection[Any], projection: Projection[R], organisation: str, build: Build | None
) -> dict[str, R]:
    return dict(rows_kept(conn, projection, organisation, build=build))


def _histories(conn: Connection[Any], organisation: str, now: datetime) -> dict[str, datetime]:
    """History told long ago no longer matters: what was due then is told to nobody for being late."""
    asked = {"organisation": organisation, "since": now - timedelta(days=3 * JUMP_DAYS)}
    return dict(conn.execute(_HISTORIES, asked).fetchall())
