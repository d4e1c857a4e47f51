"""Improvement outside projects: what people make better in all they do.

It needs no project, aim, measure or approval. Some of it grows into a project, and stays on record as what it was.
"""

from typing import Annotated, Literal

from msgspec import Meta

from events.fields import (
    Areas,
    Citation,
    DirectorateId,
    IdeaId,
    Label,
    ProjectId,
    Text,
    Title,
    Tools,
    WrittenDate,
)
from events.streams import ImprovementEvent
from events.vocabulary import example

Level = Literal["individual", "team", "workstream", "partner"]
MattersTo = Annotated[
    tuple[Literal["staff", "service_users", "carers", "partners"], ...],
    Meta(max_length=4, description="Those who feel the difference."),
]
Criterion = Literal[
    "complex_issue",  # it needs creative problem solving and fast test-and-learn
    "team_agrees",  # the team agrees that it is the issue worth working on for the better part of a year
    "fits_priorities",  # it fits what the directorate wants to improve
    "forum_approves",  # the QI Forum approves, so that it gets the support it needs
    "team_in_place",  # sponsor, coach and team are there
]
Criteria = Annotated[
    tuple[Criterion, ...], Meta(max_length=5, description="What speaks for making it a project.")
]


@example(
    what_changed="The huddle starts with one thing that went well yesterday.",
    level="team",
    title="A good start to the huddle",
    areas=["staff_experience"],
    tools=["safety huddle"],
    matters_to=["staff", "service_users"],
    noticed="People come on time, and quieter colleagues speak.",
    since="2024-02",
)
class ImprovementReported(ImprovementEvent, frozen=True, kw_only=True, tag="improvement.reported"):
    """Somebody made something better outside any project, and told of it."""

    what_changed: Text  # what is done differently now
    level: Level  # who changed it: a person, a team, a workstream or a partner organisation
    title: Title | None = None  # a short name for it
    areas: Areas = ()  # the strategy areas it contributes to
    tools: Tools = ()  # the QI tools that helped
    matters_to: MattersTo = ()  # those who feel the difference
    noticed: Text | None = None  # what they notice; no number is needed
    since: WrittenDate | None = None  # when it began
    until: WrittenDate | None = None  # when it ended, if it has
    team: Label | None = None  # the team or service, never a person
    directorate: DirectorateId | None = None  # where it belongs
    from_idea: IdeaId | None = None  # the idea it grew from
    published: Citation | None = None  # where this was read


@example(note="The night shift begins its huddle this way too.", noticed="Handover takes five minutes less.")
class ImprovementUpdated(ImprovementEvent, frozen=True, kw_only=True, tag="improvement.updated"):
    """There is news of an improvement."""

    note: Text  # what is new
    noticed: Text | None = None  # what those concerned notice now
    tools: Tools = ()  # further QI tools that helped


@example(note="A year on it is simply how we begin the day.")
class ImprovementSustained(ImprovementEvent, frozen=True, kw_only=True, tag="improvement.sustained"):
    """An improvement has lasted: it is how things are done now."""

    note: Text | None = None  # how that shows


@example(reason="The team moved to another building.")
class ImprovementStopped(ImprovementEvent, frozen=True, kw_only=True, tag="improvement.stopped"):
    """An improvement is no longer practised. That it once was stays on record."""

    reason: Text | None = None  # why


@example(project="P-17", criteria=["complex_issue", "team_agrees", "fits_priorities"])
class ImprovementPromoted(ImprovementEvent, frozen=True, kw_only=True, tag="improvement.promoted"):
    """An improvement grew into a QI project. The improvement stays on record; together they count once."""

    project: ProjectId  # the project it became
    criteria: Criteria = ()  # what spoke for making it a project
    reason: Text | None = None  # why, in words
