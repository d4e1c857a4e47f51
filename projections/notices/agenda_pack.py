"""The agenda pack of a forum's meeting: its chair and co-chair get it five working days before.

What is to be approved, reviewed, unblocked and celebrated, as it stands on that day. Working days are Monday to Friday.
"""

from collections.abc import Iterator
from datetime import date

from projections.forum_calendar import Forum
from projections.notices.engine.rule import Notice, Rule
from projections.notices.engine.words import forum_name, working_days_before

BEFORE_DAYS = 5  # working days

agenda_pack = Rule("agenda_pack", doc=__doc__, urgency="at_once", kind="agenda_pack")


@agenda_pack.of_forums
def pack(row: Forum, forum: str, today: date) -> Iterator[Notice]:
    """Until the meeting is over. A meeting that is planned for another day has another pack."""
    if row.closed is not None:
        return
    for meeting in row.meetings:
        due = working_days_before(meeting.day, BEFORE_DAYS)
        if due <= today <= meeting.day:
            yield Notice(
                to=("chair",),
                title=f"{forum_name(row, forum)} meets on {meeting.on}: what to talk about",
                window=f"{meeting.meeting}/{meeting.on}",
                due=due,
                facts={
                    "forum": forum.partition("/")[2],
                    "meeting": meeting.meeting,
                    "on": meeting.day.isoformat(),
                },
            )
