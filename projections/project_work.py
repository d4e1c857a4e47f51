"""What goes on in a project: its score, team, involvement, cycles, data, and when it last showed a sign of life.

The rows of several projections begin with `FollowedProject` and fold every event told of a project by `followed`, so
that a page, a forum's portfolio and a list of projects at risk can never disagree. A score is a person's judgement on a
named scale: it may fall, and it is said since when a project has had it; whose is shown, `project_score.py` says.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from msgspec.structs import replace

from events.coaching import SponsorUpdated
from events.comments import VisibilitySet
from events.cycles import CycleActed, CycleDone, CycleStudied, CycleTested
from events.involvement import Involvement, InvolvementSet
from events.log.record import Record
from events.measures import MeasurementRecorded
from events.reviews import ProjectReviewed
from events.scores import ProgressScored
from events.vocabulary import Event
from projections.moments import as_written, last_day, last_day_of, last_day_so_far
from projections.project_life import NO_SIGN_OF_LIFE, Changes, life_after, signs_of_life
from projections.project_score import WithScore, score_after
from projections.project_team import TEAM, team_after

CYCLES_REMEMBERED = 50  # of the latest; enough for one told step by step to count once

TOLD_OF_PROJECTS: tuple[type[Event], ...] = (*signs_of_life(), VisibilitySet)
"""The types of events that `followed` folds: all that can be told of a project and says something of it."""


class FollowedProject(WithScore, frozen=True, kw_only=True):
    """A project as whoever looks after it follows it."""

    involvement: Involvement | None = None  # of service users and carers
    cycles_tested: int = (
        0  # PDSA cycles of which a test was told; each once, however many steps are told of it
    )
    last_cycle: str | None = None  # when that was last, as written
    latest_cycles: tuple[str, ...] = ()  # which those were, the latest CYCLES_REMEMBERED of them
    last_data: str | None = None  # the latest period that a measurement is of, as written
    last_data_until: date | None = None  # the last day of that period
    sponsor_updated: str | None = None  # when the sponsor was last told how it stands, as written
    next_review: str | None = None  # when a forum wants to see it again
    last_sign_of_life: str | None = None  # when anything was last told of it, as written
    alive_until: date | None = None  # the last day on which that may have been


class HeldProject(FollowedProject, frozen=True, kw_only=True):
    """A project of which it matters how long it has surely been as it is."""

    state_held_from: date | None = None  # the last day on which its state may have begun
    sponsor_told_until: date | None = (
        None  # the last day on which its sponsor may have been told how it stands
    )


Followed = TypeVar("Followed", bound=FollowedProject)
Held = TypeVar("Held", bound=HeldProject)


def followed(row: Followed, event: Event, record: Record, **more: Any) -> Followed:
    """The row after any event told of its project, with whatever else a projection makes of that."""
    changes = work_after(row, event, record)
    if more:
        changes |= more
    return replace(row, **changes)


def held(row: Held, event: Event, record: Record, **more: Any) -> Held:
    """As `followed`, and since when its state and its sponsor's knowledge are what they are."""
    changes = work_after(row, event, record)
    if changes.get("state", row.state) != row.state:
        changes["state_held_from"] = last_day_of(record)
    if changes.get("sponsor_updated", row.sponsor_updated) != row.sponsor_updated:
        changes["sponsor_told_until"] = last_day_so_far(row.sponsor_told_until, record)
    if more:
        changes |= more
    return replace(row, **changes)


def work_after(row: FollowedProject, event: Event, record: Record) -> Changes:
    """The fields of `FollowedProject` that an event told of its project changes."""
    kind = type(event)
    changes_of = _WORK.get(kind)
    changes = {} if changes_of is None else changes_of(row, event, record)
    if kind not in NO_SIGN_OF_LIFE:
        changes["last_sign_of_life"] = as_written(record)
        changes["alive_until"] = last_day_so_far(row.alive_until, record)
    changes |= life_after(row, event, record)
    return changes


def _tested(
    row: FollowedProject, event: CycleTested | CycleDone | CycleStudied | CycleActed, record: Record
) -> Changes:
    """The first that is told of a test counts it."""
    when = as_written(record)
    if event.cycle in row.latest_cycles:
        return {"last_cycle": when}
    remembered = (*row.latest_cycles, event.cycle)[-CYCLES_REMEMBERED:]
    return {"cycles_tested": row.cycles_tested + 1, "last_cycle": when, "latest_cycles": remembered}


def _measured(row: FollowedProject, event: MeasurementRecorded, record: Record) -> Changes:
    """Data may come in any order; the latest period is what counts."""
    until = last_day(event.until or event.period)
    if row.last_data_until is not None and until <= row.last_data_until:
        return {}
    return {"last_data": event.period, "last_data_until": until}


def _reviewed(row: FollowedProject, event: ProjectReviewed, record: Record) -> Changes:
    return {"next_review": event.next_review}


def _sponsor_updated(row: FollowedProject, event: SponsorUpdated, record: Record) -> Changes:
    return {"sponsor_updated": as_written(record)}


def _involved(row: FollowedProject, event: InvolvementSet, record: Record) -> Changes:
    return {"involvement": event.level}


_WORK: Mapping[type[Event], Callable[[Any, Any, Record], Changes]] = {
    ProgressScored: score_after,
    CycleDone: _tested,
    CycleStudied: _tested,
    CycleActed: _tested,
    CycleTested: _tested,
    MeasurementRecorded: _measured,
    ProjectReviewed: _reviewed,
    SponsorUpdated: _sponsor_updated,
    InvolvementSet: _involved,
    **dict.fromkeys(TEAM, team_after),
}
