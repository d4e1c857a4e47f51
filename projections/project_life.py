"""How a project stands: what its state, name and place are after each thing that happened to it.

    proposed → submitted → (deferred → submitted …) → approved | declined
    approved → active ⇄ paused;  active | paused → completed | cancelled | merged;  these → active, when reopened

Every projection of projects folds these events by `lived`, so that all of them agree. Facts are accepted in whatever
order they come, and what is odd about it is named in `flaws` (`FLAWS` says what each means). Two rules decide what
facts out of order mean: only a reopening undoes an end, whatever else is told of later days (an end that is known to
the year is dated before a start in its spring); and a proposal or a forum's decision never puts back work that began. A
resumption or reopening that is known less exactly than its pause or end is told before it, and answers it all the same.

Questions that show projects, and not only count them, are told their `reader`: `public` sees what is public,
`organisation` also the organisation's own, `forum` also what a forum keeps to itself, and `team` everything.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from events.comments import VisibilitySet
from events.corrections import Revision
from events.fields import Audience
from events.log.record import Record
from events.organisation import CountPublished, PortfolioPublished, PortfolioReviewed
from events.projects import (
    Outcome,
    ProjectCancelled,
    ProjectCompleted,
    ProjectMerged,
    ProjectPaused,
    ProjectProposed,
    ProjectRedescribed,
    ProjectReopened,
    ProjectReported,
    ProjectResumed,
    ProjectStarted,
    ProjectSubmitted,
    ProjectTransferred,
)
from events.reviews import ProjectReviewed
from events.rights import LegalHoldLifted, LegalHoldSet
from events.vocabulary import ANY_STREAM, Event, vocabulary
from projections.audience import SaidFor, narrowest, said_after
from projections.endings import Ending, ends
from projections.moments import as_written, last_day_of

State: TypeAlias = Literal[
    "unknown",  # heard of, but nothing told says how it stands
    "proposed",
    "submitted",
    "deferred",
    "approved",
    "declined",
    "active",
    "paused",
    "completed",
    "cancelled",
    "merged",
]
ACTIVE_OR_COMPLETED = ("active", "paused", "completed")
"""What "active or completed" means wherever it is counted: it began, and was neither cancelled nor merged into
another. A paused project is one of them, and is shown by itself as well."""

ENDED = ("completed", "cancelled", "merged")
UNDER_WAY = ("active", "paused")
ENDINGS = (ProjectCompleted, ProjectCancelled, ProjectMerged)

FLAWS: Mapping[str, str] = {
    "proposed_after_start": "It was proposed when its work had already begun or ended.",
    "submitted_after_start": "It was put to a forum when its work had already begun or ended.",
    "decided_after_start": "A forum approved, deferred or declined it when its work had already begun or ended.",
    "started_without_approval": "It began without approval by a forum, and no waiver says why.",
    "started_twice": "It was started when it was already under way.",
    "started_after_end": "It was started after it had ended, and was not reopened.",
    "paused_without_start": "It was paused, and no start had been told.",
    "paused_after_end": "It was paused after it had ended.",
    "resumed_without_pause": "It was resumed, and had not been paused.",
    "resumed_after_end": "It was resumed after it had ended, and was not reopened.",
    "ended_without_start": "It was completed or merged, and no start had been told.",
    "ended_twice": "It ended when it had already ended.",
    "completed_without_learning": "It was completed, and nothing was said of what was learned.",
    "reopened_without_end": "It was reopened, and had not ended.",
}

Stepped: TypeAlias = tuple[State, str | None]
Changes: TypeAlias = dict[str, Any]
"""Fields of a row, and what becomes of them. All that an event changes is gathered, and the row is copied once."""


class Ahead(Ending, frozen=True, gc=False):
    """The ending of a pause, or of an end, that is told before it; and the flaw that it is until then."""

    flaw: str | None


class ProjectLife(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the rows of all projections of projects have in common. Fields that nothing has told are empty."""

    title: str | None = None
    directorate: str | None = None
    forum: str | None = None
    areas: tuple[str, ...] = ()
    state: State = "unknown"
    state_since: str | None = None  # as written
    audience: Audience = "organisation"  # who may see it; it is counted either way
    said_for: SaidFor = ()  # who may see it by all that may have been said last; the fewest of those may
    flaws: tuple[str, ...] = ()  # each kind of flaw once, in the order in which they showed
    ahead: tuple[Ahead, ...] = ()  # resumed or reopened by then, and no pause or end was told


Life = TypeVar("Life", bound=ProjectLife)

LIFE: tuple[type[Event], ...] = (
    ProjectProposed,
    ProjectSubmitted,
    ProjectReviewed,
    ProjectStarted,
    ProjectPaused,
    ProjectResumed,
    ProjectCompleted,
    ProjectCancelled,
    ProjectMerged,
    ProjectReopened,
    ProjectTransferred,
    ProjectRedescribed,
    ProjectReported,
    VisibilitySet,
)
"""The types of events that `lived` folds."""
_LIFE = frozenset(LIFE)

NO_SIGN_OF_LIFE: frozenset[type[Event]] = frozenset(
    {VisibilitySet, LegalHoldSet, LegalHoldLifted, CountPublished, PortfolioPublished, PortfolioReviewed}
)
"""Housekeeping and statistics: told of a project, these do not show that anybody works on it."""


def signs_of_life() -> tuple[type[Event], ...]:
    """Every type of event that shows, told of a project, that somebody works on it, looks after it or speaks of it.

    That is whatever can be told of a project, now or in times to come, but for housekeeping and statistics.
    """
    return tuple(
        kind
        for kind in vocabulary().values()
        if kind.stream in ("project", ANY_STREAM)
        and not issubclass(kind, (Revision, *NO_SIGN_OF_LIFE))
        and kind.upcast is Event.upcast
    )


def lived(row: Life, event: Event, record: Record, **more: Any) -> Life:
    """The row after an event of `LIFE`, with whatever else changes in it."""
    return msgspec.structs.replace(row, **more, **life_after(row, event, record))


def life_after(row: ProjectLife, event: Event, record: Record) -> Changes:
    """The fields of `ProjectLife` that an event of `LIFE` changes; another changes none."""
    if type(event) not in _LIFE:
        return {}
    if isinstance(event, VisibilitySet):
        return _given_to(row, event, record)
    changes = _described(row, event)
    answer = _answer_to(row, event, record)
    if answer is not None:
        return changes | _answered(row, event, record, answer)
    state, flaw = step(row.state, event)
    if state != row.state:
        changes["state"] = state
        changes["state_since"] = as_written(record)
    if flaw == "started_twice" and any(ends(one, record) for one in row.ahead):
        flaw = None  # it was reopened or resumed after this start
    new = _not_yet(row.flaws, flaw, _left_out(event))
    if new:
        changes["flaws"] = (*row.flaws, *new)
    if flaw in _AHEAD and record.precise_to != "instant":
        ahead = Ahead(_AHEAD[flaw], last_day_of(record), record.precise_to, flaw if flaw in new else None)
        changes["ahead"] = (*(one for one in row.ahead if one.what != ahead.what), ahead)
    return changes


_AHEAD: Mapping[str | None, str] = {"resumed_without_pause": "pause", "reopened_without_end": "end"}


def _answer_to(row: ProjectLife, event: Event, record: Record) -> Ahead | None:
    """The resumption or reopening, told already, that came after this pause or end."""
    if not row.ahead or row.state in ENDED:
        return None
    what = "pause" if isinstance(event, ProjectPaused) else "end" if isinstance(event, ENDINGS) else None
    return next((one for one in row.ahead if one.what == what and ends(one, record)), None)


def _answered(row: ProjectLife, event: Event, record: Record, answer: Ahead) -> Changes:
    """It was paused or ended, and is so no more; what was odd about that is odd no more."""
    flaws = tuple([one for one in row.flaws if one != answer.flaw])
    changes: Changes = {
        "ahead": tuple([one for one in row.ahead if one is not answer]),
        "flaws": (*flaws, *_not_yet(flaws, _left_out(event))),
    }
    return (
        changes if row.state == "active" else changes | {"state": "active", "state_since": as_written(record)}
    )


def _not_yet(flaws: tuple[str, ...], *found: str | None) -> list[str]:
    return [one for one in found if one is not None and one not in flaws]


def step(state: State, event: Event) -> Stepped:
    """The state after an event, and what is odd about the step."""
    begun = state in UNDER_WAY or state in ENDED
    match event:
        case ProjectProposed():
            return (state, "proposed_after_start") if begun else (_onward(state, "proposed"), None)
        case ProjectSubmitted():
            return (state, "submitted_after_start") if begun else ("submitted", None)
        case ProjectReviewed():
            return _decided(state, event, begun=begun)
        case ProjectStarted():
            return _started(state, event)
        case ProjectPaused():
            if state in ENDED:
                return state, "paused_after_end"
            return "paused", None if begun else "paused_without_start"
        case ProjectResumed():
            if state in ENDED:
                return state, "resumed_after_end"
            return "active", None if state == "paused" else "resumed_without_pause"
        case ProjectCompleted() | ProjectCancelled() | ProjectMerged():
            return _ended(state, event)
        case ProjectReopened():
            return "active", None if state in ENDED else "reopened_without_end"
    return state, None


def outcome_after(before: Outcome | None, state: State, event: Event) -> Outcome | None:
    """What is said of the aim of a project that is in this state now: a second telling need not say it again."""
    if state != "completed":
        return None
    return event.outcome or before if isinstance(event, ProjectCompleted) else before


def _onward(state: State, to: State) -> State:
    """A proposal told after a submission or a decision does not take them back."""
    return to if state == "unknown" else state


def _decided(state: State, event: ProjectReviewed, *, begun: bool) -> Stepped:
    decided: Mapping[str, State] = {
        "approved": "approved",
        "approved_with_conditions": "approved",
        "deferred": "deferred",
        "declined": "declined",
    }
    to = decided.get(event.outcome)
    if to is None:
        return state, None
    return (state, "decided_after_start") if begun else (to, None)


def _started(state: State, event: ProjectStarted) -> Stepped:
    if state in ENDED:
        return state, "started_after_end"
    if state in UNDER_WAY:
        return "active", "started_twice"
    approved = state in ("unknown", "approved") or event.approved_by is not None or event.waiver is not None
    return "active", None if approved else "started_without_approval"


def _ended(state: State, event: Event) -> Stepped:
    to: State = "cancelled"
    if isinstance(event, ProjectCompleted):
        to = "completed"
    elif isinstance(event, ProjectMerged):
        to = "merged"
    if state in ENDED:
        return to, "ended_twice"
    return to, None if state in UNDER_WAY or to == "cancelled" else "ended_without_start"


def _left_out(event: Event) -> str | None:
    """What is missing from an event that should be there."""
    if isinstance(event, ProjectCompleted) and event.learned is None and event.published is None:
        return "completed_without_learning"
    return None


def _described(row: ProjectLife, event: Event) -> Changes:
    """What an event says of the project's name and place."""
    match event:
        case ProjectProposed() | ProjectStarted():
            approved_by = event.approved_by if isinstance(event, ProjectStarted) else None
            return {
                "title": event.title or row.title,
                "directorate": event.directorate or row.directorate,
                "forum": event.forum or row.forum or approved_by,
                "areas": event.areas or row.areas,
            }
        case ProjectSubmitted() | ProjectReviewed():
            return {"forum": row.forum or event.forum}
        case ProjectTransferred():
            return {"directorate": event.directorate or row.directorate, "forum": event.forum or row.forum}
        case ProjectRedescribed():
            areas = row.areas if event.areas is None else event.areas
            return {"title": event.title or row.title, "areas": areas}
        case ProjectReported():  # a page's words stand in only for what nobody closer has told
            return {
                "title": row.title or event.title,
                "directorate": row.directorate or event.directorate,
                "areas": row.areas or event.areas,
            }
    return {}


def _given_to(row: ProjectLife, event: VisibilitySet, record: Record) -> Changes:
    said_for = said_after(row.said_for, event.audience, record)
    return {"audience": narrowest(said_for), "said_for": said_for}
