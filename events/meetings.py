"""Meetings of a QI Forum: when it met, and how well teams, service users and carers were represented."""

from events.fields import Address, Count, MeetingId, Text, Title, WrittenDate
from events.streams import ForumEvent
from events.vocabulary import example


@example(meeting="2024-03", on="2024-03-14", title="March forum")
class MeetingScheduled(ForumEvent, frozen=True, kw_only=True, tag="meeting.scheduled"):
    """A meeting was planned, or planned for another day."""

    meeting: MeetingId  # which meeting
    on: WrittenDate  # the day
    title: Title | None = None  # what it is called


@example(meeting="2024-03", on="2024-03-14", staff=14, service_users=3, carers=1, teams=9)
class MeetingHeld(ForumEvent, frozen=True, kw_only=True, tag="meeting.held"):
    """A meeting took place. Attendance is counted, never listed."""

    meeting: MeetingId  # which meeting
    on: WrittenDate | None = None  # the day, if it is not the day of this event
    staff: Count | None = None  # how many members of staff came
    service_users: Count | None = None  # how many service users came
    carers: Count | None = None  # how many carers came
    others: Count | None = None  # how many others came
    teams: Count | None = None  # how many teams were represented
    minutes: Address | None = None  # where the minutes are


@example(meeting="2024-04", reason="Industrial action.")
class MeetingCancelled(ForumEvent, frozen=True, kw_only=True, tag="meeting.cancelled"):
    """A planned meeting does not take place."""

    meeting: MeetingId  # which meeting
    reason: Text | None = None  # why
