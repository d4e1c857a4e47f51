"""What an invented team does while its project runs: cycles, scores, coaching, barriers, reviews by the forum."""

from datetime import datetime, timedelta
from typing import Literal

from events.barriers import BarrierEscalated, BarrierRaised, BarrierResolved
from events.changes import ChangeImplemented
from events.coaching import CoachingSessionHeld, SponsorUpdated
from events.corrections import EventRetracted
from events.cycles import CyclePlanned, CycleTested, Decision
from events.projects import ProjectTransferred
from events.reviews import ProjectReviewed
from events.scores import ProgressScored
from events.teams import PersonLeft
from services.importing.synthetic_life import COVID, Life, month, person
from services.importing.synthetic_setting import COACHES, INTO, MERGED, MERGED_ON, Course, Setting
from services.importing.synthetic_words import LEARNED


def work(life: Life, setting: Setting, course: Course) -> None:
    """PDSA cycles, one after another; a change that works becomes daily practice."""
    working_day, number = life.random.uniform(35, 60), 0
    ideas = setting.topic.ideas
    while working_day < course.working_days - 20:
        number += 1
        idea = life.random.randrange(len(ideas)) + 1
        planned, tested = course.at(working_day), course.at(working_day + life.random.uniform(6, 18))
        _cycle(life, number, f"CI-{idea}", ideas[idea - 1], planned, tested)
        working_day += life.random.uniform(30, 70)
    if setting.works:
        change = ideas[life.random.randrange(len(ideas))]
        implemented = ChangeImplemented(change=change, where=setting.place, owner="Team manager")
        life.tell(implemented, course.at(course.working_days * 0.8))


def _cycle(life: Life, number: int, idea: str, text: str, planned: datetime, tested: datetime) -> None:
    prediction = "At least half of those concerned will notice it."
    previous = f"C-{number - 1}" if number > 1 else None
    if life.chance(0.85):
        plan = CyclePlanned(
            cycle=f"C-{number}",
            number=number,
            change_idea=idea,
            objective=f"Find out whether this helps: {text.lower()}",
            prediction=prediction,
            scale="One team, one week",
            previous=previous,
        )
        life.tell(plan, planned)
    better = life.chance(0.55)
    decision: Decision = life.random.choice(("adopt", "adapt") if better else ("adapt", "abandon"))
    study = CycleTested(
        cycle=f"C-{number}",
        number=number,
        change_idea=idea,
        tested=text,
        prediction=prediction if life.chance(0.7) else None,
        happened="More than half noticed." if better else "Hardly anybody noticed.",
        compared="better" if better else "worse",
        learned=life.random.choice(LEARNED) if life.chance(0.6) else None,
        decision=decision,
        previous=previous,
        tools=("PDSA",),
    )
    life.tell(study, tested, late=life.days(25, 100) if life.chance(0.05) else timedelta(0))


def look_after(life: Life, setting: Setting, course: Course) -> None:
    """Coaching, news for the sponsor, scores, barriers, reviews by the forum."""
    coach = person(setting.number % COACHES)
    working_day = 20.0
    while working_day < course.working_days:
        mode: Literal["in_person", "online"] = "online" if course.at(working_day) > COVID else "in_person"
        held = CoachingSessionHeld(coach=coach, mode=mode, focus=("Next test",), hours=1)
        life.tell(held, course.at(working_day))
        if life.chance(0.55):
            life.tell(
                SponsorUpdated(summary="The team meets and tests.", by=coach), course.at(working_day + 2)
            )
        working_day += life.random.uniform(25, 45)
    _score(life, setting, course)
    if life.chance(0.4):
        _barrier(life, course)
    for working_day in (120.0, 240.0, 360.0):
        if working_day < course.working_days:
            at = course.at(working_day)
            reviewed = ProjectReviewed(forum=setting.directorate, outcome="continue", meeting=month(at))
            life.tell(reviewed, at)
    if life.chance(0.2):
        left = course.at(course.working_days * life.random.uniform(0.3, 0.8))
        life.tell(PersonLeft(person=setting.person(1), reason="Moved to another service."), left)
    if setting.directorate == MERGED and course.started < MERGED_ON < course.ended:
        moved = ProjectTransferred(directorate=INTO, forum=INTO, reason="The directorates were merged.")
        life.tell(moved, MERGED_ON)


def _score(life: Life, setting: Setting, course: Course) -> None:
    """Scores rise by halves; three in ten projects stay at 2.5 for months, and a few slip or are scored by mistake."""
    top = 4.5 if setting.works else 3.0
    stuck = life.chance(0.3)
    score, working_day = 0.5, life.random.uniform(5, 20)
    while working_day < course.working_days:
        at = course.at(working_day)
        life.tell(ProgressScored(score=score, scale="life_qi", assessor="coach"), at)
        if life.chance(0.02):
            twice = life.tell(ProgressScored(score=score, scale="life_qi", assessor="self"), at)
            life.tell(EventRetracted(of=twice, reason="Entered twice."), at + life.days(1, 9))
        working_day += life.random.uniform(90, 130) if stuck and score == 2.5 else life.random.uniform(30, 60)
        slip = score > 1.5 and life.chance(0.04)
        score = score - 0.5 if slip else min(top, score + 0.5)


def _barrier(life: Life, course: Course) -> None:
    raised = course.at(course.working_days * life.random.uniform(0.2, 0.6))
    life.tell(BarrierRaised(barrier="B-1", title="No access to the data", owner="Data lead"), raised)
    if life.chance(0.35):
        life.tell(BarrierEscalated(barrier="B-1", to="sponsor"), raised + life.days(20, 40))
    if life.chance(0.8):
        life.tell(
            BarrierResolved(barrier="B-1", how="Somebody knew whom to ask."), raised + life.days(41, 90)
        )
