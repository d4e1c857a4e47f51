"""The frame of an invented trust: strategy, directorates, forums, training, and what improves outside projects."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from events.coaching import CoachAccredited
from events.directorates import DirectorateCreated, DirectorateMerged
from events.forum_members import ForumChairAppointed
from events.forums import ForumClosed, ForumCreated
from events.ideas import IdeaAcknowledged, IdeaDeclined, IdeaRaised, IdeaTakenUp, Origin
from events.improvements import (
    ImprovementReported,
    ImprovementStopped,
    ImprovementSustained,
    ImprovementUpdated,
)
from events.meetings import MeetingCancelled, MeetingHeld, MeetingScheduled
from events.priorities import PriorityAgreed
from events.stories import StoryShared, StoryWithdrawn
from events.strategies import Area, AreaMove, StrategyAdopted, StrategyRefreshed
from events.training import (
    CohortCompleted,
    CohortOpened,
    CourseOffered,
    Level,
    TrainingCompleted,
    TrainingEnrolled,
    TrainingWithdrawn,
)
from services.importing.synthetic_life import BEGINS, COVID, COVID_ENDS, ENDS, Life, Told, day, month, person
from services.importing.synthetic_setting import COACHES, INTO, MERGED, MERGED_ON
from services.importing.synthetic_words import DIRECTORATES, IMPROVEMENTS, PLACES, TOPICS

LABELS = (
    (
        "population_health",
        "Health of communities",
        "Population health outcomes",
        "Improved population health",
    ),
    ("service_user_experience", "Experience of care", "Experience of care", "Improved experience of care"),
    ("staff_experience", "Staff experience", "Staff experience", "Improved staff experience"),
    ("value", "Value", "Better value", "Improved value"),
)
ORIGINS: tuple[Origin, ...] = ("huddle", "away_day", "survey")


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """A training programme, and the rhythm of its cohorts."""

    id: str
    title: str
    level: Level
    every_months: int
    lasts_months: int
    places: int


COURSES = (
    Training(
        id="pocket-qi", title="Pocket QI", level="introduction", every_months=3, lasts_months=0, places=24
    ),
    Training(
        id="ilp",
        title="Improvement Leaders' Programme",
        level="leading",
        every_months=6,
        lasts_months=6,
        places=30,
    ),
    Training(
        id="icp",
        title="Improvement Coaching Programme",
        level="coaching",
        every_months=12,
        lasts_months=6,
        places=14,
    ),
)
MONTH = timedelta(days=30.4375)


def strategy_life(life: Life) -> list[Told]:
    """Four areas whose ids stay; their labels change with each wording."""
    title = "Better together"
    areas = tuple(Area(area=area, label=first) for area, first, _, _ in LABELS)
    life.tell(StrategyAdopted(title=title, valid_from="2015-04", areas=areas), BEGINS)
    wordings = (
        (2, "2018-04", [(area, second) for area, _, second, _ in LABELS]),
        (3, "2022-04", [(area, third) for area, _, _, third in LABELS]),
    )
    for version, since, labels in wordings:
        refreshed = StrategyRefreshed(
            version=version,
            valid_from=since,
            areas=tuple(Area(area=area, label=label) for area, label in labels),
            maps_from=tuple(AreaMove(old=area, new=area) for area, _ in labels),
        )
        life.tell(refreshed, datetime(int(since[:4]), 4, 1, 9, tzinfo=UTC))
    return life.lived()


def directorate_life(life: Life, directorate: str) -> list[Told]:
    """A directorate, one of which becomes part of another in 2021."""
    life.tell(DirectorateCreated(name=dict(DIRECTORATES)[directorate], kind="directorate"), BEGINS)
    if directorate == MERGED:
        life.tell(DirectorateMerged(into=INTO, reason="One leadership for both boroughs."), MERGED_ON)
    return life.lived()


def forum_life(life: Life, directorate: str, number: int) -> list[Told]:
    """A QI Forum that meets each month, but for the first months of Covid-19, and agrees a priority each spring."""
    name = f"{dict(DIRECTORATES)[directorate]} QI Forum"
    created = ForumCreated(
        name=name, directorates=(directorate,), cadence="monthly", accountable_role="Clinical Director"
    )
    life.tell(created, BEGINS)
    chair = person(2_000 + number)
    life.tell(ForumChairAppointed(person=chair, role="chair", kind="staff"), BEGINS + timedelta(days=1))
    if life.chance(0.6):
        shared = ForumChairAppointed(
            person=person(2_100 + number), role="chair", kind="service_user", instead_of=chair
        )
        life.tell(shared, BEGINS + life.days(900, 2200))
    until = MERGED_ON if directorate == MERGED else ENDS
    at = BEGINS + timedelta(days=12)
    while at < until:
        _meeting(life, at)
        if at.month == 4:
            _priority(life, directorate, at)
        at += MONTH
    if directorate == MERGED:
        life.tell(ForumClosed(successor=INTO, reason="The directorates were merged."), MERGED_ON)
    return life.lived()


def _meeting(life: Life, at: datetime) -> None:
    meeting = month(at)
    life.tell(MeetingScheduled(meeting=meeting, on=day(at)), at - timedelta(days=10))
    if COVID <= at < COVID_ENDS:
        life.tell(MeetingCancelled(meeting=meeting, reason="Covid-19."), at - timedelta(days=2))
        return
    since = (at - BEGINS) / timedelta(days=3653)
    held = MeetingHeld(
        meeting=meeting,
        staff=life.random.randint(8, 18),
        service_users=life.random.randint(0, 1 + round(3 * since)),
        carers=life.random.randint(0, 1),
        teams=life.random.randint(4, 11),
    )
    life.tell(held, at)


def _priority(life: Life, directorate: str, at: datetime) -> None:
    topic = life.random.choice(TOPICS)
    agreed = PriorityAgreed(
        title=topic.title,
        forum=directorate,
        areas=topic.areas,
        since=month(at),
        until=month(at + 11 * MONTH),
    )
    life.tell(agreed, at, stream=f"priority/{directorate}-{at.year}")


def improvement_life(life: Life, directorates: tuple[str, ...]) -> list[Told]:
    """An improvement outside projects: sometimes from an idea, sometimes told as a story, seldom stopped."""
    title, changed, tool = life.random.choice(IMPROVEMENTS)
    directorate, team = life.random.choice(directorates), life.random.choice(PLACES)
    topic, name = life.random.choice(TOPICS), life.stream.partition("/")[2]
    at, from_idea = life.begins, None
    if life.chance(0.3):
        from_idea = f"ID-{name}"
        at = _idea(life, from_idea, title, directorate, at)
    level: Literal["individual", "team"] = "team" if life.chance(0.75) else "individual"
    reported = ImprovementReported(
        what_changed=changed,
        level=level,
        title=title,
        areas=topic.areas[:1],
        tools=(tool,),
        matters_to=("staff", "service_users"),
        noticed="People say so." if life.chance(0.6) else None,
        team=team,
        directorate=directorate,
        from_idea=from_idea,
    )
    life.tell(reported, at, precise_to=life.random.choice(("instant", "day", "month")))
    if life.chance(0.25):
        life.tell(ImprovementUpdated(note="The night shift does it too."), at + life.days(40, 200))
    if life.chance(0.3):
        life.tell(ImprovementSustained(note="It is how we begin the day."), at + life.days(300, 420))
    elif life.chance(0.1):
        life.tell(ImprovementStopped(reason="The team moved to another building."), at + life.days(90, 400))
    if life.chance(0.2):
        _improvement_story(life, title, directorate, at + life.days(20, 120))
    return life.lived()


def _idea(life: Life, idea: str, title: str, directorate: str, at: datetime) -> datetime:
    """An idea that is raised, answered, and taken up. When that was."""
    stream = f"idea/{idea}"
    raised = IdeaRaised(
        title=title, origin=life.random.choice(("huddle", "away_day", "survey")), directorate=directorate
    )
    life.tell(raised, at, stream=stream)
    life.tell(IdeaAcknowledged(answer="Thank you. Try it next week."), at + life.days(1, 6), stream=stream)
    taken = at + life.days(7, 30)
    life.tell(IdeaTakenUp(into=life.stream), taken, stream=stream)
    return taken


def _improvement_story(life: Life, title: str, directorate: str, at: datetime) -> None:
    stream = f"story/S-{life.stream.partition('/')[2]}"
    shared = StoryShared(
        title=title, about=(life.stream,), format="written", directorate=directorate, audience="organisation"
    )
    life.tell(shared, at, stream=stream)
    if life.chance(0.05):
        life.tell(StoryWithdrawn(), at + life.days(10, 300), stream=stream)


def idea_life(life: Life, directorates: tuple[str, ...]) -> list[Told]:
    """An idea that came to nothing, and was answered all the same."""
    title, _, _ = life.random.choice(IMPROVEMENTS)
    raised = IdeaRaised(title=title, origin="team_meeting", directorate=life.random.choice(directorates))
    life.tell(raised, life.begins)
    life.tell(IdeaDeclined(answer="We do so already; come and see."), life.begins + life.days(2, 30))
    return life.lived()


def courses_life(life: Life) -> list[Told]:
    """The training programmes that there are."""
    for course in COURSES:
        offered = CourseOffered(title=course.title, level=course.level, open_to=("staff", "service_user"))
        life.tell(offered, BEGINS + timedelta(days=3), stream=f"course/{course.id}")
    return life.lived()


def cohort_life(life: Life, course: Training, number: int, *, scale: float) -> list[Told]:
    """One cohort, and the people in it; of coaching cohorts the coaches come."""
    id_, title = course.id, course.title
    began, ended = life.begins, life.begins + course.lasts_months * MONTH + timedelta(hours=7)
    places = max(2, round(course.places * scale))
    opened = CohortOpened(
        course=id_,
        title=f"{title}, cohort {number}",
        number=number,
        starts=day(began),
        ends=day(ended),
        places=places,
    )
    life.tell(opened, began - timedelta(days=30))
    completed = 0
    for seat in range(places):
        who = _member(life, id_, number, seat, places)
        kind: Literal["staff", "service_user"] = "service_user" if life.chance(0.12) else "staff"
        life.tell(TrainingEnrolled(course=id_, person=who, kind=kind), began - life.days(1, 25))
        if life.chance(0.1):
            life.tell(TrainingWithdrawn(course=id_, person=who, kind=kind), began + life.days(1, 60))
            continue
        completed += 1
        life.tell(TrainingCompleted(course=id_, person=who, kind=kind), ended)
        if id_ == "icp":
            accredited = CoachAccredited(kind=kind, course=title, hours_per_month=8)
            life.tell(accredited, ended + timedelta(days=1), stream=who)
    life.tell(CohortCompleted(course=id_, number=number, completed=completed), ended + timedelta(days=2))
    return life.lived()


def _member(life: Life, course: str, number: int, seat: int, places: int) -> str:
    """Coaches are a known circle; everybody else is somebody new."""
    if course == "icp":
        return person(((number - 1) * places + seat) % COACHES)
    return person(5_000_000 + sum(map(ord, course)) * 100_000 + number * 100 + seat)
