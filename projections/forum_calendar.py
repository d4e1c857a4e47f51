"""Who sits on each QI Forum, and when it meets. Chairs, improvement advisors and whoever brings a project read it.

People are opaque references, by the role in which they sit. Meetings are those that were planned and have been neither
held nor cancelled; a meeting planned for another day is the same meeting.
"""

from datetime import date

import msgspec

from events.forum_members import ForumChairAppointed, ForumMemberJoined, ForumMemberLeft, ForumRole
from events.forums import ForumClosed, ForumCreated, ForumRenamed, ForumReported, ForumRescoped
from events.log.record import Record
from events.meetings import MeetingCancelled, MeetingHeld, MeetingScheduled
from projections.engine.projection import Projection
from projections.moments import as_written, last_day

SEATS_MAX = 200  # held at once
MEETINGS_MAX = 60  # planned at once; the latest told


class Seat(msgspec.Struct, frozen=True):
    """One role in which somebody sits on a forum."""

    person: str  # an opaque reference
    role: ForumRole


class Planned(msgspec.Struct, frozen=True):
    """A meeting that is to be."""

    meeting: str
    on: str  # as written
    day: date  # the last day on which it may be
    title: str | None = None


class Forum(msgspec.Struct, frozen=True, kw_only=True):
    """A forum, whoever sits there, and its meetings to come."""

    name: str | None = None
    directorates: tuple[str, ...] = ()
    closed: str | None = None  # when, as written
    seats: tuple[Seat, ...] = ()
    meetings: tuple[Planned, ...] = ()

    @property
    def chairs(self) -> tuple[str, ...]:
        """Chair and co-chairs."""
        return tuple(seat.person for seat in self.seats if seat.role in ("chair", "co_chair"))


calendar = Projection("forum_calendar", revision=1, row=Forum, doc=__doc__, streams=["forum"])


@calendar.on(ForumCreated)
@calendar.on(ForumRenamed)
@calendar.on(ForumReported)
@calendar.on(ForumRescoped)
def described(
    row: Forum | None, event: ForumCreated | ForumRenamed | ForumReported | ForumRescoped, record: Record
) -> Forum:
    row = row or Forum()
    match event:
        case ForumCreated():
            return msgspec.structs.replace(row, name=event.name, directorates=event.directorates, closed=None)
        case ForumRenamed():
            return msgspec.structs.replace(row, name=event.name)
        case ForumRescoped():
            return msgspec.structs.replace(row, directorates=event.directorates)
    return msgspec.structs.replace(
        row, name=row.name or event.name, directorates=row.directorates or event.directorates
    )


@calendar.on(ForumClosed)
def closed(row: Forum | None, event: ForumClosed, record: Record) -> Forum:
    return msgspec.structs.replace(row or Forum(), closed=as_written(record))


@calendar.on(ForumMemberJoined)
def joined(row: Forum | None, event: ForumMemberJoined, record: Record) -> Forum:
    return _seated(row or Forum(), Seat(event.person, event.role or "member"))


@calendar.on(ForumMemberLeft)
def left(row: Forum | None, event: ForumMemberLeft, record: Record) -> Forum:
    row = row or Forum()
    seats = tuple(
        seat
        for seat in row.seats
        if seat.person != event.person or (event.role is not None and seat.role != event.role)
    )
    return msgspec.structs.replace(row, seats=seats)


@calendar.on(ForumChairAppointed)
def appointed(row: Forum | None, event: ForumChairAppointed, record: Record) -> Forum:
    """Whom they follow no longer chairs; if nobody is named, whoever held this role."""
    row = row or Forum()

    def makes_room(seat: Seat) -> bool:
        followed = event.instead_of is None or seat.person == event.instead_of
        return seat.role == event.role and followed

    seats = tuple(seat for seat in row.seats if not makes_room(seat))
    return _seated(msgspec.structs.replace(row, seats=seats), Seat(event.person, event.role))


@calendar.on(MeetingScheduled)
def scheduled(row: Forum | None, event: MeetingScheduled, record: Record) -> Forum:
    row = _unplanned(row or Forum(), event.meeting)
    planned = Planned(event.meeting, event.on, last_day(event.on), event.title)
    return msgspec.structs.replace(row, meetings=(*row.meetings, planned)[-MEETINGS_MAX:])


@calendar.on(MeetingHeld)
@calendar.on(MeetingCancelled)
def over(row: Forum | None, event: MeetingHeld | MeetingCancelled, record: Record) -> Forum:
    return _unplanned(row or Forum(), event.meeting)


def _seated(row: Forum, seat: Seat) -> Forum:
    if seat in row.seats or len(row.seats) >= SEATS_MAX:
        return row
    return msgspec.structs.replace(row, seats=(*row.seats, seat))


def _unplanned(row: Forum, meeting: str) -> Forum:
    return msgspec.structs.replace(row, meetings=tuple(one for one in row.meetings if one.meeting != meeting))


class ToCome(msgspec.Struct, frozen=True, kw_only=True):
    on: date  # the day from which on
    forum: str | None = None


class MeetingToCome(msgspec.Struct, frozen=True, kw_only=True):
    """A meeting that is planned."""

    forum: str
    name: str | None  # of the forum
    meeting: str
    day: date  # the last day on which it may be
    told: str  # the day as it was written
    title: str | None


TO_COME = """
    SELECT split_part(key, '/', 2) AS forum, name, one.meeting, one.day, one."on" AS told, one.title
      FROM forum_calendar, jsonb_to_recordset(meetings) AS one (meeting text, "on" text, day date, title text)
     WHERE organisation = %(organisation)s AND one.day >= %(on)s::date
       AND (%(forum)s::text IS NULL OR key = 'forum/' || %(forum)s)
"""
calendar.question(
    "to_come",
    TO_COME,
    asks=ToCome,
    answers=MeetingToCome,
    order=["day", "forum", "meeting"],
    doc="Meetings of forums that are to come, soonest first.",
)
