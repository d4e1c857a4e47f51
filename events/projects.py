"""The life of a QI project: proposed, started, paused and resumed, completed or cancelled, perhaps reopened.

Active or completed projects are those that started and were not cancelled; a paused project is still one of them.
"""

from typing import Annotated, Literal

from msgspec import Meta

from events.fields import (
    Areas,
    Citation,
    DirectorateId,
    ForumId,
    IdeaId,
    ImprovementId,
    Label,
    MeasureId,
    MeetingId,
    Part,
    PersonRef,
    ProjectId,
    Text,
    Title,
    Tools,
    WrittenDate,
)
from events.streams import ProjectEvent
from events.vocabulary import example

Outcome = Literal["met", "partly_met", "not_met"]
EndReason = Literal[
    "aim_unachievable", "team_left", "merged", "duplicate", "never_started", "not_needed", "other"
]


@example(
    title="Shorter waits for a first appointment",
    problem="Half of those referred wait longer than 28 days.",
    directorate="city-hackney",
    forum="city-hackney",
    areas=["service_user_experience", "value"],
    proposer="person/8Qm2",
    from_idea="ID-12",
)
class ProjectProposed(ProjectEvent, frozen=True, kw_only=True, tag="project.proposed"):
    """Somebody proposed a QI project: a quality issue that a team wants to work on for some months."""

    title: Title  # what the project is called
    problem: Text | None = None  # the quality issue it is about
    directorate: DirectorateId | None = None  # where it belongs
    forum: ForumId | None = None  # the forum that is to approve it and look after it
    areas: Areas = ()  # the strategy areas it contributes to
    proposer: PersonRef | None = None  # who proposed it
    from_idea: IdeaId | None = None  # the idea it grew from
    from_improvement: ImprovementId | None = None  # the improvement outside projects it grew from
    published: Citation | None = None  # where this was read


@example(forum="city-hackney", meeting="2024-03")
class ProjectSubmitted(ProjectEvent, frozen=True, kw_only=True, tag="project.submitted"):
    """A proposed project was put to a forum for approval."""

    forum: ForumId  # the forum that is to decide
    meeting: MeetingId | None = None  # the meeting at which it is to be discussed


@example(approved_by="city-hackney", directorate="city-hackney")
class ProjectStarted(ProjectEvent, frozen=True, kw_only=True, tag="project.started"):
    """A project began. What is told here of its title or place counts if no proposal was told, or changed since."""

    approved_by: ForumId | None = None  # the forum that approved it
    waiver: Text | None = None  # why it began without approval, if it did
    title: Title | None = None  # what it is called
    directorate: DirectorateId | None = None  # where it belongs
    forum: ForumId | None = None  # the forum that looks after it
    areas: Areas = ()  # the strategy areas it contributes to
    tools: Tools = ()  # the methods it begins with
    published: Citation | None = None  # where this was read


@example(reason="All staff are needed on the wards.")
class ProjectPaused(ProjectEvent, frozen=True, kw_only=True, tag="project.paused"):
    """Work on a project was interrupted, to be taken up again. It still counts as active."""

    reason: Text | None = None  # why
    published: Citation | None = None  # where this was read


@example(reason="The team meets again.")
class ProjectResumed(ProjectEvent, frozen=True, kw_only=True, tag="project.resumed"):
    """A paused project was taken up again."""

    reason: Text | None = None  # why now
    published: Citation | None = None  # where this was read


class SustainPlan(Part, frozen=True, kw_only=True):
    """How an improvement is to be kept: somebody goes on watching the data."""

    owner_role: Label  # the role that keeps watch
    measure: MeasureId | None = None  # what is watched
    review_due: WrittenDate | None = None  # when it is looked at next


@example(
    outcome="partly_met",
    learned="Calling people the day before works; a letter does not.",
    sustain={"owner_role": "Team manager", "measure": "M-1", "review_due": "2025-06"},
)
class ProjectCompleted(ProjectEvent, frozen=True, kw_only=True, tag="project.completed"):
    """A project ended as planned, whether or not its aim was met: what it learned counts either way."""

    outcome: Outcome | None = None  # whether the aim was met
    learned: Text | None = None  # what was learned
    sustain: SustainPlan | None = None  # how the gain is to be kept
    published: Citation | None = None  # where this was read


@example(
    because="team_left", reason="Both leads moved to other services.", learned="Two leads are not enough."
)
class ProjectCancelled(ProjectEvent, frozen=True, kw_only=True, tag="project.cancelled"):
    """A project ended before its time. It no longer counts as active or completed; what it learned stays."""

    because: EndReason | None = None  # the kind of reason
    reason: Text | None = None  # why
    learned: Text | None = None  # what was learned
    published: Citation | None = None  # where this was read


@example(reason="Waits have grown again since the summer.")
class ProjectReopened(ProjectEvent, frozen=True, kw_only=True, tag="project.reopened"):
    """A completed or cancelled project is worked on again."""

    reason: Text | None = None  # why
    published: Citation | None = None  # where this was read


@example(directorate="newham", forum="newham", reason="The service moved to another borough.")
class ProjectTransferred(ProjectEvent, frozen=True, kw_only=True, tag="project.transferred"):
    """A project moved to another forum or directorate. From then on it counts there, and only there."""

    directorate: DirectorateId | None = None  # where it belongs now, if that changed
    forum: ForumId | None = None  # the forum that looks after it now, if that changed
    reason: Text | None = None  # why


@example(title="Shorter waits for a first contact", areas=["service_user_experience"])
class ProjectRedescribed(ProjectEvent, frozen=True, kw_only=True, tag="project.redescribed"):
    """A project has a new title, or contributes to other strategy areas than before."""

    title: Title | None = None  # what it is called from now on, if that changed
    problem: Text | None = None  # the quality issue, if it is worded anew
    areas: Areas | None = None  # all strategy areas it contributes to from now on, if they changed
    reason: Text | None = None  # why


@example(into="P-31", reason="Both teams work on the same waiting list.")
class ProjectMerged(ProjectEvent, frozen=True, kw_only=True, tag="project.merged"):
    """A project was merged into another, where its work goes on. It stays on record under its own id."""

    into: ProjectId  # the project that goes on
    reason: Text | None = None  # why


@example(into=["P-32", "P-33"], reason="The two clinics need different changes.")
class ProjectSplit(ProjectEvent, frozen=True, kw_only=True, tag="project.split"):
    """Parts of a project go on as projects of their own."""

    into: Annotated[
        tuple[ProjectId, ...], Meta(min_length=1, max_length=20)
    ]  # the projects that carry parts of it on
    reason: Text | None = None  # why


@example(
    title="Let's talk about sleep",
    summary="The ward turns the lights down at ten and asks in the morning how people slept.",
    directorate="tower-hamlets",
    tools=["PDSA"],
)
class ProjectReported(ProjectEvent, frozen=True, kw_only=True, tag="project.reported"):
    """A page, poster or report described a project. Its state did not change; it is a sign of life."""

    title: Title | None = None  # what the project is called
    summary: Text | None = None  # what was said of it
    directorate: DirectorateId | None = None  # where it belongs
    areas: Areas = ()  # the strategy areas it contributes to
    tools: Tools = ()  # methods that are named
    published: Citation | None = None  # where this was read
