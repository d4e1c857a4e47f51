"""What a QI Forum decides on a project: approval before it starts, and support on its way."""

from typing import Literal

from events.fields import ForumId, Lines, MeetingId, Text, WrittenDate
from events.streams import ProjectEvent
from events.vocabulary import example

ReviewOutcome = Literal[
    "approved",
    "approved_with_conditions",
    "deferred",
    "declined",
    "support_requested",
    "continue",
    "pause",
    "close",
    "escalate",
]


@example(
    forum="city-hackney",
    outcome="approved_with_conditions",
    meeting="2024-03",
    conditions=["A carer joins the team"],
    next_review="2024-06",
)
class ProjectReviewed(ProjectEvent, frozen=True, kw_only=True, tag="project.reviewed"):
    """A forum discussed a project and decided. The decision stands here; pausing or closing are events of their own."""

    forum: ForumId  # the forum that decided
    outcome: ReviewOutcome  # what it decided
    meeting: MeetingId | None = None  # the meeting at which it decided
    conditions: Lines = ()  # what the approval depends on
    comment: Text | None = None  # what the team should know
    next_review: WrittenDate | None = None  # when the forum wants to see it again
