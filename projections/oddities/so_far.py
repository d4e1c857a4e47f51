"""What has been told of a stream so far, as far as rules look back at it. All of it is bounded."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from events.aims import AimRevised, AimSet
from events.changes import ChangeImplemented
from events.cycles import CycleActed, CycleDone, CyclePlanned, CycleStudied, CycleTested
from events.directorates import DirectorateCreated
from events.drivers import DriverAdded, DriverLinked, DriverRemoved
from events.forum_members import ForumChairAppointed, ForumMemberLeft
from events.forums import ForumCreated, ForumReported
from events.ideas import IdeaRaised
from events.improvements import ImprovementReported
from events.involvement import InvolvementSet
from events.learning import LearningCaptured
from events.log.record import Record
from events.measures import MeasureDefined, MeasurementRecorded, MeasureRevised
from events.programmes import (
    ProgrammeReported,
    ProgrammeStarted,
    ProjectJoinedProgramme,
    ProjectLeftProgramme,
)
from events.projects import ProjectCancelled, ProjectCompleted
from events.scores import ProgressScored
from events.stories import StoryShared
from events.sustaining import HandedToQualityControl
from events.training import (
    CohortCompleted,
    CohortOpened,
    CourseOffered,
    TrainingCompleted,
    TrainingEnrolled,
)
from events.vocabulary import Event
from projections.project_life import ENDED, LIFE, UNDER_WAY
from projections.project_team import TEAM
from projections.project_work import FollowedProject, work_after

REMEMBERED_MAX = 100  # cycles, measures or drivers of one project that are looked back at; the latest
PEOPLE_MAX = 500  # of one cohort; the latest
PERIODS_MAX = 60  # of one measure, to see one measured twice; the latest told

INTRODUCED_BY: Mapping[str, tuple[type[Event], ...]] = {
    "idea": (IdeaRaised,),
    "improvement": (ImprovementReported,),
    "story": (StoryShared,),
    "course": (CourseOffered,),
    "cohort": (CohortOpened, CohortCompleted),
    "forum": (ForumCreated, ForumReported),
    "programme": (ProgrammeStarted, ProgrammeReported),
    "directorate": (DirectorateCreated,),
}
"""What says of a stream what it is. Projects are named by whatever is told of them."""


class Cycle(msgspec.Struct, frozen=True, gc=False):
    """What is looked back at of a cycle."""

    cycle: str
    planned: bool = False
    predicted: bool = False
    decided: bool = False
    followed: bool = False  # a cycle says that it follows from this one
    number: int | None = None


class Measure(msgspec.Struct, frozen=True, gc=False):
    """What is looked back at of a measure."""

    measure: str
    defined: bool = False
    outcome: bool = False
    rate: bool = False  # its numerator may exceed its denominator
    chart: str | None = None
    periods: tuple[str, ...] = ()  # with their subgroups


class Driver(msgspec.Struct, frozen=True, gc=False):
    """A driver, and the drivers it drives."""

    driver: str
    parents: tuple[str, ...] = ()


class SoFar(FollowedProject, frozen=True, kw_only=True):
    """What has been told of a stream so far."""

    introduced: bool = False
    aims: int = 0  # how often an aim was set
    aimed: bool = False  # the latest aim has a target and a date
    turned_round: bool = False  # its direction and its figures do not agree
    learned: bool = False
    cycles: tuple[Cycle, ...] = ()
    tested: bool = False
    kept: bool = False  # a tested change was adapted or adopted
    adopted: bool = False
    implemented: bool = False
    handed_over: bool = False
    measured: tuple[Measure, ...] = ()
    drivers: tuple[Driver, ...] = ()
    programmes: tuple[str, ...] = ()
    chairs: tuple[str, ...] = ()  # of a forum
    enrolled: tuple[str, ...] = ()  # in a cohort
    trained: tuple[str, ...] = ()

    def cycle(self, cycle: str) -> Cycle:
        for one in reversed(self.cycles):  # the latest told is asked about most
            if one.cycle == cycle:
                return one
        return Cycle(cycle)

    def measure(self, measure: str) -> Measure:
        for one in reversed(self.measured):
            if one.measure == measure:
                return one
        return Measure(measure)

    def driver(self, driver: str) -> Driver | None:
        return next((one for one in self.drivers if one.driver == driver), None)

    def in_team(self, *roles: str) -> bool:
        return any(member.role in roles or member.kind in roles for member in self.team)

    @property
    def begun(self) -> bool:
        return self.state in (*UNDER_WAY, *ENDED)


Changes = dict[str, Any]


def after(before: SoFar, event: Event, record: Record) -> SoFar:
    """What has been told once this is told too."""
    kind = type(event)
    changes_of = _CHANGES.get(kind)
    changes = {} if changes_of is None else changes_of(before, event)
    if kind in _INTRODUCES and kind in INTRODUCED_BY.get(record.stream.partition("/")[0], ()):
        changes["introduced"] = True
    if kind in _FOLLOWED:
        changes |= work_after(before, event, record)
    return replace(before, **changes) if changes else before


def _aim(now: SoFar, event: AimSet) -> Changes:
    way = 0.0 if event.target is None or event.baseline is None else event.target - event.baseline
    return {
        "aims": now.aims + 1,
        "aimed": event.target is not None and event.by is not None,
        "turned_round": (event.direction == "increase" and way < 0)
        or (event.direction == "decrease" and way > 0),
    }


def _measure(now: SoFar, event: MeasureDefined) -> Changes:
    rate = event.chart in ("u", "u_prime") or event.multiply not in (None, 1, 100)
    outcome = event.kind == "outcome"
    known = now.measure(event.measure)
    return _with_measure(now, replace(known, defined=True, outcome=outcome, rate=rate, chart=event.chart))


def _measured(now: SoFar, event: MeasurementRecorded) -> Changes:
    known = now.measure(event.measure)
    return _with_measure(now, replace(known, periods=(*known.periods, period_of(event))[-PERIODS_MAX:]))


def _with_measure(now: SoFar, new: Measure) -> Changes:
    """The measure told of last stands last."""
    others = [one for one in now.measured if one.measure != new.measure]
    return {"measured": (*others, new)[-REMEMBERED_MAX:]}


def period_of(event: MeasurementRecorded) -> str:
    """The period with its subgroup."""
    return event.period if event.subgroup is None else f"{event.period} {event.subgroup}"


def _cycle(now: SoFar, event: CyclePlanned | CycleTested | CycleActed) -> Changes:
    decision = getattr(event, "decision", None)
    known = now.cycle(event.cycle)
    if isinstance(event, CycleActed):
        known = replace(known, decided=True, followed=known.followed or event.next_cycle is not None)
    else:
        known = replace(
            known,
            planned=True,
            predicted=known.predicted or event.prediction is not None,
            decided=known.decided or decision is not None,
            number=known.number if event.number is None else event.number,
        )
    cycles = [*(one for one in now.cycles if one.cycle != event.cycle), known]
    previous = getattr(event, "previous", None)
    if previous is not None:
        earlier = replace(now.cycle(previous), followed=True)
        cycles = [*(one for one in cycles if one.cycle != previous), earlier]
    return {
        "cycles": tuple(cycles[-REMEMBERED_MAX:]),
        "tested": now.tested or not isinstance(event, CyclePlanned),
        "kept": now.kept or decision in ("adapt", "adopt"),
        "adopted": now.adopted or decision == "adopt",
    }


def _driver(now: SoFar, event: DriverAdded | DriverLinked | DriverRemoved) -> Changes:
    others = tuple(one for one in now.drivers if one.driver != event.driver)
    match event:
        case DriverRemoved():
            return {"drivers": others}
        case DriverAdded():
            new = Driver(event.driver, event.parents)
        case DriverLinked():
            known = now.driver(event.driver) or Driver(event.driver)
            new = Driver(event.driver, tuple(dict.fromkeys((*known.parents, event.parent)))[:REMEMBERED_MAX])
    return {"drivers": (*others, new)[-REMEMBERED_MAX:]}


def _ended(now: SoFar, event: ProjectCompleted | ProjectCancelled) -> Changes:
    return {} if event.learned is None else {"learned": True}


def _joined(now: SoFar, event: ProjectJoinedProgramme) -> Changes:
    return {"programmes": (*now.programmes, event.programme)[-REMEMBERED_MAX:]}


def _left(now: SoFar, event: ProjectLeftProgramme) -> Changes:
    return {"programmes": tuple(one for one in now.programmes if one != event.programme)}


def _chaired(now: SoFar, event: ForumChairAppointed) -> Changes:
    """Whoever is appointed follows the one named, or else whoever held the chair."""
    if event.role != "chair":
        return {}
    stay = () if event.instead_of is None else now.chairs
    others = tuple(one for one in stay if one not in (event.instead_of, event.person))
    return {"chairs": (*others, event.person)[-REMEMBERED_MAX:]}


def _unchaired(now: SoFar, event: ForumMemberLeft) -> Changes:
    if event.role not in (None, "chair"):
        return {}
    return {"chairs": tuple(one for one in now.chairs if one != event.person)}


def _enrolled(now: SoFar, event: TrainingEnrolled) -> Changes:
    return {"enrolled": (*now.enrolled, event.person)[-PEOPLE_MAX:]}


def _trained(now: SoFar, event: TrainingCompleted) -> Changes:
    return {"trained": (*now.trained, event.person)[-PEOPLE_MAX:]}


_INTRODUCES = frozenset(kind for kinds in INTRODUCED_BY.values() for kind in kinds)
_FOLLOWED = frozenset({*LIFE, *TEAM, InvolvementSet, ProgressScored})
_CHANGES: Mapping[type[Event], Callable[[SoFar, Any], Changes]] = {
    AimSet: _aim,
    AimRevised: _aim,
    LearningCaptured: lambda now, event: {"learned": True},
    ProjectCompleted: _ended,
    ProjectCancelled: _ended,
    MeasureDefined: _measure,
    MeasureRevised: _measure,
    MeasurementRecorded: _measured,
    CyclePlanned: _cycle,
    CycleTested: _cycle,
    CycleActed: _cycle,
    CycleDone: lambda now, event: {} if now.tested else {"tested": True},
    CycleStudied: lambda now, event: {} if now.tested else {"tested": True},
    ChangeImplemented: lambda now, event: {"implemented": True},
    HandedToQualityControl: lambda now, event: {"handed_over": True},
    DriverAdded: _driver,
    DriverLinked: _driver,
    DriverRemoved: _driver,
    ProjectJoinedProgramme: _joined,
    ProjectLeftProgramme: _left,
    ForumChairAppointed: _chaired,
    ForumMemberLeft: _unchaired,
    TrainingEnrolled: _enrolled,
    TrainingCompleted: _trained,
}
