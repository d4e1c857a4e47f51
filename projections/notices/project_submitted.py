"""A project was put to a forum. Its chair and the advisors hear it in their next digest, or at once if it meets soon.

Soon is within three working days. It is cleared when the forum has decided.
"""

from datetime import date

from events.projects import ProjectSubmitted
from events.reviews import ProjectReviewed
from projections.forum_calendar import Forum
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import EVERY_WINDOW, Notice, Rule
from projections.notices.engine.words import name_of, working_days_before

SOON_DAYS = 3  # working days

project_submitted = Rule("project_submitted", doc=__doc__, urgency="daily", action=True)


@project_submitted.on(ProjectSubmitted)
def submitted(event: ProjectSubmitted, at: Moment) -> Notice:
    on = _meets(at.forum(event.forum), event.meeting, at.record.recorded_at.date())
    soon = on is not None and working_days_before(on, SOON_DAYS) <= at.record.recorded_at.date()
    return Notice(
        to=("chair", "advisor", "improvement_advisor"),
        title=f"{name_of(at.project, at.record.stream)} was put to the forum, to be approved",
        window=f"{event.forum}/{event.meeting or at.record.occurred[:10]}",
        urgency="at_once" if soon else None,
        facts={"forum": event.forum, "meeting": event.meeting, "on": on and on.isoformat()},
    )


@project_submitted.clears(ProjectReviewed)
def decided(event: ProjectReviewed, at: Moment) -> str:
    return EVERY_WINDOW


def _meets(forum: Forum | None, meeting: str | None, today: date) -> date | None:
    """The day of the meeting named, or of the next one."""
    planned = () if forum is None else forum.meetings
    days = [one.day for one in planned if meeting in (None, one.meeting) and one.day >= today]
    return min(days, default=None)
