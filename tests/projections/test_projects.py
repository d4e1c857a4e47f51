"""A project's page: every step of its life, its flaws, and what the page counts."""

from datetime import date

import pytest

from events.aims import AimRevised, AimSet
from events.coaching import CoachAllocated, CoachReleased
from events.comments import VisibilitySet
from events.corrections import EventCorrected, EventRetracted
from events.cycles import CycleActed, CycleDone, CyclePlanned, CycleStudied, CycleTested
from events.measures import MeasureDefined, MeasurementCorrected, MeasurementRecorded
from events.projects import (
    ProjectCancelled,
    ProjectCompleted,
    ProjectMerged,
    ProjectPaused,
    ProjectProposed,
    ProjectRedescribed,
    ProjectReopened,
    ProjectReported,
    ProjectResumed,
    ProjectStarted,
    ProjectSubmitted,
    ProjectTransferred,
)
from events.reviews import ProjectReviewed
from events.scores import ProgressScored
from events.teams import PersonChangedRole, PersonJoined, PersonLeft
from events.vocabulary import Event
from projections.project_life import FLAWS
from projections.projects import ProjectPage, projects
from tests.projections.history import History

P = "project/P-17"
APPROVED = ProjectReviewed(forum="newham", outcome="approved")
DONE = ProjectCompleted(learned="Ask early.")


def page_of(*told: tuple[Event, str]) -> ProjectPage:
    history = History()
    for event, at in told:
        history.tell(P, at, event)
    page: ProjectPage = history.row(projects, P)
    return page


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([ProjectReported(title="Sleep")], "unknown"),
        ([ProjectProposed(title="Sleep")], "proposed"),
        ([ProjectProposed(title="Sleep"), ProjectSubmitted(forum="newham")], "submitted"),
        ([ProjectSubmitted(forum="newham"), ProjectReviewed(forum="newham", outcome="deferred")], "deferred"),
        ([ProjectSubmitted(forum="newham"), ProjectReviewed(forum="newham", outcome="declined")], "declined"),
        ([ProjectSubmitted(forum="newham"), APPROVED], "approved"),
        ([APPROVED, ProjectStarted()], "active"),
        ([ProjectStarted(), ProjectPaused()], "paused"),
        ([ProjectStarted(), ProjectPaused(), ProjectResumed()], "active"),
        ([ProjectStarted(), ProjectReviewed(forum="newham", outcome="close")], "active"),
        ([ProjectStarted(), DONE], "completed"),
        ([ProjectStarted(), ProjectPaused(), DONE], "completed"),
        ([ProjectStarted(), ProjectCancelled()], "cancelled"),
        ([ProjectProposed(title="Sleep"), ProjectCancelled(because="never_started")], "cancelled"),
        ([ProjectStarted(), ProjectMerged(into="P-18")], "merged"),
        ([ProjectStarted(), DONE, ProjectReopened()], "active"),
    ],
)
def test_a_project_stands_where_its_life_has_brought_it(steps: list[Event], state: str) -> None:
    page = page_of(*((event, f"2024-03-{day:02}") for day, event in enumerate(steps, 1)))
    assert (page.state, page.flaws) == (state, ())


def test_the_forum_that_approved_a_project_looks_after_it_unless_another_is_told() -> None:
    started = ProjectStarted(approved_by="newham")
    assert page_of((started, "2024-03")).forum == "newham"
    assert (
        page_of((ProjectStarted(forum="city-hackney", approved_by="newham"), "2024-03")).forum
        == "city-hackney"
    )
    proposed = ProjectProposed(title="Sleep", forum="city-hackney")
    assert page_of((proposed, "2024-01"), (started, "2024-03")).forum == "city-hackney"


@pytest.mark.parametrize(
    ("steps", "state", "flaw"),
    [
        ([ProjectStarted(), ProjectProposed(title="Sleep")], "active", "proposed_after_start"),
        ([ProjectStarted(), ProjectSubmitted(forum="newham")], "active", "submitted_after_start"),
        ([ProjectStarted(), APPROVED], "active", "decided_after_start"),
        ([ProjectProposed(title="Sleep"), ProjectStarted()], "active", "started_without_approval"),
        ([ProjectStarted(), ProjectStarted()], "active", "started_twice"),
        ([ProjectStarted(), DONE, ProjectStarted()], "completed", "started_after_end"),
        ([ProjectPaused()], "paused", "paused_without_start"),
        ([ProjectStarted(), DONE, ProjectPaused()], "completed", "paused_after_end"),
        ([ProjectStarted(), ProjectResumed()], "active", "resumed_without_pause"),
        ([ProjectStarted(), ProjectCancelled(), ProjectResumed()], "cancelled", "resumed_after_end"),
        ([DONE], "completed", "ended_without_start"),
        ([ProjectStarted(), DONE, ProjectCancelled()], "cancelled", "ended_twice"),
        ([ProjectStarted(), ProjectCompleted()], "completed", "completed_without_learning"),
        ([ProjectStarted(), ProjectReopened()], "active", "reopened_without_end"),
    ],
)
def test_an_odd_life_is_accepted_and_its_flaw_is_shown(steps: list[Event], state: str, flaw: str) -> None:
    page = page_of(*((event, f"2024-03-{day:02}") for day, event in enumerate(steps, 1)))
    assert (page.state, page.flaws) == (state, (flaw,))


def test_a_completion_told_again_keeps_what_was_said_of_its_aim() -> None:
    page = page_of((ProjectStarted(), "2023-01"), (ProjectCompleted(outcome="met"), "2023-06"))
    assert page.outcome == "met"
    again = page_of(
        (ProjectStarted(), "2023-01"),
        (ProjectCompleted(outcome="met"), "2023-06"),
        (ProjectCompleted(), "2023-07"),
    )
    assert (again.outcome, again.ended, again.state_since) == ("met", "2023-07", "2023-06")


@pytest.mark.parametrize("end", [ProjectCancelled(), ProjectMerged(into="P-18")])
def test_of_a_project_that_was_completed_and_then_ended_otherwise_no_aim_was_met(end: Event) -> None:
    page = page_of(
        (ProjectStarted(), "2023-01"), (ProjectCompleted(outcome="met"), "2023-06"), (end, "2023-07")
    )
    assert (page.outcome, page.ended) == (None, "2023-07")


def test_a_reopening_in_the_year_of_the_end_leaves_no_outcome() -> None:
    page = page_of(
        (ProjectStarted(), "2022-02"),
        (ProjectCompleted(outcome="met"), "2023-06"),
        (ProjectReopened(), "2023"),
    )
    assert (page.state, page.outcome, page.ended) == ("active", None, None)


def test_a_start_is_shown_though_the_end_is_known_to_the_year() -> None:
    page = page_of((ProjectStarted(), "2022-04-01"), (ProjectCompleted(learned="It works."), "2022"))
    assert (page.state, page.started, page.ended) == ("completed", "2022-04-01", "2022")


def test_every_flaw_has_words() -> None:
    assert all(words.endswith(".") for words in FLAWS.values())


def test_an_end_known_to_the_year_is_not_undone_by_a_start_in_its_spring() -> None:
    page = page_of((ProjectStarted(), "2019-04"), (DONE, "2019"))
    assert (page.state, page.ended) == ("completed", "2019")


def test_a_waiver_stands_in_for_approval() -> None:
    page = page_of(
        (ProjectProposed(title="Sleep"), "2024-01-01"), (ProjectStarted(waiver="Urgent."), "2024-02-01")
    )
    assert page.flaws == ()


def test_a_reopened_project_has_not_ended() -> None:
    page = page_of(
        (ProjectStarted(), "2023-01"), (ProjectCompleted(outcome="met", learned="It works."), "2023-06")
    )
    assert (page.started, page.ended, page.outcome) == ("2023-01", "2023-06", "met")
    page = page_of((ProjectStarted(), "2023-01"), (DONE, "2023-06"), (ProjectReopened(), "2023-09"))
    assert (page.started, page.ended, page.outcome, page.state_since) == ("2023-01", None, None, "2023-09")


def test_dates_are_shown_as_exactly_as_they_are_known() -> None:
    page = page_of(
        (ProjectStarted(), "2022-05"), (ProgressScored(score=1, scale="life_qi", assessor="self"), "2023")
    )
    assert (page.started, page.scored, page.last_sign_of_life) == ("2022-05", "2023", "2023")
    assert page.alive_until == date(2023, 12, 31)


def test_a_late_arrival_is_folded_where_it_belongs() -> None:
    late = page_of((DONE, "2024-06-01"), (ProjectPaused(), "2024-04-01"), (ProjectStarted(), "2024-01-01"))
    timely = page_of((ProjectStarted(), "2024-01-01"), (ProjectPaused(), "2024-04-01"), (DONE, "2024-06-01"))
    assert late == timely
    assert late.flaws == ()


def test_what_is_told_closest_to_the_project_names_it() -> None:
    page = page_of(
        (ProjectReported(title="A page's title", directorate="luton"), "2024-01-01"),
        (ProjectProposed(title="Sleep", areas=("value",)), "2024-02-01"),
        (ProjectReported(title="Another page's title"), "2024-03-01"),
        (ProjectRedescribed(areas=("staff_experience",)), "2024-04-01"),
        (ProjectTransferred(forum="newham", directorate="newham"), "2024-05-01"),
    )
    assert (page.title, page.areas, page.forum, page.directorate) == (
        *("Sleep", ("staff_experience",)),
        *("newham", "newham"),
    )


def test_a_team_is_who_holds_which_role_now() -> None:
    page = page_of(
        (PersonJoined(person="person/a", role="lead"), "2024-01-01"),
        (PersonJoined(person="person/a", role="lead"), "2024-01-02"),
        (PersonJoined(person="person/b", role="member", kind="service_user"), "2024-01-03"),
        (CoachAllocated(coach="person/c"), "2024-01-04"),
        (PersonChangedRole(person="person/b", was="member", role="co_lead"), "2024-02"),
        (PersonJoined(person="person/d", role="member"), "2024-02-02"),
        (PersonJoined(person="person/d", role="data"), "2024-02-02"),
        (PersonLeft(person="person/d"), "2024-03-01"),
        (CoachReleased(coach="person/c"), "2024-04-01"),
    )
    assert [(m.person, m.role, m.since, m.kind) for m in page.team] == [
        ("person/a", "lead", "2024-01-01", None),
        ("person/b", "co_lead", "2024-02", "service_user"),
    ]


def test_a_cycle_told_step_by_step_counts_once() -> None:
    page = page_of(
        (CyclePlanned(cycle="C-1"), "2024-01-01"),
        (CycleDone(cycle="C-1"), "2024-01-02"),
        (CycleStudied(cycle="C-1", happened="Less."), "2024-01-03"),
        (CycleActed(cycle="C-1", decision="adapt"), "2024-01-04"),
        (CycleTested(cycle="C-2"), "2024-02"),
        (CyclePlanned(cycle="C-3"), "2024-03-01"),
    )
    assert (page.cycles_tested, page.last_cycle, page.latest_cycles) == (2, "2024-02", ("C-1", "C-2"))


def test_a_score_said_again_is_held_since_it_was_first_said() -> None:
    def scored(score: float, scale: str = "life_qi") -> ProgressScored:
        return ProgressScored(score=score, scale=scale, assessor="self")

    page = page_of((scored(2), "2024-01"), (scored(2.5), "2024-02"), (scored(2.5), "2024-05-01"))
    assert (page.score, page.score_before, page.score_since, page.scored) == (2.5, 2, "2024-02", "2024-05-01")
    page = page_of((scored(2.5), "2024-02"), (scored(2, "ihi"), "2024-03"))
    assert (page.score, page.scale, page.score_before) == (2, "ihi", None)


def test_an_aim_counts_its_revisions() -> None:
    page = page_of(
        (AimSet(statement="Half as many", target=5), "2024-01"),
        (AimRevised(statement="A third", target=3), "2024-02"),
    )
    assert page.aim is not None
    assert (page.aim.statement, page.aim.target, page.aim.revisions, page.aim.since) == (
        "A third",
        3,
        1,
        "2024-02",
    )


def test_corrected_data_are_shown_as_corrected_and_retracted_data_not_at_all() -> None:
    history = History()
    history.tell(P, "2024-01-01", MeasureDefined(measure="M-1", name="Falls"))
    history.tell(P, "2024-02-01", MeasurementRecorded(measure="M-1", period="2024-01", value=4))
    history.tell(P, "2024-03-01", MeasurementRecorded(measure="M-1", period="2024-02", value=5))
    history.tell(P, "2024-03-02", MeasurementCorrected(of="e-2", value=3))
    history.tell(P, "2024-03-03", EventRetracted(of="e-3"))
    history.tell(P, "2024-03-04", EventCorrected(of="e-1", fields={"name": "Falls with harm"}))
    page = history.row(projects, P)
    [measure] = page.measures
    assert (measure.name, measure.readings, measure.last_period) == ("Falls with harm", 1, "2024-01")
    assert page.last_data == "2024-01"


async def test_lists_show_what_their_reader_may_see(database_url: str) -> None:
    history = History()
    history.tell("project/P-1", "2024-03-01", ProjectStarted(title="Open to all", forum="newham"))
    history.tell("project/P-1", "2024-03-01", VisibilitySet(audience="public"))
    history.tell(
        "project/P-2",
        "2024-03-01",
        ProjectStarted(title="The organisation's", forum="newham", areas=("value",)),
    )
    history.tell("project/P-3", "2024-03-01", ProjectStarted(title="The team's", forum="newham"))
    history.tell("project/P-3", "2024-03-01", VisibilitySet(audience="team"))

    async def seen(**asked: str) -> list[str]:
        return [line.project for line in await history.ask(database_url, projects, "some", limit=2, **asked)]

    assert await seen(reader="public") == ["P-1"]
    assert await seen() == ["P-1", "P-2"]
    assert await seen(reader="team") == ["P-1", "P-2", "P-3"]
    assert await seen(area="value") == ["P-2"]
    assert await history.ask(database_url, projects, "one", project="P-3") == []
    assert [
        page.project
        for page in await history.ask(database_url, projects, "one", project="P-3", reader="team")
    ] == ["P-3"]


async def test_projects_are_found_by_state_forum_and_directorate(database_url: str) -> None:
    history = History()
    for number in range(7):
        history.tell(
            f"project/P-{number}", "2024-03-01", ProjectStarted(forum="newham" if number % 2 else "luton")
        )
    history.tell("project/P-0", "2024-03-01", ProjectPaused())
    history.tell("project/P-1", "2024-03-01", ProjectCancelled())
    history.tell("project/P-2", "2024-03-01", ProjectCompleted(learned="It works."))

    async def listed(**asked: str) -> list[str]:
        return [line.project for line in await history.ask(database_url, projects, "some", limit=2, **asked)]

    assert await listed() == [f"P-{number}" for number in range(7)]
    assert await listed(state="active_or_completed") == ["P-0", "P-2", "P-3", "P-4", "P-5", "P-6"]
    assert await listed(state="paused") == ["P-0"]
    assert await listed(forum="newham", state="active") == ["P-3", "P-5"]
    assert await listed(directorate="newham") == []


async def test_a_page_says_how_old_its_score_is(database_url: str) -> None:
    history = History()
    history.tell(P, "2024-02", ProgressScored(score=2.5, scale="life_qi", assessor="coach"))
    history.tell(P, "2024-03-01", PersonJoined(person="person/a", role="lead"))
    [page] = await history.ask(database_url, projects, "one", project="P-17", on=date(2024, 3, 30))
    assert (page.score, page.scored, page.score_age_days) == (2.5, "2024-02", 30)
    assert page.team[0].person == "person/a"
