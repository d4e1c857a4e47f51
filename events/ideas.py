"""Ideas for improvement. Whoever raises one is always answered."""

from typing import Literal

from events.fields import Areas, DirectorateId, IdeaId, Label, PersonRef, Subject, Text, Title
from events.streams import IdeaEvent
from events.vocabulary import example

Origin = Literal[
    "huddle",
    "away_day",
    "working_together_group",
    "team_meeting",
    "audit",
    "incident",
    "complaint",
    "compliment",
    "survey",
    "data",
    "other",
]


@example(
    title="A map at the entrance",
    text="People arrive late because they cannot find the door.",
    origin="working_together_group",
    directorate="bedfordshire",
    areas=["service_user_experience"],
)
class IdeaRaised(IdeaEvent, frozen=True, kw_only=True, tag="idea.raised"):
    """Somebody had an idea of what could be better."""

    title: Title  # the idea
    text: Text | None = None  # the idea at more length
    origin: Origin | None = None  # where it came up
    team: Label | None = None  # the team it came up in, never a person
    directorate: DirectorateId | None = None  # where it belongs
    areas: Areas = ()  # the strategy areas it would contribute to
    raised_by: PersonRef | None = None  # who is to be answered


@example(answer="Thank you: the estates team will look at it on Monday.")
class IdeaAcknowledged(IdeaEvent, frozen=True, kw_only=True, tag="idea.acknowledged"):
    """Whoever raised the idea was told that it has been read."""

    answer: Text | None = None  # what they were told


@example(into="improvement/I-3", answer="The map hangs since Tuesday.")
class IdeaTakenUp(IdeaEvent, frozen=True, kw_only=True, tag="idea.taken_up"):
    """An idea became an improvement or a project."""

    into: Subject  # what it became: `improvement/I-3` or `project/P-17`
    answer: Text | None = None  # what whoever raised it was told


@example(into="ID-7", answer="Somebody else had it too; you will both hear of it.")
class IdeaMerged(IdeaEvent, frozen=True, kw_only=True, tag="idea.merged"):
    """An idea is the same as another, and goes on with it."""

    into: IdeaId  # the idea that goes on
    answer: Text | None = None  # what whoever raised it was told


@example(answer="We come back to it when the building work is done.")
class IdeaParked(IdeaEvent, frozen=True, kw_only=True, tag="idea.parked"):
    """An idea is kept for later."""

    answer: Text  # what whoever raised it was told


@example(answer="Fire safety does not allow it. Could the sign hang outside?")
class IdeaDeclined(IdeaEvent, frozen=True, kw_only=True, tag="idea.declined"):
    """An idea is not pursued, and whoever raised it was told why."""

    answer: Text  # what whoever raised it was told
