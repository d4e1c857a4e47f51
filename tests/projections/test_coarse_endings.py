"""Endings that are known only to the day, month or year stand before what they end, and end it all the same."""

from typing import Any

import pytest

from events.barriers import BarrierEscalated, BarrierRaised, BarrierResolved
from events.coaching import CoachAccredited, CoachAllocated, CoachReleased, CoachSteppedDown
from events.cycles import CyclePlanned, CycleTested
from events.measures import MeasureDefined, MeasureRetired
from events.programmes import ProjectJoinedProgramme, ProjectLeftProgramme
from events.projects import (
    ProjectCompleted,
    ProjectMerged,
    ProjectPaused,
    ProjectReopened,
    ProjectResumed,
    ProjectStarted,
)
from events.teams import PersonChangedRole, PersonJoined, PersonLeft
from projections.at_risk import at_risk
from projections.coach_load import coach_load
from projections.data_quality import quality
from projections.duties import duties
from projections.forum_portfolio import portfolio
from projections.projects import projects
from projections.trust_scoreboard import scoreboard
from tests.projections.history import History

P = "project/P-1"
ANN = "person/ann"
JOINED = PersonJoined(person=ANN, role="sponsor")
LEFT = PersonLeft(person=ANN)


def told(*what: tuple[str, Any]) -> History:
    history = History()
    for on, event in what:
        history.tell(P, on, event)
    return history


def roles(history: History) -> list[tuple[str, str]]:
    here, there = (history.row(one, P).team for one in (portfolio, coach_load))
    assert here == there
    return [(member.person, member.role) for member in here]


@pytest.mark.parametrize("left", ["2024-03-02", "2024-03", "2024"])
def test_whoever_left_in_the_day_month_or_year_in_which_they_joined_is_gone(left: str) -> None:
    assert roles(told(("2024-03-02T10:00Z", JOINED), (left, LEFT))) == []
    assert roles(told((left, LEFT), ("2024-03-02T10:00Z", JOINED))) == []


def test_whoever_joins_later_than_they_may_have_left_is_there() -> None:
    assert roles(told(("2024-03", LEFT), ("2024-04-01", JOINED))) == [(ANN, "sponsor")]
    assert roles(told(("2024-03-02T09:00Z", LEFT), ("2024-03-02T10:00Z", JOINED))) == [(ANN, "sponsor")]


def test_of_the_same_date_what_was_told_last_stands() -> None:
    assert roles(told(("2024-03-02", LEFT), ("2024-03-02", JOINED))) == [(ANN, "sponsor")]
    assert roles(told(("2024-03-02", JOINED), ("2024-03-02", LEFT))) == []


def test_only_the_role_that_was_left_is_over() -> None:
    leads = PersonJoined(person=ANN, role="lead")
    history = told(
        ("2024-03", PersonLeft(person=ANN, role="sponsor")), ("2024-03-02", JOINED), ("2024-03-02", leads)
    )
    assert roles(history) == [(ANN, "lead")]


def test_a_coach_released_and_a_role_changed_in_the_month_are_over_too() -> None:
    history = told(
        ("2024-03-02", CoachAllocated(coach=ANN)),
        ("2024-03", CoachReleased(coach=ANN)),
        ("2024-04-05", PersonJoined(person="person/bob", role="member")),
        ("2024-04", PersonChangedRole(person="person/bob", was="member", role="lead")),
    )
    assert roles(history) == [("person/bob", "lead")]


def test_a_barrier_cleared_in_the_month_in_which_it_was_raised_is_open_no_more() -> None:
    history = told(
        ("2022-04-05", BarrierRaised(barrier="B-1", title="No lamp", due="2022-05")),
        ("2022-04-07", BarrierEscalated(barrier="B-1", to="sponsor")),
        ("2022-04", BarrierResolved(barrier="B-1")),
        ("2022-04-05", BarrierRaised(barrier="B-2", title="No room")),
    )
    assert [one.barrier for one in history.row(at_risk, P).barriers] == ["B-2"]
    assert [one.barrier for one in history.row(duties, P).barriers] == ["B-2"]
    assert history.row(projects, P).barriers_open == ("B-2",)
    history.tell(P, "2022-05-01", BarrierRaised(barrier="B-1", title="Broken again"))
    assert [one.barrier for one in history.row(at_risk, P).barriers] == ["B-2", "B-1"]


def test_a_coach_who_stepped_down_in_the_year_in_which_they_were_accredited_coaches_no_more() -> None:
    history = History()
    history.tell(ANN, "2020-03-01", CoachAccredited())
    history.tell(ANN, "2020", CoachSteppedDown())
    assert history.row(coach_load, ANN).stepped_down == "2020"
    assert history.row(scoreboard, f"{ANN}/itself").stepped_down
    history.tell(ANN, "2021-02-01", CoachAccredited())
    assert history.row(coach_load, ANN).stepped_down is None
    assert not history.row(scoreboard, f"{ANN}/itself").stepped_down


def test_nothing_that_ended_in_the_month_in_which_it_began_is_in_hand() -> None:
    history = told(
        ("2024-03-05", CyclePlanned(cycle="C-1", due="2024-04-01")),
        ("2024-03", CycleTested(cycle="C-1", happened="It went well.")),
        ("2024-03-05", MeasureDefined(measure="M-1", name="Falls", interval="monthly")),
        ("2024-03", MeasureRetired(measure="M-1")),
        ("2024-03-05", ProjectJoinedProgramme(programme="falls")),
        ("2024-03", ProjectLeftProgramme(programme="falls")),
    )
    row = history.row(duties, P)
    assert (row.cycles, row.measures) == ((), ())
    assert history.row(projects, P).programmes == ()


@pytest.mark.parametrize("resumed", ["2020-09-01", "2020-09", "2020"])
def test_a_resumption_known_less_exactly_than_its_pause_answers_it(resumed: str) -> None:
    history = told(
        ("2019-01-05", ProjectStarted()), ("2020-09-01T09:00Z", ProjectPaused()), (resumed, ProjectResumed())
    )
    page = history.row(projects, P)
    assert (page.state, page.flaws) == ("active", ())
    assert "resumed_without_pause" not in [odd.rule for odd in history.row(quality, P).oddities]


@pytest.mark.parametrize(
    "end", [ProjectCompleted(learned="It works.", outcome="met"), ProjectMerged(into="P-2")]
)
@pytest.mark.parametrize("reopened", ["2022-04-05", "2022-04", "2022"])
def test_a_reopening_known_less_exactly_than_its_end_answers_it(end: Any, reopened: str) -> None:
    history = told(
        ("2022-01-05", ProjectStarted()), ("2022-04-05T10:00Z", end), (reopened, ProjectReopened())
    )
    page = history.row(projects, P)
    assert (page.state, page.flaws, page.ended) == ("active", (), None)
    assert not {odd.rule for odd in history.row(quality, P).oddities} & {
        "reopened_without_end",
        "started_twice",
    }


def test_a_resumption_answers_one_pause_and_a_reopening_one_end() -> None:
    life = [("2020-01-05", ProjectStarted()), ("2020-09", ProjectResumed()), ("2020-09-04", ProjectPaused())]
    assert told(*life).row(projects, P).state == "active"
    assert told(*life, ("2020-09-20", ProjectPaused())).row(projects, P).state == "paused"
    assert told(*life, ("2020-10-01", ProjectPaused())).row(projects, P).state == "paused"
    assert told(*life, ("2020-09-20", ProjectCompleted())).row(projects, P).state == "completed"


def test_a_resumption_that_found_its_pause_answers_no_other() -> None:
    history = told(
        ("2020-01-05", ProjectStarted()),
        ("2020-02-05", ProjectPaused()),
        ("2020-09", ProjectResumed()),
        ("2020-09-20", ProjectPaused()),
    )
    assert history.row(projects, P).state == "paused"


def test_what_is_odd_stays_odd_while_no_pause_is_told() -> None:
    history = told(("2020-01-05", ProjectStarted()), ("2020-09", ProjectResumed()))
    assert history.row(projects, P).flaws == ("resumed_without_pause",)
    history.tell(P, "2020-10-02", ProjectPaused())
    assert history.row(projects, P).flaws == ("resumed_without_pause",)


def test_an_ending_known_to_the_year_is_shown_to_whoever_told_it() -> None:
    history = told(("2022-04-05", JOINED), ("2022", LEFT), ("2022", BarrierResolved(barrier="B-1")))
    odd = [one for one in history.row(quality, P).oddities if one.rule == "known_to_the_year"]
    assert [one.type for one in odd] == ["person.left", "barrier.resolved"]
