"""Change ideas, and the changes that became daily practice."""

from typing import Annotated

from msgspec import Meta

from events.fields import ChangeIdeaId, Citation, DriverId, Label, Text, Title, Tools
from events.streams import ProjectEvent
from events.vocabulary import example

Drivers = Annotated[tuple[DriverId, ...], Meta(max_length=30, description="Drivers of the same project.")]


@example(
    change_idea="CI-4", text="Call people the day before their appointment", drivers=["D-2"], origin="Huddle"
)
class ChangeIdeaAdded(ProjectEvent, frozen=True, kw_only=True, tag="change_idea.added"):
    """A team has an idea for a change that might lead to improvement. It is a guess until it is tested."""

    change_idea: ChangeIdeaId  # which idea
    text: Text  # the change
    drivers: Drivers = ()  # the drivers it is meant to move
    origin: Label | None = None  # where the idea came from
    tools: Tools = ()  # methods it uses
    published: Citation | None = None  # where this was read


@example(
    change_idea="CI-4",
    text="Send a text message the day before",
    drivers=["D-2"],
    reason="Calls took too long.",
)
class ChangeIdeaRevised(ProjectEvent, frozen=True, kw_only=True, tag="change_idea.revised"):
    """A change idea was worded anew or serves other drivers. It is told in full."""

    change_idea: ChangeIdeaId  # which idea
    text: Text  # the change
    drivers: Drivers = ()  # the drivers it is meant to move
    reason: Text | None = None  # why


@example(change_idea="CI-4", reason="Waiting for the new telephone system.")
class ChangeIdeaParked(ProjectEvent, frozen=True, kw_only=True, tag="change_idea.parked"):
    """A change idea is kept for later."""

    change_idea: ChangeIdeaId  # which idea
    reason: Text | None = None  # why


@example(change_idea="CI-4", reason="Three tests made no difference.")
class ChangeIdeaDropped(ProjectEvent, frozen=True, kw_only=True, tag="change_idea.dropped"):
    """A team gave a change idea up. What its tests taught stays."""

    change_idea: ChangeIdeaId  # which idea
    reason: Text | None = None  # why


@example(
    change_idea="CI-4",
    change="A text message the day before",
    where="All clinics of the team",
    owner="Team manager",
)
class ChangeImplemented(ProjectEvent, frozen=True, kw_only=True, tag="change.implemented"):
    """A tested change became daily practice: it happens without the project asking for it."""

    change_idea: ChangeIdeaId | None = None  # the idea it grew from
    change: Text  # what is done from now on
    where: Title | None = None  # where it is done
    owner: Label | None = None  # the role that keeps it going and trains newcomers
    published: Citation | None = None  # where this was read


@example(change_idea="CI-4", change="A text message the day before", reason="The messages cost too much.")
class ChangeReversed(ProjectEvent, frozen=True, kw_only=True, tag="change.reversed"):
    """An implemented change is no longer done."""

    change_idea: ChangeIdeaId | None = None  # the idea it grew from
    change: Text  # what is no longer done
    reason: Text | None = None  # why
