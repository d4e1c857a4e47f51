import pytest

from events.comments import VisibilitySet
from events.measures import MeasureDefined, MeasurementRecorded
from events.programmes import (
    ProgrammeAimSet,
    ProgrammeCompleted,
    ProgrammePaused,
    ProgrammeResumed,
    ProgrammeStarted,
    ProjectJoinedProgramme,
    ProjectLeftProgramme,
)
from events.projects import ProjectCancelled, ProjectCompleted, ProjectProposed, ProjectStarted
from events.scores import ProgressScored
from projections.programmes import taking_part
from projections.projects import projects
from tests.projections.history import History

VR = ProjectJoinedProgramme(programme="violence-reduction")


def violence_reduction() -> History:
    told = History()
    told.tell(
        "programme/violence-reduction",
        "2014",
        ProgrammeStarted(title="Violence reduction", kind="collaborative", aim="Less violence"),
    )
    told.tell("project/globe", "2015-02-01", ProjectStarted(title="Globe ward"), VR)
    told.tell("project/globe", "2016-03-01", ProgressScored(score=4, scale="life_qi", assessor="coach"))
    told.tell("project/globe", "2016-04-01", ProjectCompleted(outcome="met", learned="Huddles."))
    told.tell("project/roman", "2015-05-01", ProjectStarted(title="Roman ward"), VR)
    told.tell("project/roman", "2015-05-01", ProjectJoinedProgramme(programme="enjoying-work"))
    told.tell("project/roman", "2016-03-01", ProgressScored(score=2, scale="life_qi", assessor="coach"))
    told.tell("project/third", "2015-06-01", ProjectProposed(title="Third ward"), VR)
    told.tell("project/other", "2015-06-01", ProjectStarted(title="Sleep"))
    return told


async def test_a_programme_shows_the_funnel_of_its_projects(database_url: str) -> None:
    enjoying, violence = await violence_reduction().ask(database_url, taking_part, "programmes")
    assert (violence.title, violence.state, violence.started) == ("Violence reduction", "active", "2014")
    assert (violence.projects, violence.waiting, violence.active, violence.completed) == (3, 1, 1, 1)
    assert (violence.active_or_completed, violence.improving, violence.median_score) == (2, 1, 3.0)
    assert (enjoying.programme, enjoying.title, enjoying.state, enjoying.projects) == (
        *("enjoying-work", None),
        *("unknown", 1),
    )


async def test_a_project_that_left_is_counted_there_no_more(database_url: str) -> None:
    told = violence_reduction()
    told.tell("project/globe", "2017-01-01", ProjectLeftProgramme(programme="violence-reduction"))
    projects = await told.ask(database_url, taking_part, "projects", programme="violence-reduction")
    assert [one.project for one in projects] == ["roman", "third"]


@pytest.mark.parametrize("left", ["2015-02-01", "2015-02", "2015", "2015-02-01T11:00Z", "2015-02-01T09:00Z"])
def test_a_project_takes_part_in_the_programmes_that_its_page_names(left: str) -> None:
    told = History()
    told.tell("project/globe", "2015-02-01T10:00Z", VR, ProjectJoinedProgramme(programme="sleep"))
    told.tell("project/globe", left, ProjectLeftProgramme(programme="violence-reduction"))
    here, page = (told.row(one, "project/globe").programmes for one in (taking_part, projects))
    assert here == page
    assert ("violence-reduction" in here) == (left == "2015-02-01T09:00Z")


async def test_projects_that_came_furthest_are_first_and_a_teams_own_is_left_out(database_url: str) -> None:
    told = violence_reduction()
    told.tell("project/third", "2015-06-01", VisibilitySet(audience="team"))
    projects = await told.ask(database_url, taking_part, "projects", programme="violence-reduction")
    assert [(one.project, one.score) for one in projects] == [("globe", 4), ("roman", 2)]
    (counted,) = await told.ask(database_url, taking_part, "programmes", programme="violence-reduction")
    assert counted.projects == 3


def incidents(name: str = "Incidents of violence") -> MeasureDefined:
    return MeasureDefined(measure="M-1", name=name, kind="outcome", direction="decrease", target=2)


async def test_measures_with_the_same_name_are_aligned_across_projects(database_url: str) -> None:
    told = violence_reduction()
    told.tell("project/globe", "2015-02-01", incidents())
    told.tell("project/roman", "2015-05-01", incidents("incidents of violence"))
    told.tell("project/other", "2015-05-01", incidents())
    for period, value in (("2015-03", 9.0), ("2015-05", 2.0), ("2015-04", 5.0)):
        told.tell(
            "project/globe", "2015-06-01", MeasurementRecorded(measure="M-1", period=period, value=value)
        )
    (aligned,) = await told.ask(database_url, taking_part, "measures", programme="violence-reduction")
    assert (aligned.measure, aligned.kind, aligned.projects, aligned.with_data) == (
        *("Incidents of violence", "outcome"),
        *(2, 1),
    )
    assert (aligned.readings, aligned.first_period, aligned.latest_period) == (3, "2015-03", "2015-05")
    assert aligned.target_met == 1
    assert aligned.series == (("globe", "M-1", 9.0, 2.0), ("roman", "M-1", None, None))


SEEN = MeasureDefined(measure="M-1", name="Seen", unit="%", direction="increase", target=50)


def seen(period: str, numerator: float, denominator: float) -> MeasurementRecorded:
    return MeasurementRecorded(measure="M-1", period=period, numerator=numerator, denominator=denominator)


async def test_a_share_in_per_cent_is_shown_as_such(database_url: str) -> None:
    told = History()
    told.tell("project/globe", "2024-01-01", VR, SEEN)
    told.tell("project/globe", "2024-02-01", seen("2024-01", 3, 4), seen("2024-02", 0, 0))
    (aligned,) = await told.ask(database_url, taking_part, "measures", programme="violence-reduction")
    assert (aligned.readings, aligned.series) == (2, (("globe", "M-1", 75, None),))


async def test_data_that_came_before_their_definition_are_shown_by_it(database_url: str) -> None:
    told = History()
    told.tell("project/globe", "2024-01-01", VR, seen("2023-11", 1, 4))
    told.tell("project/globe", "2024-01-02", SEEN)
    told.tell("project/globe", "2024-01-03", seen("2023-12", 3, 4))
    told.tell("project/roman", "2024-01-01", VR, seen("2023-11", 1, 4), SEEN)
    told.tell("project/third", "2024-01-01", VR, SEEN)
    told.tell("project/third", "2024-02-01", MeasurementRecorded(measure="M-1", period="2024-01", value=60))
    (aligned,) = await told.ask(database_url, taking_part, "measures", programme="violence-reduction")
    assert aligned.series == (
        ("globe", "M-1", 25, 75),
        ("roman", "M-1", 25, 25),
        ("third", "M-1", 60, 60),
    )
    assert aligned.target_met == 2


async def test_a_period_told_again_is_one_reading_and_its_latest_value_holds(database_url: str) -> None:
    told = History()
    told.tell("project/globe", "2024-01-01", VR, SEEN)
    told.tell(
        "project/globe", "2024-02-01", seen("2024-01", 1, 4), seen("2024-02", 2, 4), seen("2024-01", 3, 4)
    )
    (aligned,) = await told.ask(database_url, taking_part, "measures", programme="violence-reduction")
    assert (aligned.readings, aligned.series) == (2, (("globe", "M-1", 75, 50),))
    (project,) = await told.ask(database_url, taking_part, "projects", programme="violence-reduction")
    assert project.readings == 2


def test_a_programme_pauses_resumes_and_ends() -> None:
    told = violence_reduction()
    stream = "programme/violence-reduction"
    told.tell(stream, "2015", ProgrammeAimSet(statement="30% less violence", target=30, by="2016"))
    told.tell(stream, "2020-03", ProgrammePaused())
    assert told.row(taking_part, stream).state == "paused"
    told.tell(stream, "2020-07", ProgrammeResumed())
    told.tell(stream, "2021", ProgrammeCompleted(teams_started=7, teams_completed=6))
    row = told.row(taking_part, stream)
    assert (row.state, row.ended, row.aim, row.teams_completed) == (
        "completed",
        "2021",
        "30% less violence",
        6,
    )


async def test_a_programme_that_is_not_for_a_reader_is_counted_and_not_named(database_url: str) -> None:
    told = violence_reduction()
    told.tell("programme/violence-reduction", "2016", VisibilitySet(audience="team"))
    _, hidden = await told.ask(database_url, taking_part, "programmes")
    assert (hidden.title, hidden.aim, hidden.projects, hidden.state) == (None, None, 3, "active")
    _, seen = await told.ask(database_url, taking_part, "programmes", reader="team")
    assert (seen.title, seen.aim) == ("Violence reduction", "Less violence")


async def test_work_that_was_stopped_or_never_begun_does_not_improve(database_url: str) -> None:
    told = violence_reduction()
    told.tell("project/third", "2016-01-01", ProgressScored(score=5, scale="life_qi", assessor="coach"))
    told.tell("project/fourth", "2015-06-01", ProjectStarted(), VR)
    told.tell("project/fourth", "2016-01-01", ProgressScored(score=5, scale="life_qi", assessor="coach"))
    told.tell("project/fourth", "2016-02-01", ProjectCancelled())
    _, violence = await told.ask(database_url, taking_part, "programmes")
    assert (violence.stopped, violence.improving, violence.median_score) == (1, 1, 3.0)
