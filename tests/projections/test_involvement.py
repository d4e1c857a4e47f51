from typing import Any

from events.coaching import CoachReleased
from events.involvement import InvolvementExperienced, InvolvementSet
from events.projects import ProjectCompleted, ProjectStarted, ProjectTransferred
from events.teams import PersonChangedRole, PersonJoined, PersonLeft
from projections.involvement import involvement
from tests.projections.history import History

BIG_I = InvolvementSet(level="big_i")


async def months(told: History, url: str, **asked: Any) -> list[tuple[str, int, float | None]]:
    answers = await told.ask(url, involvement, "by_month", **asked)
    return [(answer.month, answer.projects, answer.big_i_share) for answer in answers]


def london() -> History:
    told = History()
    told.tell("project/P-1", "2022-01-10", ProjectStarted(directorate="london-chs"), BIG_I)
    told.tell("project/P-2", "2022-02-10", ProjectStarted(directorate="london-chs"))
    told.tell("project/P-2", "2022-03-15", InvolvementSet(level="little_i"))
    told.tell("project/P-2", "2022-04-20", BIG_I)
    told.tell("project/P-3", "2022-02-01", ProjectStarted(directorate="luton"))
    return told


async def test_a_directorate_reaches_full_involvement_month_by_month(database_url: str) -> None:
    asked = {"since": "2021-12-01", "until": "2022-04-30", "directorate": "london-chs"}
    assert await months(london(), database_url, **asked) == [
        ("2021-12", 0, None),
        ("2022-01", 1, 1.0),
        ("2022-02", 2, 0.5),
        ("2022-03", 2, 0.5),
        ("2022-04", 2, 1.0),
    ]


async def test_a_completed_project_is_counted_no_more_and_its_past_stays(database_url: str) -> None:
    told = london()
    told.tell("project/P-1", "2022-03-01", ProjectCompleted(learned="Ask early."))
    asked = {"since": "2022-02-01", "until": "2022-03-31", "directorate": "london-chs"}
    assert await months(told, database_url, **asked) == [("2022-02", 2, 0.5), ("2022-03", 1, 0.0)]


async def test_a_transferred_project_stays_where_it_was_in_the_months_before(database_url: str) -> None:
    told = london()
    told.tell("project/P-1", "2022-03-05", ProjectTransferred(directorate="luton"))
    asked: dict[str, Any] = {"since": "2022-02-01", "until": "2022-03-31"}
    assert await months(told, database_url, **asked, directorate="luton") == [
        ("2022-02", 1, 0.0),
        ("2022-03", 2, 0.5),
    ]
    whole = await told.ask(database_url, involvement, "by_month", **asked)
    assert [answer.projects for answer in whole] == [3, 3]
    assert [answer.not_told for answer in whole] == [2, 1]


async def test_on_a_day_each_project_shows_the_level_it_had_then(database_url: str) -> None:
    told = london()
    answers = await told.ask(database_url, involvement, "on_a_day", on="2022-04-01", without_big_i=True)
    assert [(answer.project, answer.level, str(answer.since)) for answer in answers] == [
        ("P-2", "little_i", "2022-03-15"),
        ("P-3", None, "2022-02-01"),
    ]


def test_a_level_told_late_counts_from_the_day_it_began() -> None:
    told = london()
    told.tell("project/P-3", "2022-06-01", BIG_I)
    told.tell("project/P-3", "2022-03-01", InvolvementSet(level="little_i"))
    row = told.row(involvement, "project/P-3")
    assert [(str(step.since), step.level) for step in row.steps] == [
        ("2022-02-01", None),
        ("2022-03-01", "little_i"),
        ("2022-06-01", "big_i"),
    ]


def test_service_users_are_in_the_team_by_role_or_by_what_they_are_until_they_leave() -> None:
    told = History()
    told.tell("project/P-1", "2024-01-01", PersonJoined(person="person/a", role="lead", kind="service_user"))
    told.tell("project/P-1", "2024-01-01", PersonJoined(person="person/b", role="member", kind="staff"))
    told.tell("project/P-1", "2024-01-01", PersonJoined(person="person/c", role="carer"))
    told.tell("project/P-1", "2024-02-01", PersonChangedRole(person="person/a", was="lead", role="co_lead"))
    told.tell("project/P-1", "2024-03-01", PersonLeft(person="person/c"))
    experts = told.row(involvement, "project/P-1").experts
    assert [(expert.person, expert.role) for expert in experts] == [("person/a", "co_lead")]


def test_a_service_user_who_coached_a_project_is_in_its_team_until_released() -> None:
    told = History()
    told.tell("project/P-1", "2024-01-01", PersonJoined(person="person/a", role="coach", kind="service_user"))
    told.tell("project/P-1", "2024-01-01", PersonJoined(person="person/b", role="coach", kind="service_user"))
    told.tell(
        "project/P-1", "2024-01-01", PersonJoined(person="person/b", role="member", kind="service_user")
    )
    for person in ("person/a", "person/b"):
        told.tell("project/P-1", "2024-02-01", CoachReleased(coach=person))
    experts = told.row(involvement, "project/P-1").experts
    assert [(expert.person, expert.role) for expert in experts] == [("person/b", "member")]


async def test_the_mean_of_a_few_is_not_shown(database_url: str) -> None:
    told = london()
    for rating in (5, 4, 4, 5):
        told.tell("project/P-1", "2022-05-01", InvolvementExperienced(rating=rating))
    (few,) = await told.ask(database_url, involvement, "experienced")
    assert (few.ratings, few.mean_rating) == (4, None)
    told.tell("project/P-2", "2022-05-01", InvolvementExperienced(rating=2))
    (enough,) = await told.ask(database_url, involvement, "experienced")
    assert (enough.projects, enough.ratings, enough.mean_rating) == (2, 5, 4.0)
