"""What was accepted and is odd, for each system that tells: by which rule, in which record. Integrators read it.

Nothing is refused for its method or its order: systems send history late and out of order. What is odd
about it is shown to whoever sent it, with the rule, its words and the record. An oddity is gone as soon as later facts
heal it: a sponsor who joins after the start, a learning that is written down after the end, a plan that arrives late
and belongs before its result. So nothing needs to be ticked off; whoever tells the missing fact has answered.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, TypeAlias

import msgspec

from events.aims import AimRevised, AimSet
from events.coaching import CoachAllocated, CoachReleased
from events.corrections import Revision
from events.cycles import (
    CycleActed,
    CycleDone,
    CyclePlanned,
    CycleStarted,
    CycleStudied,
    CycleTested,
)
from events.directorates import DirectorateCreated
from events.fields import first_day
from events.forums import ForumCreated, ForumReported
from events.ideas import IdeaRaised
from events.improvements import ImprovementReported
from events.involvement import InvolvementSet
from events.learning import LearningCaptured
from events.log.record import Record
from events.measures import MeasureDefined, MeasurementRecorded
from events.programmes import ProgrammeReported, ProgrammeStarted
from events.projects import ProjectCancelled, ProjectCompleted, ProjectStarted
from events.scores import ProgressScored
from events.stories import StoryShared
from events.teams import PersonChangedRole, PersonJoined, PersonLeft
from events.training import CohortCompleted, CohortOpened, CourseOffered
from events.vocabulary import Event, vocabulary
from projections.engine.projection import Projection
from projections.moments import as_written
from projections.project_life import ENDED, FLAWS, LIFE, UNDER_WAY
from projections.project_work import TOLD_OF_PROJECTS, FollowedProject, followed

ODDITIES_MAX = 100  # of one stream; the earliest are kept until they are healed
REMEMBERED_MAX = 100  # cycles and measures of one project that are looked back at; the latest
A_DAY = timedelta(days=1)
PERIODS_MAX = 60  # of one measure, to see one measured twice; the latest told

RULES: Mapping[str, str] = {
    **FLAWS,
    # the life cycle of a project
    "started_without_sponsor": "It was started, and nobody is told to be its sponsor.",
    "started_without_coach": "It was started, and nobody is told to be its coach.",
    "started_without_lead": "It was started, and nobody is told to lead it.",
    "sponsor_leads": "One person is its sponsor and its lead: nobody is left to unblock things for the team.",
    "big_i_without_service_user": "Its involvement is Big I, and no service user or carer is in its team.",
    # aims and PDSA
    "aim_not_measurable": "Its aim names no target, or no date by which it is to be met.",
    "cycle_of_no_project": "A cycle is told of a project whose start was never told.",
    "cycle_not_planned": "A cycle has a result before any plan of it.",
    "decided_twice": "A cycle that had been decided was decided again; more testing is a new cycle.",
    "adapted_and_left": "A change was to be adapted, and no cycle is told to follow.",
    # progress scores
    "score_fell": "The progress score fell. That may well be right; it is rare enough to look at.",
    "score_jumped": "The progress score rose by more than 1.0 at once.",
    # measures
    "measure_not_defined": "Something was measured, and nobody has said what the measure is.",
    "measured_twice": "A measure has two readings for one period; the wrong one wants a correction.",
    "more_than_all": "The numerator is greater than the denominator, and the measure is no rate.",
    "period_ahead": "A measurement is of a period that had not begun when it was told.",
    # docs/decisions/0003, dates
    "happened_ahead": "It is dated more than a day after it was told.",
    "known_to_the_year": "It is dated to the year, and so stands before everything that is dated within that year.",
    "ended_before_it_began": "It ended before it began.",
    # streams of other kinds
    "not_introduced": "Something is told of it, and what it is was never told.",
}
"""Each rule with its sentence. The comments name where the rule comes from."""

_INTRODUCED_BY: Mapping[str, tuple[type[Event], ...]] = {
    "idea": (IdeaRaised,),
    "improvement": (ImprovementReported,),
    "story": (StoryShared,),
    "course": (CourseOffered,),
    "cohort": (CohortOpened, CohortCompleted),
    "forum": (ForumCreated, ForumReported),
    "programme": (ProgrammeStarted, ProgrammeReported),
    "directorate": (DirectorateCreated,),
}


class Cycle(msgspec.Struct, frozen=True):
    """What is looked back at of a cycle."""

    cycle: str
    planned: bool = False
    decided: bool = False
    followed: bool = False  # a cycle says that it follows from this one


class Measure(msgspec.Struct, frozen=True):
    """What is looked back at of a measure."""

    measure: str
    defined: bool = False
    rate: bool = False  # its numerator may exceed its denominator
    periods: tuple[str, ...] = ()  # with their subgroups


class SoFar(FollowedProject, frozen=True, kw_only=True):
    """What has been told of a stream so far, as far as rules look back at it."""

    introduced: bool = False
    aimed: bool = False  # the latest aim has a target and a date
    learned: bool = False
    cycles: tuple[Cycle, ...] = ()
    measured: tuple[Measure, ...] = ()

    def cycle(self, cycle: str) -> Cycle:
        return next((one for one in self.cycles if one.cycle == cycle), Cycle(cycle))

    def measure(self, measure: str) -> Measure:
        return next((one for one in self.measured if one.measure == measure), Measure(measure))

    def in_team(self, *roles: str) -> bool:
        return any(member.role in roles or member.kind in roles for member in self.team)

    @property
    def begun(self) -> bool:
        return self.state in (*UNDER_WAY, *ENDED)

    @property
    def sponsor_leads(self) -> bool:
        leads = {member.person for member in self.team if member.role == "lead"}
        return any(member.role == "sponsor" and member.person in leads for member in self.team)


class Oddity(msgspec.Struct, frozen=True, kw_only=True):
    """One odd thing, and the record that shows it: by source and id, which do not depend on when it arrived."""

    rule: str
    says: str
    about: str  # which cycle, measure or period; empty for the whole
    source: str
    event: str  # the id that its source gave it
    type: str
    occurred: str  # as written


class LookedAt(msgspec.Struct, frozen=True, kw_only=True):
    """One stream, and what is odd about it."""

    so_far: SoFar = SoFar()
    oddities: tuple[Oddity, ...] = ()
    further: int = 0  # oddities found when there were ODDITIES_MAX already


quality = Projection(
    "data_quality",
    revision=1,
    row=LookedAt,
    doc=__doc__,
    streams=["project", *_INTRODUCED_BY],
)

Found: TypeAlias = Iterator[tuple[str, str]]  # a rule, and what it is about


def looked_at(row: LookedAt | None, event: Event, record: Record) -> LookedAt:
    """What is odd after this event: what was and is not healed, and what is new."""
    row = row or LookedAt()
    so_far = _so_far(row.so_far, event, record)
    found = list(_odd(row.so_far, so_far, event, record))
    oddities = row.oddities
    if oddities and type(event) not in _HEALS_NOTHING:
        oddities = tuple([one for one in oddities if not _healed(one, so_far)])
    if found:
        again = {(rule, about) for rule, about in found if rule in _HEALED}
        oddities = tuple([one for one in oddities if (one.rule, one.about) not in again])
        oddities += tuple([_oddity(rule, about, record) for rule, about in found])
    return LookedAt(
        so_far=so_far,
        oddities=oddities[:ODDITIES_MAX],
        further=row.further + max(0, len(oddities) - ODDITIES_MAX),
    )


def _healed(oddity: Oddity, so_far: SoFar) -> bool:
    healed = _HEALED.get(oddity.rule)
    return healed is not None and healed(so_far, oddity.about)


def _oddity(rule: str, about: str, record: Record) -> Oddity:
    return Oddity(
        rule=rule,
        says=RULES[rule],
        about=about,
        source=record.source,
        event=record.id,
        type=record.type,
        occurred=as_written(record),
    )


def _so_far(before: SoFar, event: Event, record: Record) -> SoFar:
    noun = record.stream.partition("/")[0]
    if noun != "project":
        introduced = before.introduced or isinstance(event, _INTRODUCED_BY[noun])
        return msgspec.structs.replace(before, introduced=introduced)
    after = followed(before, event, record) if type(event) in _FOLLOWED else before
    match event:
        case AimSet():
            return msgspec.structs.replace(after, aimed=event.target is not None and event.by is not None)
        case LearningCaptured():
            return msgspec.structs.replace(after, learned=True)
        case ProjectCompleted() | ProjectCancelled():
            return msgspec.structs.replace(after, learned=after.learned or event.learned is not None)
        case MeasureDefined():
            rate = event.chart in ("u", "u_prime") or event.multiply not in (None, 1, 100)
            known = msgspec.structs.replace(after.measure(event.measure), defined=True, rate=rate)
            return _with_measure(after, known)
        case MeasurementRecorded():
            known = after.measure(event.measure)
            periods = (*known.periods, _period(event))[-PERIODS_MAX:]
            return _with_measure(after, msgspec.structs.replace(known, periods=periods))
        case CyclePlanned() | CycleTested():
            after = _with_cycle(after, event.cycle, planned=True, decided=_decides(event))
            return after if event.previous is None else _with_cycle(after, event.previous, followed=True)
        case CycleActed():
            follows = event.next_cycle is not None
            return _with_cycle(after, event.cycle, decided=True, followed=follows)
    return after


def _with_cycle(so_far: SoFar, cycle: str, **now: bool) -> SoFar:
    """With what is true of a cycle now; what was true of it stays so."""
    known = so_far.cycle(cycle)
    now = {name: is_so or getattr(known, name) for name, is_so in now.items()}
    others = tuple(one for one in so_far.cycles if one.cycle != cycle)
    cycles = (*others, msgspec.structs.replace(known, **now))
    return msgspec.structs.replace(so_far, cycles=cycles[-REMEMBERED_MAX:])


def _with_measure(so_far: SoFar, measure: Measure) -> SoFar:
    others = tuple(one for one in so_far.measured if one.measure != measure.measure)
    return msgspec.structs.replace(so_far, measured=(*others, measure)[-REMEMBERED_MAX:])


def _period(event: MeasurementRecorded) -> str:
    return event.period if event.subgroup is None else f"{event.period} {event.subgroup}"


def _decides(event: CyclePlanned | CycleTested) -> bool:
    return isinstance(event, CycleTested) and event.decision is not None


# The rules


def _odd(before: SoFar, after: SoFar, event: Event, record: Record) -> Found:
    """Every rule that this event breaks, where it stands among the others of its stream."""
    if record.occurred_at - record.recorded_at > A_DAY:
        yield "happened_ahead", ""
    if record.precise_to == "year" and isinstance(event, _ORDER_MATTERS):
        yield "known_to_the_year", ""
    if not record.stream.startswith("project/"):
        if not after.introduced:
            yield "not_introduced", ""
        if isinstance(event, ImprovementReported) and _ends_before_it_begins(event):
            yield "ended_before_it_began", ""
        return
    yield from ((flaw, "") for flaw in after.flaws if flaw not in before.flaws)
    check = _CHECKS.get(type(event))
    if check is not None:
        yield from check(before, after, event, record)


def _ends_before_it_begins(event: ImprovementReported) -> bool:
    """Whether it surely did: 2024 is not before 2024-02."""
    return bool(event.since and event.until and event.until < event.since[: len(event.until)])


def _start(before: SoFar, after: SoFar, event: ProjectStarted, _: Record) -> Found:
    for rule in ("started_without_sponsor", "started_without_coach", "started_without_lead"):
        if not _HEALED[rule](after, ""):
            yield rule, ""


def _team(before: SoFar, after: SoFar, event: Event, _: Record) -> Found:
    if after.sponsor_leads and not before.sponsor_leads:
        yield "sponsor_leads", ""


def _involvement(before: SoFar, after: SoFar, event: InvolvementSet, _: Record) -> Found:
    if event.level == "big_i" and not after.in_team("service_user", "carer"):
        yield "big_i_without_service_user", ""


def _aim(before: SoFar, after: SoFar, event: AimSet, _: Record) -> Found:
    if not after.aimed:
        yield "aim_not_measurable", ""


def _cycle(before: SoFar, after: SoFar, event: Any, _: Record) -> Found:
    known = before.cycle(event.cycle)
    if not after.begun:
        yield "cycle_of_no_project", event.cycle
    if isinstance(event, CycleDone | CycleStudied) and not known.planned:
        yield "cycle_not_planned", event.cycle
    decision = getattr(event, "decision", None)
    if decision is not None and known.decided:
        yield "decided_twice", event.cycle
    if decision == "adapt" and not after.cycle(event.cycle).followed:
        yield "adapted_and_left", event.cycle


def _score(before: SoFar, after: SoFar, event: ProgressScored, _: Record) -> Found:
    if before.score is None or before.scale != event.scale:
        return
    if event.score < before.score:
        yield "score_fell", f"{before.score} to {event.score}"
    if event.score > before.score + 1:
        yield "score_jumped", f"{before.score} to {event.score}"


def _measurement(before: SoFar, after: SoFar, event: MeasurementRecorded, record: Record) -> Found:
    known = before.measure(event.measure)
    about = f"{event.measure} {_period(event)}"
    if not known.defined:
        yield "measure_not_defined", event.measure
    if _period(event) in known.periods:
        yield "measured_twice", about
    if not known.rate and (event.numerator or 0) > (event.denominator or 0):
        yield "more_than_all", about
    if first_day(event.period) > record.recorded_at.date():
        yield "period_ahead", about


_CHECKS: Mapping[type[Event], Callable[[SoFar, SoFar, Any, Record], Found]] = {
    ProjectStarted: _start,
    PersonJoined: _team,
    PersonChangedRole: _team,
    InvolvementSet: _involvement,
    AimSet: _aim,
    AimRevised: _aim,
    **dict.fromkeys((CyclePlanned, CycleStarted, CycleDone, CycleStudied, CycleActed, CycleTested), _cycle),
    ProgressScored: _score,
    MeasurementRecorded: _measurement,
}
_HEALED: Mapping[str, Callable[[SoFar, str], bool]] = {
    "started_without_sponsor": lambda now, _: now.in_team("sponsor"),
    "started_without_coach": lambda now, _: now.in_team("coach"),
    "started_without_lead": lambda now, _: now.in_team("lead", "co_lead"),
    "sponsor_leads": lambda now, _: not now.sponsor_leads,
    "big_i_without_service_user": lambda now, _: (
        now.involvement != "big_i" or now.in_team("service_user", "carer")
    ),
    "completed_without_learning": lambda now, _: now.learned,
    "aim_not_measurable": lambda now, _: now.aimed,
    "cycle_of_no_project": lambda now, _: now.begun,
    "adapted_and_left": lambda now, cycle: now.cycle(cycle).followed,
    "measure_not_defined": lambda now, measure: now.measure(measure).defined,
    "not_introduced": lambda now, _: now.introduced,
}
"""The rules that ask for something more, and are content once it is told. The others want a correction, if anything."""

_HEALS_NOTHING = frozenset({MeasurementRecorded, ProgressScored, CycleStarted, CycleDone, CycleStudied})
_FOLLOWED = frozenset(
    {
        *LIFE,
        PersonJoined,
        PersonLeft,
        PersonChangedRole,
        CoachAllocated,
        CoachReleased,
        InvolvementSet,
        ProgressScored,
    }
)
_ORDER_MATTERS: tuple[type[Event], ...] = (
    *LIFE,
    CycleDone,
    CycleStudied,
    CycleActed,
    CycleTested,
    ProgressScored,
)

for _kind in vocabulary().values():
    if _kind.stream in _INTRODUCED_BY and not issubclass(_kind, Revision) and _kind.upcast is Event.upcast:
        quality.on(_kind)(looked_at)
for _kind in TOLD_OF_PROJECTS:
    quality.on(_kind)(looked_at)


# Questions


class OfASource(msgspec.Struct, frozen=True, kw_only=True):
    """Whose records, and which rule. Without a source, those of all systems."""

    source: str | None = None
    rule: str | None = None


class OddRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was accepted and is odd."""

    stream: str
    rule: str
    says: str
    about: str
    source: str
    event: str
    type: str
    occurred: str
    position: int  # where the log keeps it


ODD = """
    SELECT key AS stream, odd ->> 'rule' AS rule, odd ->> 'says' AS says, odd ->> 'about' AS about,
           odd ->> 'source' AS source, odd ->> 'event' AS event, odd ->> 'type' AS type,
           odd ->> 'occurred' AS occurred, told.position
      FROM data_quality
     CROSS JOIN jsonb_array_elements(oddities) AS odd
      JOIN log.records AS told
        ON told.organisation = data_quality.organisation
       AND told.source = odd ->> 'source' AND told.id = odd ->> 'event'
     WHERE data_quality.organisation = %(organisation)s
       AND (%(source)s::text IS NULL OR odd ->> 'source' = %(source)s)
       AND (%(rule)s::text IS NULL OR odd ->> 'rule' = %(rule)s)
"""
quality.question(
    "odd",
    ODD,
    asks=OfASource,
    answers=OddRecord,
    order=("-position", "rule", "about"),
    doc="What a system told that was accepted and is odd, the latest records first.",
)


class RuleBroken(msgspec.Struct, frozen=True, kw_only=True):
    """How often one rule is broken by what one system told."""

    source: str
    rule: str
    says: str
    records: int
    streams: int


BY_RULE = """
    SELECT odd ->> 'source' AS source, odd ->> 'rule' AS rule, max(odd ->> 'says') AS says,
           count(DISTINCT odd ->> 'event') AS records, count(DISTINCT key) AS streams
      FROM data_quality, jsonb_array_elements(oddities) AS odd
     WHERE organisation = %(organisation)s
       AND (%(source)s::text IS NULL OR odd ->> 'source' = %(source)s)
       AND (%(rule)s::text IS NULL OR odd ->> 'rule' = %(rule)s)
     GROUP BY 1, 2
"""
quality.question(
    "by_rule",
    BY_RULE,
    asks=OfASource,
    answers=RuleBroken,
    order=("source", "rule"),
    doc="The rules that each system's records break, and how often.",
)
