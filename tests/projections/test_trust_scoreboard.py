from datetime import date
from typing import Any

from events.coaching import CoachAccredited, CoachAllocated, CoachReleased, CoachSteppedDown
from events.comments import VisibilitySet
from events.corrections import EventRetracted
from events.cycles import CycleTested
from events.involvement import InvolvementSet
from events.measures import MeasurementRecorded
from events.organisation import CountPublished
from events.projects import (
    Outcome,
    ProjectCancelled,
    ProjectCompleted,
    ProjectMerged,
    ProjectPaused,
    ProjectProposed,
    ProjectReopened,
    ProjectStarted,
)
from events.scores import ProgressScored
from events.training import CohortCompleted, TrainingCompleted
from projections.forum_portfolio import portfolio
from projections.trust_scoreboard import scoreboard
from tests.projections.history import History

ON = date(2024, 6, 30)


async def counters(database_url: str, history: History, **asked: Any) -> Any:
    [line] = await history.ask(database_url, scoreboard, "counters", **({"on": ON} | asked))
    return line


def scored(score: float) -> ProgressScored:
    return ProgressScored(score=score, scale="life_qi", assessor="self")


async def test_every_project_stands_in_one_place(database_url: str) -> None:
    history = History()
    for name, last in {
        "waiting": ProjectProposed(title="Soon"),
        "active": ProjectStarted(),
        "paused": ProjectPaused(),
        "completed": ProjectCompleted(outcome="met", learned="It works."),
        "cancelled": ProjectCancelled(),
        "merged": ProjectMerged(into="active"),
    }.items():
        if name != "waiting":
            history.tell(f"project/{name}", "2024-01-01", ProjectStarted())
        history.tell(f"project/{name}", "2024-02-01", last)
    history.tell("project/paused", "2024-03-01", VisibilitySet(audience="team"))
    history.tell(
        "organisation/RWK", "2024-03-01", CountPublished(counted="projects", figures={"active": 433})
    )
    line = await counters(database_url, history)
    assert [
        line.projects,
        line.waiting,
        line.active,
        line.paused,
        line.completed,
        line.cancelled,
        line.merged,
    ] == [*[6, 1, 1, 1, 1, 1, 1]]
    assert line.active_or_completed == 3


async def test_as_many_projects_are_counted_as_stand_in_the_portfolios_of_forums(database_url: str) -> None:
    """Heard of in any way: by a measurement, by a cycle."""
    history = History()
    history.tell("project/P-1", "2024-01-01", MeasurementRecorded(measure="M-1", period="2024-01", value=1))
    history.tell("project/P-2", "2024-01-01", CycleTested(cycle="C-1", happened="It went well."))
    history.tell("project/P-3", "2024-01-01", ProjectStarted(forum="newham"))
    forums = await history.ask(database_url, portfolio, "forums", on=date(2024, 2, 1))
    line = await counters(database_url, history)
    assert line.projects == sum(forum.projects for forum in forums) == 3


async def test_an_outcome_counts_while_its_project_is_completed(database_url: str) -> None:
    history = History()
    outcomes: dict[str, Outcome] = {"P-1": "met", "P-2": "not_met", "P-3": "partly_met", "P-4": "met"}
    for name, outcome in outcomes.items():
        history.tell(
            f"project/{name}", "2024-01-01", ProjectStarted(), ProjectCompleted(outcome=outcome, learned="A.")
        )
    history.tell("project/P-4", "2024-02-01", ProjectReopened())
    history.tell("project/P-1", "2024-02-01", ProjectCompleted())
    line = await counters(database_url, history)
    assert (line.aim_met, line.aim_partly_met, line.aim_not_met) == (1, 1, 1)


async def test_those_who_show_improvement_say_so_by_a_score_of_three_or_more(database_url: str) -> None:
    history = History()
    for name, score in {"P-1": 2.5, "P-2": 3, "P-3": 4.5, "P-4": 4.5}.items():
        history.tell(f"project/{name}", "2024-01-01", ProjectStarted(directorate="luton"), scored(score))
    history.tell("project/P-4", "2024-02-01", ProjectCancelled())
    assert (await counters(database_url, history)).showing_improvement == 2
    assert (await counters(database_url, history, directorate="luton")).showing_improvement == 2
    assert (await counters(database_url, history, directorate="newham")).projects == 0


async def test_a_project_is_stuck_when_its_score_stays_for_three_months(database_url: str) -> None:
    history = History()
    history.tell("project/P-1", "2024-04-01", ProjectStarted(), scored(2.5))
    history.tell("project/P-1", "2024-06-01", scored(2.5))
    history.tell("project/P-2", "2024-05-01", ProjectStarted(), scored(2.5))
    history.tell("project/P-3", "2024-01-01", ProjectStarted(), scored(2))
    line = await counters(database_url, history)
    assert (line.at_stuck_score, line.stuck, line.stuck_share) == (2, 1, 0.5)
    assert (await counters(database_url, history, on=date(2024, 6, 29))).stuck == 0


async def test_big_i_is_a_share_of_the_projects_under_way(database_url: str) -> None:
    history = History()
    assert (await counters(database_url, history)).big_i_share is None
    history.tell("project/P-1", "2024-01-01", ProjectStarted(), InvolvementSet(level="big_i"))
    history.tell("project/P-2", "2024-01-01", ProjectStarted(), InvolvementSet(level="little_i"))
    history.tell("project/P-3", "2024-01-01", InvolvementSet(level="big_i"), ProjectCancelled())
    line = await counters(database_url, history)
    assert (line.big_i, line.big_i_share) == (1, 0.5)


async def test_coaches_who_coach_are_a_share_of_those_trained(database_url: str) -> None:
    history = History()
    for person in "abcd":
        history.tell(f"person/{person}", "2023", CoachAccredited())
        history.tell(
            f"project/{person}", "2024-01-01", ProjectStarted(), CoachAllocated(coach=f"person/{person}")
        )
    history.tell("project/untrained", "2024-01-01", ProjectStarted(), CoachAllocated(coach="person/z"))
    history.tell("project/b", "2024-02-01", CoachReleased(coach="person/b"))
    history.tell("project/c", "2024-02-01", ProjectCompleted(learned="It works."))
    history.tell("person/b", "2024-02-02", CoachSteppedDown())
    line = await counters(database_url, history)
    assert (line.coaches_trained, line.coaches_stepped_down, line.coaches_coaching) == (4, 1, 2)
    assert line.coaching_share == 0.5
    assert (await counters(database_url, history, directorate="luton")).coaches_trained is None


async def test_a_person_is_trained_once_however_many_cohorts_they_complete(database_url: str) -> None:
    history = History()
    for cohort, person in [("icp-1", "a"), ("icp-1", "a"), ("icp-1", "b"), ("ilp-2", "a"), ("ilp-2", "c")]:
        done = TrainingCompleted(course=cohort[:3], person=f"person/{person}", kind="staff")
        history.tell(f"cohort/{cohort}", "2024-01-01", done)
    history.tell("cohort/ilp-2", "2024-02-01", CohortCompleted(course="ilp", completed=30))
    history.tell("cohort/old", "2016", CohortCompleted(course="isia", completed=120))
    history.tell("cohort/ilp-2", "2024-03-01", EventRetracted(of="e-5"))
    line = await counters(database_url, history)
    assert (line.people_trained, line.completions) == (2, 2 + 30 + 120)
