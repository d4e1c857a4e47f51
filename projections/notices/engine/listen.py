"""Hearing an organisation's facts in Postgres: records after the checkpoint, what the rules say of them, one commit.

Records that no rule hears are passed over by the database. History that is told late makes no notice; but its subjects
are noted, so that what has long been overdue with them tells nobody either.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import Connection

from events.log.read import record_of
from events.log.record import Record
from projections.engine.reading import for_organisation, head
from projections.notices.engine.found import found_rules
from projections.notices.engine.heard_types import OF_PEOPLE, types_heard, types_that_clear
from projections.notices.engine.hearing import HISTORY_DAYS, Listener
from projections.notices.engine.kept import clear, hold_again, make, note_people, note_unsaid, people_of
from projections.notices.engine.moment import Moment
from projections.notices.engine.people import platform_roles
from projections.notices.engine.place import Place, locked, move, since_when
from projections.notices.engine.recall import Recall
from projections.notices.engine.remembered import keep, where_they_stood
from projections.notices.engine.roles import Person
from projections.notices.engine.rule import Rule
from projections.notices.engine.told import names_of, told_of

BATCH_MAX = 2_000  # records heard in a transaction
POSITIONS_MAX = 100_000  # passed in a transaction, whatever is heard

_NEWS = """
    SELECT organisation, position, stream, version, source, id, type,
           occurred_at, precise_to, recorded_at, actor, body, leaf
      FROM log.records
     WHERE organisation = %(organisation)s AND position > %(after)s AND position <= %(until)s
       AND (type = ANY (%(always)s)
            OR (type = ANY (%(fresh)s) AND least(recorded_at, %(now)s) - occurred_at < make_interval(days => %(days)s)))
     ORDER BY position
     LIMIT %(limit)s
"""
_FIND = """
    SELECT organisation, position, stream, version, source, id, type,
           occurred_at, precise_to, recorded_at, actor, body, leaf
      FROM log.records
     WHERE organisation = %(organisation)s AND source = %(source)s AND id = %(id)s AND stream = %(stream)s
"""
_OF_STREAM = """
    SELECT organisation, position, stream, version, source, id, type,
           occurred_at, precise_to, recorded_at, actor, body, leaf
      FROM log.records
     WHERE organisation = %(organisation)s AND stream = %(stream)s AND type = ANY (%(types)s)
     ORDER BY version
"""
_HISTORIES = """
    INSERT INTO notices.histories AS known (organisation, subject, told_until)
    SELECT organisation, stream, max(recorded_at)
      FROM log.records
     WHERE organisation = %(organisation)s AND position > %(after)s AND position <= %(until)s
       AND least(recorded_at, %(now)s) - occurred_at > make_interval(
           days => %(days)s + CASE precise_to WHEN 'year' THEN 366 WHEN 'month' THEN 31 ELSE 1 END)
       AND (starts_with(stream, 'project/') OR starts_with(stream, 'forum/'))
     GROUP BY organisation, stream
        ON CONFLICT (organisation, subject) DO UPDATE
       SET told_until = greatest(known.told_until, excluded.told_until)
"""
_OF_PEOPLE = """
    SELECT organisation, position, stream, version, source, id, type,
           occurred_at, precise_to, recorded_at, actor, body, leaf
      FROM log.records
     WHERE organisation = %(organisation)s AND position <= %(until)s
       AND type = ANY (%(types)s) AND starts_with(stream, 'person/')
     ORDER BY position
"""

_LONGEST_DAYS = HISTORY_DAYS + 367  # a record of a year that is not history may be of its first day


def listen(
    conn: Connection[Any],
    organisation: str,
    *,
    now: datetime,
    deadline: float | None = None,
    batch_max: int = BATCH_MAX,
    until: int | None = None,
    rules: Mapping[str, Rule] | None = None,
) -> bool:
    """Hears everything that is new, up to `deadline` (of `time.monotonic()`) or position `until`.

    Returns whether all has been heard; False also if somebody else is at it. Needs a connection that commits by itself.
    """
    assert conn.autocommit, "each batch is a transaction"
    every = found_rules() if rules is None else rules
    while True:
        with conn.transaction():
            for_organisation(conn, organisation)
            place = locked(conn, organisation, every.values(), now)
            if place is None:
                return False
            reached = head(conn, organisation) if until is None else min(until, head(conn, organisation))
            to = _hear(conn, place, every, reached, now, batch_max, deadline)
        if to >= reached:
            return True
        if deadline is not None and time.monotonic() >= deadline:
            return False


def _hear(
    conn: Connection[Any],
    place: Place,
    rules: Mapping[str, Rule],
    reached: int,
    now: datetime,
    batch_max: int,
    deadline: float | None,
) -> int:
    """One batch, which ends at the deadline. Returns how far it came."""
    until = min(reached, place.position + POSITIONS_MAX)
    if until <= place.position and place.people_known:
        return place.position
    records = _news(conn, place, rules, until, batch_max)
    to = records[-1].position if len(records) == batch_max else max(until, place.position)
    recall = _recall(conn, place, records, to)
    heard = _listener(conn, place, rules, recall).hear(records, deadline=deadline)
    to = to if heard.stopped_at is None else heard.stopped_at
    asked: dict[str, Any] = {"organisation": place.organisation, "after": place.position, "until": to}
    conn.execute(_HISTORIES, asked | {"days": HISTORY_DAYS, "now": place.by_the_database})
    clear(conn, place.organisation, heard.cleared, now)
    new = make(conn, place.organisation, heard.made.values(), now)
    new += hold_again(conn, place.organisation, heard.again.values())
    note_unsaid(conn, place.organisation, heard.unsaid)
    note_people(conn, place.organisation, heard.people)
    keep(conn, place.organisation, recall.stands())
    move(conn, place, to, news=new > 0 or bool(heard.cleared))
    return to


def _news(
    conn: Connection[Any], place: Place, rules: Mapping[str, Rule], until: int, limit: int
) -> list[Record]:
    always = types_that_clear(rules.values())
    asked = {
        "organisation": place.organisation,
        "after": place.position,
        "until": until,
        "always": sorted(always),
        "fresh": sorted(types_heard(rules.values()) - always),
        "days": _LONGEST_DAYS,
        "limit": limit,
        "now": place.by_the_database,
    }
    return [record_of(row) for row in conn.execute(_NEWS, asked, binary=True)]


def _recall(conn: Connection[Any], place: Place, records: Sequence[Record], to: int) -> Recall:
    """The log up to a position, in which these records are gone through."""
    organisation = place.organisation
    return Recall(
        lambda projection, after: told_of(conn, organisation, projection, after, to),
        lambda projection, kind: names_of(conn, organisation, projection, kind, to),
        stood=lambda projection, streams: where_they_stood(conn, organisation, projection, streams),
        ahead=records,
    )


def _listener(conn: Connection[Any], place: Place, rules: Mapping[str, Rule], recall: Recall) -> Listener:
    people = people_of(conn, place.organisation) if place.people_known else _everybody(conn, place, recall)

    def find(stream: str, source: str, id_: str) -> Record | None:
        asked = {"organisation": place.organisation, "stream": stream, "source": source, "id": id_}
        row = conn.execute(_FIND, asked, binary=True).fetchone()
        return None if row is None else record_of(row)

    def read(stream: str, types: Collection[str]) -> list[Record]:
        asked = {"organisation": place.organisation, "stream": stream, "types": sorted(types)}
        return [record_of(row) for row in conn.execute(_OF_STREAM, asked, binary=True)]

    since = since_when(conn, place.organisation)
    return Listener(rules.values(), since, recall, people, find, read, place.by_the_database)


def _everybody(conn: Connection[Any], place: Place, recall: Recall) -> dict[str, Person]:
    """Who does what as of the checkpoint, from the beginning of the log; noted from then on."""
    asked = {"organisation": place.organisation, "until": place.position, "types": sorted(OF_PEOPLE)}
    last: dict[str, Record] = {}
    for row in conn.execute(_OF_PEOPLE, asked, binary=True):
        record = record_of(row)
        last[record.stream] = record
    people: dict[str, Person] = {}
    for person, record in last.items():
        roles = Moment(record, recall).row(platform_roles)
        if roles is not None and roles.roles:
            people[person] = Person(person, roles.roles, roles.directorate)
    conn.execute("DELETE FROM notices.people WHERE organisation = %s", (place.organisation,))
    note_people(conn, place.organisation, people)
    return people


class Behind(msgspec.Struct, frozen=True):
    """An organisation of which not all has been heard."""

    organisation: str
    position: int
    head: int


_BEHIND = """
    SELECT h.organisation, coalesce(c.position, -1), h.position
      FROM log.heads AS h
      LEFT JOIN notices.checkpoints AS c USING (organisation)
     WHERE coalesce(c.position, -1) < h.position AND h.organisation NOT LIKE '%%.operations'
     ORDER BY h.organisation
     LIMIT 10000
"""


def behind(conn: Connection[Any]) -> list[Behind]:
    """Every organisation of which not all has been heard, for one who acts as the workers' role."""
    return [Behind(*row) for row in conn.execute(_BEHIND, {})]
