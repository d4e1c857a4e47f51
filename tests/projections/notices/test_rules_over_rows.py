"""What each rule says of rows on a day: what became due, to whom, once; and what is no longer true."""

from datetime import UTC, datetime

from events.barriers import BarrierEscalated, BarrierRaised, BarrierResolved
from events.coaching import SponsorUpdated
from events.cycles import CyclePlanned, CycleStudied
from events.measures import MeasureDefined, MeasurementRecorded, MeasureRetired
from events.meetings import MeetingCancelled, MeetingScheduled
from events.projects import (
    ProjectCompleted,
    ProjectPaused,
    ProjectRedescribed,
    ProjectStarted,
    SustainPlan,
)
from events.scores import ProgressScored
from events.strategies import Area, AreaMove, StrategyAdopted, StrategyRefreshed
from events.sustaining import SustainCheckRecorded
from events.teams import PersonJoined, PersonLeft
from projections.notices.engine.hearing import Since
from tests.projections.notices.trust import ADVISOR, CHAIR, COACH, LEAD, NEWHAM, P1, SPONSOR, Trust, a_trust


def scored(trust: Trust, on: str, score: float) -> None:
    trust.tell(P1, on, ProgressScored(score=score, scale="life_qi", assessor="coach"))


def test_silence_is_told_to_the_lead_then_to_coach_and_sponsor_then_to_the_forum() -> None:
    trust = a_trust(started="2025-01-06")
    assert trust.due_to("project_silent", "2025-03-06") == set()
    assert trust.due_to("project_silent", "2025-03-07") == {LEAD}
    assert trust.due_to("project_silent", "2025-04-20") == {COACH, SPONSOR}
    assert trust.due_to("project_silent", "2025-07-06") == {CHAIR, ADVISOR}


def test_a_paused_project_may_be_silent() -> None:
    trust = a_trust(started="2025-01-06")
    trust.tell(P1, "2025-01-07", ProjectPaused())
    assert trust.due("project_silent", "2025-03-10") == []


def test_an_old_score_is_called_out_each_month_until_it_is_scored_again() -> None:
    trust = a_trust(started="2025-01-06")
    assert trust.due("score_old", "2025-03-07") == []
    first = trust.due("score_old", "2025-03-08")
    assert {one.recipient for one in first} == {LEAD, COACH}
    assert {one.window for one in trust.due("score_old", "2025-04-07")} == {"2025-01-06/2"}
    scored(trust, "2025-04-08", 2)
    assert trust.due("score_old", "2025-04-09") == []


def test_a_score_that_stays_low_for_three_months_is_called_out_and_a_high_one_is_not() -> None:
    trust = a_trust()
    scored(trust, "2025-01-10", 2.5)
    scored(trust, "2025-03-10", 2.5)
    assert trust.due("score_stuck", "2025-04-11") == []
    assert trust.due_to("score_stuck", "2025-04-12") == {LEAD, COACH}
    scored(trust, "2025-04-13", 3)
    assert trust.due("score_stuck", "2025-04-14") == []


def monthly_data(trust: Trust, *periods: str) -> None:
    trust.tell(P1, "2025-01-10", MeasureDefined(measure="M-1", name="Hours slept", interval="monthly"))
    for period in periods:
        trust.tell(P1, f"{period}-28", MeasurementRecorded(measure="M-1", period=period, value=1))


def test_overdue_data_are_told_to_whoever_looks_after_them_and_an_interval_later_to_the_coach() -> None:
    trust = a_trust()
    monthly_data(trust, "2025-02")
    assert trust.due("data_overdue", "2025-04-15") == []
    assert trust.due_to("data_overdue", "2025-04-16") == {LEAD}
    assert trust.due_to("data_overdue", "2025-05-20") == {COACH}, "by then the lead has known for long"
    trust.tell(P1, "2025-05-20", PersonJoined(person="person/data", role="data"))
    assert trust.due_to("data_overdue", "2025-05-01") == {"person/data"}


def test_new_data_or_a_retired_measure_end_the_waiting() -> None:
    for end in (MeasurementRecorded(measure="M-1", period="2025-03", value=1), MeasureRetired(measure="M-1")):
        trust = a_trust()
        monthly_data(trust, "2025-02")
        trust.tell(P1, "2025-04-16", end)
        assert trust.due("data_overdue", "2025-04-17") == []


def test_what_is_measured_irregularly_is_never_overdue() -> None:
    trust = a_trust()
    trust.tell(P1, "2025-01-10", MeasureDefined(measure="M-1", name="Falls", interval="irregular"))
    assert trust.due("data_overdue", "2026-01-01") == []


def test_a_weekly_measure_is_reckoned_from_the_end_of_its_week() -> None:
    trust = a_trust()
    trust.tell(P1, "2025-01-10", MeasureDefined(measure="M-1", name="Falls", interval="weekly"))
    trust.tell(P1, "2025-01-20", MeasurementRecorded(measure="M-1", period="2025-01-13", value=1))
    assert trust.due("data_overdue", "2025-01-29") == []
    assert trust.due_to("data_overdue", "2025-01-30") == {LEAD}


def test_a_cycle_is_due_to_be_studied_on_its_day_until_it_is() -> None:
    trust = a_trust()
    trust.tell(P1, "2025-02-03", CyclePlanned(cycle="C-1", due="2025-02-10"), CyclePlanned(cycle="C-2"))
    assert trust.due("cycle_to_study", "2025-02-09") == []
    assert trust.due_to("cycle_to_study", "2025-02-10") == {LEAD}
    trust.tell(P1, "2025-02-11", CycleStudied(cycle="C-1", happened="It worked."))
    assert trust.due("cycle_to_study", "2025-02-12") == []


def test_a_project_without_sponsor_or_coach_is_told_two_weeks_after_it_began() -> None:
    trust = a_trust(started="2025-01-06")
    trust.tell(P1, "2025-01-07", PersonLeft(person=SPONSOR))
    assert trust.due("role_missing", "2025-01-19") == []
    assert trust.due_to("role_missing", "2025-01-20") == {CHAIR, ADVISOR}
    assert {one.facts["role"] for one in trust.due("role_missing", "2025-01-20")} == {"sponsor"}
    trust.tell(P1, "2025-01-21", PersonJoined(person=SPONSOR, role="sponsor"))
    assert trust.due("role_missing", "2025-01-22") == []


def test_a_coach_is_reminded_when_the_sponsor_has_not_been_told_for_a_month() -> None:
    trust = a_trust(started="2025-01-06")
    assert trust.due("sponsor_update_due", "2025-02-05") == []
    assert trust.due_to("sponsor_update_due", "2025-02-06") == {COACH}
    trust.tell(P1, "2025-02-07", SponsorUpdated(summary="Two tests."))
    assert trust.due("sponsor_update_due", "2025-02-08") == []
    trust.tell(P1, "2025-02-08", PersonLeft(person=SPONSOR))
    assert trust.due("sponsor_update_due", "2025-04-01") == [], "there is nobody to be told"


def test_a_barrier_that_nobody_answered_for_ten_days_is_told_to_the_chair() -> None:
    trust = a_trust()
    trust.tell(P1, "2025-02-01", BarrierRaised(barrier="B-1", title="No data"))
    assert trust.due("barrier_unanswered", "2025-02-20") == []
    trust.tell(P1, "2025-02-20", BarrierEscalated(barrier="B-1", to="sponsor"))
    assert trust.due("barrier_unanswered", "2025-03-01") == []
    assert trust.due_to("barrier_unanswered", "2025-03-02") == {CHAIR}
    trust.tell(P1, "2025-03-03", BarrierResolved(barrier="B-1"))
    assert trust.due("barrier_unanswered", "2025-03-04") == []


def test_who_led_a_finished_project_is_reminded_to_look_whether_its_gains_hold() -> None:
    trust = a_trust()
    plan = SustainPlan(owner_role="Ward manager", review_due="2025-06")
    trust.tell(P1, "2025-03-03", ProjectCompleted(outcome="met", sustain=plan))
    assert trust.due("sustain_check_due", "2025-06-30") == []
    assert trust.due_to("sustain_check_due", "2025-07-01") == {LEAD, SPONSOR}
    trust.tell(P1, "2025-07-02", SustainCheckRecorded(result="held"))
    assert trust.due("sustain_check_due", "2025-07-03") == []


def test_a_sponsor_has_a_line_for_each_project_of_which_anything_was_told_in_the_month() -> None:
    trust = a_trust(started="2025-01-06")
    (line,) = trust.due("sponsor_summary", "2025-02-03")
    assert (line.recipient, line.title) == (SPONSOR, "Sleep: active, not scored yet, 0 PDSA cycles tested")
    assert trust.due("sponsor_summary", "2025-03-03") == [], "nothing was told in February"


def test_the_chair_gets_the_agenda_pack_five_working_days_before_the_meeting() -> None:
    trust = a_trust()
    trust.tell(NEWHAM, "2025-02-01", MeetingScheduled(meeting="m", on="2025-03-13"))
    assert trust.due("agenda_pack", "2025-03-05") == []
    (pack,) = trust.due("agenda_pack", "2025-03-06")
    assert (pack.recipient, pack.facts["on"]) == (CHAIR, "2025-03-13")
    assert trust.due("agenda_pack", "2025-03-14") == []


def test_a_meeting_that_is_moved_has_another_pack_and_one_that_is_cancelled_has_none() -> None:
    trust = a_trust()
    trust.tell(NEWHAM, "2025-02-01", MeetingScheduled(meeting="m", on="2025-03-13"))
    trust.tell(NEWHAM, "2025-03-07", MeetingScheduled(meeting="m", on="2025-03-20"))
    assert trust.due("agenda_pack", "2025-03-07") == []
    assert [one.window for one in trust.due("agenda_pack", "2025-03-13")] == ["m/2025-03-20"]
    trust.tell(NEWHAM, "2025-03-14", MeetingCancelled(meeting="m"))
    assert trust.due("agenda_pack", "2025-03-14") == []


def test_what_was_due_when_the_rule_began_is_told_to_nobody() -> None:
    trust = a_trust(started="2025-01-06")
    began = Since(0, datetime(2025, 3, 7, 9, tzinfo=UTC))
    assert trust.due("project_silent", "2025-03-08", since=began) == []
    assert trust.due_to("project_silent", "2025-04-06", since=began) == {COACH, SPONSOR}


def test_what_was_due_when_history_was_told_of_it_is_told_to_nobody() -> None:
    trust = a_trust(started="2025-01-06")
    told = {P1: datetime(2025, 3, 20, tzinfo=UTC)}
    assert trust.due("project_silent", "2025-03-21", histories=told) == []
    assert trust.due_to("project_silent", "2025-04-06", histories=told) == {COACH, SPONSOR}


def test_what_nobody_noticed_for_a_month_is_told_no_more() -> None:
    trust = a_trust(started="2025-01-06")
    assert trust.due_to("project_silent", "2025-04-05") == {LEAD}
    assert trust.due_to("project_silent", "2025-05-07") == set()


def test_a_project_nobody_knows_the_state_of_is_overdue_with_nothing() -> None:
    trust = Trust()
    trust.tell("project/P-9", "2025-01-06", PersonJoined(person=LEAD, role="lead"))
    trust.tell("project/P-8", "2025-01-06", ProjectStarted(title="Alone"))
    for rule in ("project_silent", "score_old", "role_missing", "sponsor_update_due"):
        assert all(one.subject == "project/P-8" for one in trust.due(rule, "2025-03-10"))


def refreshed_strategy(on: str = "2025-03-03", *, valid_from: str = "2025-03", **how: AreaMove) -> Trust:
    """A project that counts under value, which the second wording of the strategy has no more."""
    trust = a_trust()
    trust.tell(P1, "2025-01-07", ProjectRedescribed(areas=("value",)))
    first, second = (Area(area="value", label="Value"), Area(area="health", label="Health"))
    trust.tell(
        "strategy/s", "2025-01-07", StrategyAdopted(title="S", valid_from="2025", areas=(first, second))
    )
    moves = tuple(how.values())
    anew = StrategyRefreshed(version=2, valid_from=valid_from, areas=(second,), maps_from=moves)
    trust.tell("strategy/s", on, anew)
    return trust


def test_leads_hear_of_an_area_that_was_let_go_and_later_again_and_advisors_with_them() -> None:
    trust = refreshed_strategy("2025-03-03")
    assert trust.due("area_let_go", "2025-03-02") == []
    (first,) = trust.due("area_let_go", "2025-03-03")
    assert (first.recipient, first.urgency) == (LEAD, "at_once")
    assert "Sleep" in first.title
    assert {one.window for one in trust.due("area_let_go", "2025-04-01")} == {first.window}
    again = trust.due("area_let_go", "2025-04-02")
    assert {(one.recipient, one.urgency) for one in again} == {(LEAD, "weekly"), (ADVISOR, "weekly")}
    assert {one.window for one in again}.isdisjoint({first.window})
    assert trust.due("area_let_go", "2025-08-02") == [], "a reminder is one reminder"


def test_a_project_that_names_another_area_or_has_ended_is_asked_nothing() -> None:
    for end in (ProjectRedescribed(areas=("health",)), ProjectCompleted(outcome="met")):
        trust = refreshed_strategy()
        trust.tell(P1, "2025-03-04", end)
        assert trust.due("area_let_go", "2025-03-05") == []


def test_an_area_whose_work_another_takes_over_asks_nobody() -> None:
    trust = refreshed_strategy(move=AreaMove(old="value", new="health"))
    assert trust.due("area_let_go", "2025-03-04") == []
    retired = refreshed_strategy(move=AreaMove(old="value"))
    assert retired.due_to("area_let_go", "2025-03-04") == {LEAD}


def test_a_wording_that_is_not_in_force_yet_asks_nobody() -> None:
    trust = refreshed_strategy("2025-03-03", valid_from="2025-04")
    assert trust.due("area_let_go", "2025-03-31") == []
    assert trust.due_to("area_let_go", "2025-04-01") == {LEAD}
