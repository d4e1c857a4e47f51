"""The life of an invented project, from an idea to a sustained gain, or to an honest end before that."""

from datetime import datetime, timedelta
from typing import Literal

from events.changes import ChangeIdeaAdded
from events.charters import CharterCompleted
from events.coaching import CoachAllocated
from events.corrections import EventCorrected
from events.drivers import DriverAdded
from events.improvements import ImprovementPromoted, ImprovementReported
from events.involvement import InvolvementSet
from events.learning import LearningCaptured
from events.projects import (
    EndReason,
    ProjectCancelled,
    ProjectCompleted,
    ProjectPaused,
    ProjectProposed,
    ProjectReopened,
    ProjectResumed,
    ProjectStarted,
    ProjectSubmitted,
    SustainPlan,
)
from events.reviews import ProjectReviewed
from events.spread import SpreadAdopted
from events.stories import StoryShared
from events.sustaining import HandedToQualityControl, SustainCheckRecorded
from events.teams import PersonJoined
from services.importing.synthetic_life import COVID, COVID_ENDS, ENDS, Life, Told, month, person
from services.importing.synthetic_measures import Shift, decide_on_limits, measure, set_aim
from services.importing.synthetic_setting import (
    COACHES,
    INTO,
    MERGED,
    MERGED_ON,
    SPONSORS,
    Course,
    Fate,
    Setting,
)
from services.importing.synthetic_words import LEARNED, PLACES, PROFESSIONS, TOPICS
from services.importing.synthetic_work import look_after, work


def project_life(life: Life, number: int, fate: Fate, directorates: tuple[str, ...]) -> list[Told]:
    """Everything that happens to project `number`, which is proposed when the life begins."""
    setting = _setting(life, number, fate, directorates)
    approved = _propose(life, setting)
    if fate == "never_started":
        _decline(life, setting, approved)
        return life.lived()
    course = _course(life, setting, approved + life.days(5, 40))
    _begin(life, setting, course)
    _gather(life, setting, course)
    work(life, setting, course)
    look_after(life, setting, course)
    _interrupt(life, setting, course)
    if fate == "cancelled":
        _cancel(life, course)
    else:
        _complete(life, setting, course)
    return life.lived()


def _setting(life: Life, number: int, fate: Fate, directorates: tuple[str, ...]) -> Setting:
    directorate = life.random.choice(directorates)
    if directorate == MERGED and life.begins >= MERGED_ON:
        directorate = INTO
    return Setting(
        number=number,
        fate=fate,
        topic=life.random.choice(TOPICS),
        place=life.random.choice(PLACES),
        directorate=directorate,
        works=fate == "runs" and life.chance(0.62),
    )


def _propose(life: Life, setting: Setting) -> datetime:
    """From the proposal to the forum's decision. When it decided."""
    proposed, project = life.begins, life.stream.partition("/")[2]
    from_improvement = None
    if setting.number % 20 == 0 and setting.fate == "runs":
        from_improvement = f"I-{project}"
        reported = ImprovementReported(
            what_changed=setting.topic.ideas[0],
            level="team",
            title=setting.topic.ideas[0],
            areas=setting.topic.areas,
            directorate=setting.directorate,
            team=setting.place,
        )
        stream = f"improvement/{from_improvement}"
        life.tell(reported, proposed - life.days(30, 120), stream=stream, precise_to="day")
        promoted = ImprovementPromoted(project=project, criteria=("complex_issue", "team_agrees"))
        life.tell(promoted, proposed - timedelta(hours=1), stream=stream)
    told = ProjectProposed(
        title=setting.title,
        problem=setting.topic.problem,
        directorate=setting.directorate,
        forum=setting.directorate,
        areas=setting.topic.areas,
        proposer=setting.person(0),
        from_improvement=from_improvement,
    )
    life.tell(told, proposed)
    submitted = proposed + life.days(2, 14)
    decided = submitted + life.days(5, 30)
    life.tell(ProjectSubmitted(forum=setting.directorate, meeting=month(decided)), submitted)
    if setting.fate != "never_started":
        conditions = ("A service user joins the team",) if life.chance(0.25) else ()
        outcome: Literal["approved", "approved_with_conditions"] = (
            "approved_with_conditions" if conditions else "approved"
        )
        reviewed = ProjectReviewed(
            forum=setting.directorate, outcome=outcome, meeting=month(decided), conditions=conditions
        )
        life.tell(reviewed, decided)
    return decided


def _decline(life: Life, setting: Setting, decided: datetime) -> None:
    declined = ProjectReviewed(
        forum=setting.directorate,
        outcome="declined" if life.chance(0.6) else "deferred",
        meeting=month(decided),
        comment="Please talk to the team on the next floor, which works on the same.",
    )
    life.tell(declined, decided)


def _course(life: Life, setting: Setting, started: datetime) -> Course:
    length = life.random.uniform(50, 250) if setting.fate == "cancelled" else life.random.uniform(200, 430)
    still = None
    if started < COVID < started + timedelta(days=length) and life.chance(0.85):
        still = (COVID + life.days(0, 5), COVID_ENDS + life.days(-60, 60))
    return Course(started, length, still)


def _begin(life: Life, setting: Setting, course: Course) -> None:
    """The start, the team, the charter, the theory."""
    started, topic = course.started, setting.topic
    coach = person(setting.number % COACHES)
    begun = ProjectStarted(
        approved_by=setting.directorate, directorate=setting.directorate, forum=setting.directorate
    )
    life.tell(begun, started, precise_to="instant" if life.chance(0.8) else "day")
    life.tell(
        CoachAllocated(coach=coach, by=setting.directorate, hours_per_month=4), started + life.days(0, 10)
    )
    life.tell(
        PersonJoined(person=person(1_000 + setting.number % SPONSORS), role="sponsor", kind="staff"), started
    )
    life.tell(
        PersonJoined(
            person=setting.person(0), role="lead", kind="staff", profession=life.random.choice(PROFESSIONS)
        ),
        started,
    )
    for which in range(1, life.random.randint(3, 6)):
        profession = life.random.choice(PROFESSIONS)
        joined = PersonJoined(
            person=setting.person(which), role="member", kind="staff", profession=profession
        )
        life.tell(joined, started + life.days(0, 30))
    if involved := life.chance(0.35 + 0.05 * (started.year - 2015)):
        joined = PersonJoined(person=setting.person(10), role="service_user", kind="service_user")
        life.tell(joined, started + life.days(5, 60))
    level: Literal["big_i", "little_i", "none"] = (
        "big_i" if involved else "little_i" if life.chance(0.5) else "none"
    )
    life.tell(InvolvementSet(level=level), started + life.days(20, 60))
    charter = CharterCompleted(problem=topic.problem, scope=setting.place, starts=month(started))
    life.tell(charter, started + life.days(7, 30))
    for number, text in enumerate(topic.drivers, start=1):
        life.tell(DriverAdded(driver=f"D-{number}", text=text, kind="primary"), started + life.days(10, 35))
    for number, text in enumerate(topic.ideas, start=1):
        added = ChangeIdeaAdded(change_idea=f"CI-{number}", text=text, drivers=(f"D-{1 + number % 3}",))
        life.tell(added, started + life.days(15, 80))


def _gather(life: Life, setting: Setting, course: Course) -> None:
    """The aim, and the data. One aim in twenty is mistyped, and put right."""
    outcome = setting.topic.gauges[0]
    aimed = course.started + life.days(10, 40)
    aim = set_aim(life, outcome, aimed)
    if life.chance(0.05):
        right = EventCorrected(of=aim, fields={"target": outcome.after}, reason="The target was mistyped.")
        life.tell(right, aimed + life.days(3, 30))
    works_from = course.at(course.working_days * life.random.uniform(0.35, 0.6)) if setting.works else None
    shift = Shift(works_from, course.still)
    measure(life, setting.topic.gauges, started=course.started, ended=course.ended, shift=shift)
    decide_on_limits(life, started=course.started, shift=shift, works=setting.works)


def _interrupt(life: Life, setting: Setting, course: Course) -> None:
    """Covid-19: most work stopped within days in March 2020."""
    if course.still is None:
        return
    paused, resumed = course.still
    life.tell(ProjectPaused(reason="All hands are needed on the wards."), paused)
    if setting.fate == "runs" or life.chance(0.5):
        life.tell(ProjectResumed(reason="The team meets again, online."), resumed)


def _cancel(life: Life, course: Course) -> None:
    because: tuple[EndReason, ...] = ("team_left", "not_needed", "aim_unachievable", "other")
    cancelled = ProjectCancelled(because=life.random.choice(because), learned=life.random.choice(LEARNED))
    life.tell(cancelled, course.ended)


def _complete(life: Life, setting: Setting, course: Course) -> None:
    """The end, what was learned, who keeps watch, who hears of it."""
    ended = course.ended
    outcome: Literal["met", "partly_met", "not_met"] = (
        ("met" if life.chance(0.6) else "partly_met") if setting.works else "not_met"
    )
    sustain = SustainPlan(
        owner_role="Team manager", measure="M-1", review_due=month(ended + timedelta(days=92))
    )
    completed = ProjectCompleted(
        outcome=outcome,
        learned=life.random.choice(LEARNED) if life.chance(0.75) else None,
        sustain=sustain if setting.works else None,
    )
    life.tell(completed, ended, late=life.days(20, 60) if life.chance(0.05) else timedelta(0))
    life.tell(LearningCaptured(kind="worked" if setting.works else "did_not_work", text=LEARNED[0]), ended)
    if setting.works:
        life.tell(HandedToQualityControl(owner_role="Team manager", measure="M-1"), ended + life.days(1, 10))
        _sustain(life, ended)
        if life.chance(0.2):
            life.tell(SpreadAdopted(to=life.random.choice(PLACES), reach="team"), ended + life.days(30, 200))
    if life.chance(0.45):
        _tell_story(life, setting, ended + life.days(10, 90))


def _sustain(life: Life, ended: datetime) -> None:
    for after in (91, 182):
        slipped = life.chance(0.12)
        checked = ended + timedelta(days=after) + life.days(0, 20)
        life.tell(SustainCheckRecorded(result="slipped" if slipped else "held", measure="M-1"), checked)
        if slipped and life.chance(0.5):
            life.tell(ProjectReopened(reason="The gain has slipped."), checked + life.days(5, 30))
            life.tell(ProjectCompleted(outcome="met"), checked + life.days(100, 180))
            return


def _tell_story(life: Life, setting: Setting, at: datetime) -> None:
    project = life.stream.partition("/")[2]
    shared = StoryShared(
        title=f"What we learned: {setting.title.lower()}",
        summary=life.random.choice(LEARNED),
        about=(life.stream,),
        format=life.random.choice(("written", "video", "poster")),
        areas=setting.topic.areas,
        tools=("PDSA",),
        directorate=setting.directorate,
        audience="organisation",
    )
    life.tell(shared, min(at, ENDS), stream=f"story/S-{project}", precise_to="day")
