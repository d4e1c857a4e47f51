from datetime import date, timedelta
from typing import Any

import pytest

from events.aims import AimSet
from events.barriers import BarrierEscalated, BarrierRaised, BarrierResolved
from events.coaching import CoachAllocated, SponsorUpdated
from events.comments import VisibilitySet
from events.learning import LearningCaptured
from events.measures import Interval, MeasureDefined, MeasurementRecorded, MeasureRetired
from events.projects import ProjectCompleted, ProjectPaused, ProjectProposed, ProjectStarted
from events.reviews import ProjectReviewed
from events.scores import ProgressScored
from events.teams import PersonJoined
from projections.at_risk import at_risk
from tests.projections.history import History

P = "project/P-1"
ON = "2024-06-30"


def scored(score: float) -> ProgressScored:
    return ProgressScored(score=score, scale="life_qi", assessor="self")


def in_good_order() -> History:
    """A project to which none of the reasons applies on ON."""
    history = History()
    history.tell(P, "2024-01-01", ProjectStarted(title="Sleep", forum="newham", directorate="newham"))
    history.tell(P, "2024-01-01", CoachAllocated(coach="person/c"))
    for role in ("sponsor", "lead"):
        history.tell(P, "2024-01-01", PersonJoined(person=f"person/{role}", role=role))
    history.tell(
        P,
        "2024-01-02",
        MeasureDefined(measure="M-1", name="Hours slept"),
        AimSet(statement="More", by="2025"),
    )
    history.tell(P, "2024-06-03", MeasurementRecorded(measure="M-1", period="2024-05", value=6))
    history.tell(P, "2024-06-10", scored(2.5), SponsorUpdated())
    history.tell(P, "2024-06-10", BarrierRaised(barrier="B-1", title="No lamp", due="2024-06"))
    history.tell(P, "2024-06-11", ProjectReviewed(forum="newham", outcome="continue", next_review="2024-06"))
    return history


async def reasons(database_url: str, history: History, on: str = ON, **asked: Any) -> set[str]:
    found = await history.ask(database_url, at_risk, "needing_attention", on=date.fromisoformat(on), **asked)
    return {reason for line in found for reason in line.reasons}


async def test_a_project_in_good_order_is_not_troubled(database_url: str) -> None:
    assert await reasons(database_url, in_good_order()) == set()


@pytest.mark.parametrize(
    ("on", "found"),
    [
        ("2024-07-01", {"review_overdue", "barrier_overdue"}),
        ("2024-07-30", {"review_overdue", "barrier_overdue"}),
        ("2024-07-31", {"review_overdue", "barrier_overdue", "no_data"}),
        (
            "2024-08-10",
            {"review_overdue", "barrier_overdue", "no_data", "score_old", "sponsor_silent"},
        ),
        (
            "2024-09-08",
            {
                "review_overdue",
                "barrier_overdue",
                "no_data",
                "score_old",
                "sponsor_silent",
                "silent",
                "stuck",
            },
        ),
        (
            "2026-01-01",
            {
                *("review_overdue", "barrier_overdue", "no_data", "score_old"),
                *("sponsor_silent", "silent", "stuck", "aim_overdue"),
            },
        ),
    ],
)
async def test_each_reason_shows_from_its_day_on(database_url: str, on: str, found: set[str]) -> None:
    assert await reasons(database_url, in_good_order(), on) == found


async def test_roles_may_be_open_for_a_fortnight(database_url: str) -> None:
    history = History()
    history.tell(P, "2024-06-01", ProjectStarted())
    assert await reasons(database_url, history, "2024-06-15") == set()
    assert await reasons(database_url, history, "2024-06-16") == {"no_sponsor", "no_coach", "no_lead"}


async def test_what_is_known_to_the_month_may_have_been_on_its_last_day(database_url: str) -> None:
    history = History()
    history.tell(P, "2024-05", ProjectStarted())
    assert await reasons(database_url, history, "2024-06-14") == set()
    assert await reasons(database_url, history, "2024-06-15") == {"no_sponsor", "no_coach", "no_lead"}


async def test_a_fall_in_score_is_no_standstill_and_a_good_score_is_never_stuck(database_url: str) -> None:
    history = History()
    history.tell(P, "2024-01-01", ProjectStarted(), scored(2.5))
    history.tell("project/P-2", "2024-01-01", ProjectStarted(), scored(3))
    assert "stuck" in await reasons(database_url, history, "2024-03-31")
    assert "stuck" not in await reasons(database_url, history, "2024-03-31", stuck_score=2)
    history.tell(P, "2024-03-01", scored(2))
    assert "stuck" not in await reasons(database_url, history, "2024-03-31")


async def test_a_barrier_cleared_or_given_more_time_is_not_overdue(database_url: str) -> None:
    history = in_good_order()
    history.tell(P, "2024-06-12", BarrierEscalated(barrier="B-1", to="sponsor", due="2024-08-01"))
    assert "barrier_overdue" not in await reasons(database_url, history, "2024-08-01")
    assert "barrier_overdue" in await reasons(database_url, history, "2024-08-02")
    history.tell(P, "2024-08-02", BarrierResolved(barrier="B-1"))
    assert "barrier_overdue" not in await reasons(database_url, history, "2024-08-02")


async def test_a_coach_of_too_many_projects_is_a_risk_to_each_of_them(database_url: str) -> None:
    history = History()
    for number in range(3):
        history.tell(f"project/P-{number}", "2024-06-01", ProjectStarted(), CoachAllocated(coach="person/c"))
    history.tell("project/P-9", "2024-06-01", ProjectStarted(), CoachAllocated(coach="person/d"))
    found = await history.ask(
        database_url,
        at_risk,
        "needing_attention",
        on=date(2024, 6, 2),
        coach_projects=2,
        reason="coach_overloaded",
    )
    assert [line.project for line in found] == ["P-0", "P-1", "P-2"]
    assert "coach_overloaded" not in await reasons(database_url, history, coach_projects=3)


async def test_only_work_that_is_under_way_is_at_risk(database_url: str) -> None:
    history = History()
    history.tell("project/P-1", "2023-01-01", ProjectProposed(title="Not begun"))
    history.tell("project/P-2", "2023-01-01", ProjectStarted(), ProjectCompleted(learned="It works."))
    history.tell("project/P-3", "2023-01-01", ProjectStarted(), ProjectPaused())
    assert await reasons(database_url, history) == {"paused_long"}


def measured(period: str) -> MeasurementRecorded:
    return MeasurementRecorded(measure="M-1", period=period, value=6)


@pytest.mark.parametrize(
    ("interval", "period", "first_day_without"),
    [
        ("weekly", "2024-05-27", "2024-06-13"),  # its week ended on 2 June
        ("monthly", "2024-05", "2024-07-17"),
        ("quarterly", "2024-01-01", "2024-08-17"),  # its quarter ended on 31 March
        ("quarterly", "2024-01", "2024-08-17"),
        (None, "2024-05", "2024-07-31"),
    ],
)
async def test_data_are_missed_after_one_and_a_half_intervals(
    database_url: str, interval: Interval | None, period: str, first_day_without: str
) -> None:
    history = History()
    history.tell(
        P, "2023-01-01", ProjectStarted(), MeasureDefined(measure="M-1", name="Sleep", interval=interval)
    )
    history.tell(P, "2024-06-03", measured(period))
    day = date.fromisoformat(first_day_without)
    assert "no_data" not in await reasons(database_url, history, str(day - timedelta(days=1)))
    assert "no_data" in await reasons(database_url, history, str(day))


async def test_a_measure_that_is_retired_or_collected_irregularly_is_not_missed(database_url: str) -> None:
    history = History()
    history.tell(P, "2023-01-01", ProjectStarted(), MeasureDefined(measure="M-1", name="Sleep"))
    history.tell(P, "2023-01-01", MeasureDefined(measure="M-2", name="Falls", interval="irregular"))
    assert "no_data" in await reasons(database_url, history)
    history.tell(P, "2024-06-03", MeasureRetired(measure="M-1"))
    assert "no_data" not in await reasons(database_url, history)


async def test_a_measure_that_has_data_does_not_hide_one_that_has_none(database_url: str) -> None:
    history = in_good_order()
    history.tell(P, "2024-03-01", MeasureDefined(measure="M-2", name="Falls"))
    assert "no_data" in await reasons(database_url, history)


def test_the_last_sign_of_life_may_have_been_on_the_last_day_of_its_month() -> None:
    """And what is known to the day, and stands after it, does not make it older."""
    history = History()
    history.tell(P, "2024-05", BarrierRaised(barrier="B-1", title="No lamp"), SponsorUpdated(), scored(2))
    history.tell(
        P, "2024-05-02", LearningCaptured(text="It works.", kind="worked"), SponsorUpdated(), scored(2.5)
    )
    row = history.row(at_risk, P)
    end = date(2024, 5, 31)
    assert (row.alive_until, row.sponsor_told_until, row.scored_until) == (end, end, end)


async def test_those_silent_for_longest_come_first_and_readers_see_what_they_may(database_url: str) -> None:
    history = History()
    history.tell("project/P-1", "2023-03-01", ProjectStarted(forum="newham", directorate="newham"))
    history.tell("project/P-2", "2023-01-01", ProjectStarted(forum="luton", directorate="luton"))
    history.tell("project/P-3", "2023-02-01", ProjectStarted(), VisibilitySet(audience="team"))

    async def names(**asked: Any) -> list[str]:
        on = date.fromisoformat(ON)
        found = await history.ask(database_url, at_risk, "needing_attention", limit=1, on=on, **asked)
        return [line.project for line in found]

    assert await names() == ["P-2", "P-1"]
    assert await names(reader="team") == ["P-2", "P-3", "P-1"]
    assert await names(forum="newham") == await names(directorate="newham") == ["P-1"]
