"""Spread: a change that worked in one place is taken up in another, and adapted there."""

from typing import Literal

from events.fields import ChangeIdeaId, Citation, Label, ProjectId, Text, Title, WrittenDate
from events.streams import ProjectEvent
from events.vocabulary import example

Reach = Literal["team", "directorate", "organisation", "other_organisation"]


@example(
    to="All older people's wards", reach="directorate", change_idea="CI-4", by="2025-09", owner="Lead nurse"
)
class SpreadPlanned(ProjectEvent, frozen=True, kw_only=True, tag="spread.planned"):
    """A project's change is meant to be taken up elsewhere."""

    to: Title  # where: a team, a directorate, an organisation
    reach: Reach | None = None  # how far that is
    change_idea: ChangeIdeaId | None = None  # the change
    plan: Text | None = None  # how it is to get there
    owner: Label | None = None  # the role that looks after it
    by: WrittenDate | None = None  # by when


@example(
    to="Globe ward",
    reach="team",
    change_idea="CI-4",
    adaptation="Twice a day instead of once.",
    new_project="P-40",
)
class SpreadAdopted(ProjectEvent, frozen=True, kw_only=True, tag="spread.adopted"):
    """A project's change was taken up elsewhere. It counts for the project it came from."""

    to: Title  # where: a team, a directorate, an organisation
    reach: Reach | None = None  # how far that is
    change_idea: ChangeIdeaId | None = None  # the change
    adaptation: Text | None = None  # what is done differently there
    new_project: ProjectId | None = None  # the project there, if it is one
    published: Citation | None = None  # where this was read
