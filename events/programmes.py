"""Programmes, collaboratives and learning systems: many teams working on one aim, across directorates."""

from typing import Literal

from events.fields import (
    Areas,
    Citation,
    Count,
    Directorates,
    Number,
    ProgrammeId,
    Text,
    Title,
    Tools,
    WrittenDate,
)
from events.streams import ProgrammeEvent, ProjectEvent
from events.vocabulary import example

ProgrammeKind = Literal["programme", "collaborative", "learning_system"]


@example(
    title="Reducing violence on inpatient wards",
    kind="collaborative",
    aim="20% fewer incidents of physical violence by the end of the year",
    areas=["service_user_experience", "staff_experience"],
    directorates=["tower-hamlets"],
    tools=["safety huddles"],
)
class ProgrammeStarted(ProgrammeEvent, frozen=True, kw_only=True, tag="programme.started"):
    """A programme, collaborative or learning system began."""

    title: Title  # what it is called
    kind: ProgrammeKind | None = None  # how its teams work together
    aim: Text | None = None  # what it is for
    areas: Areas = ()  # the strategy areas it contributes to
    directorates: Directorates = ()  # whose teams take part
    teams: Count | None = None  # how many teams began
    ends: WrittenDate | None = None  # when it is meant to end
    tools: Tools = ()  # the methods it uses
    published: Citation | None = None  # where this was read


@example(statement="Reduce harm by 30% every year", target=30, unit="% fewer", by="2016")
class ProgrammeAimSet(ProgrammeEvent, frozen=True, kw_only=True, tag="programme.aim_set"):
    """A programme was given an aim that its teams share, or a new one."""

    statement: Text  # the aim in full: how much, of what, for whom, by when
    baseline: Number | None = None  # where it starts
    target: Number | None = None  # where it wants to be
    unit: Title | None = None  # what baseline and target are counted in
    by: WrittenDate | None = None  # when the aim is to be met
    published: Citation | None = None  # where this was read


@example(reason="All improvement work is paused while wards prepare for the pandemic.")
class ProgrammePaused(ProgrammeEvent, frozen=True, kw_only=True, tag="programme.paused"):
    """Work on a programme was interrupted, to be taken up again."""

    reason: Text | None = None  # why
    published: Citation | None = None  # where this was read


@example(reason="Wards are ready to test changes again.")
class ProgrammeResumed(ProgrammeEvent, frozen=True, kw_only=True, tag="programme.resumed"):
    """A paused programme was taken up again."""

    reason: Text | None = None  # why now
    published: Citation | None = None  # where this was read


@example(
    teams_started=7,
    teams_completed=6,
    teams_improved=3,
    learned="Shared data every fortnight kept teams going.",
)
class ProgrammeCompleted(ProgrammeEvent, frozen=True, kw_only=True, tag="programme.completed"):
    """A programme ended."""

    teams_started: Count | None = None  # how many teams had begun
    teams_completed: Count | None = None  # how many stayed to the end
    teams_improved: Count | None = None  # how many saw their outcome improve
    learned: Text | None = None  # what was learned, whether or not the aim was met
    published: Citation | None = None  # where this was read


@example(summary="Four wards have gone three months without a serious incident.")
class ProgrammeReported(ProgrammeEvent, frozen=True, kw_only=True, tag="programme.reported"):
    """A page or report said how a programme stands. Nothing else about the programme changed."""

    summary: Text  # how it stands
    title: Title | None = None  # what it is called, if its start was never told
    directorates: Directorates = ()  # whose teams take part
    tools: Tools = ()  # methods that are named
    published: Citation | None = None  # where this was read


@example(programme="violence-reduction", reason="The ward asked to test safety huddles with others.")
class ProjectJoinedProgramme(ProjectEvent, frozen=True, kw_only=True, tag="project.joined_programme"):
    """A project became part of a programme. It stays one project, and may be in several programmes."""

    programme: ProgrammeId  # the programme it joined
    reason: Text | None = None  # why
    published: Citation | None = None  # where this was read


@example(programme="violence-reduction", reason="The ward has moved to another service.")
class ProjectLeftProgramme(ProjectEvent, frozen=True, kw_only=True, tag="project.left_programme"):
    """A project is no longer part of a programme."""

    programme: ProgrammeId  # the programme it left
    reason: Text | None = None  # why
