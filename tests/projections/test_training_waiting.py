from datetime import date

from events.training import (
    CohortCancelled,
    CohortOpened,
    CourseOffered,
    TrainingCompleted,
    TrainingEnrolled,
    TrainingWithdrawn,
)
from events.training_requests import TrainingRequested, TrainingRequestEnded
from projections.training_waiting import ASKED_MAX, COURSE, waiting
from tests.projections.history import History


async def test_who_waits_is_counted_since_they_first_asked_and_until_they_wait_no_more(
    database_url: str,
) -> None:
    told = History()
    told.tell("course/icp", "2024-01-01", CourseOffered(title="Coaching"))
    told.tell("course/icp", "2024-02-01", TrainingRequested(person="person/a", kind="staff"))
    told.tell("course/icp", "2024-03-01", TrainingRequested(person="person/a", kind="staff"))
    told.tell("course/icp", "2024-03-02", TrainingRequested(person="person/b", kind="service_user"))
    told.tell("course/icp", "2024-03-03", TrainingRequested(person="person/c"))
    told.tell("course/icp", "2024-03-04", TrainingRequestEnded(person="person/c"))
    (shown,) = await told.ask(database_url, waiting, "all")
    assert (shown.course, shown.title, shown.waiting, shown.staff) == ("icp", "Coaching", 2, 1)
    assert shown.since == date(2024, 2, 1)


async def test_a_programme_that_nobody_waits_for_is_not_shown(database_url: str) -> None:
    told = History()
    told.tell("course/icp", "2024-02-01", TrainingRequested(person="person/a"))
    told.tell("course/icp", "2024-02-02", TrainingRequestEnded(person="person/a"))
    assert await told.ask(database_url, waiting, "all") == []


async def test_who_has_a_place_waits_no_more_unless_the_cohort_is_not_held_or_they_ask_again(
    database_url: str,
) -> None:
    told = History()
    for person in "abcde":
        told.tell("course/icp", "2024-02-01", TrainingRequested(person=f"person/{person}"))
    told.tell("cohort/C-0", "2024-01", TrainingCompleted(course="icp", person="person/a"))
    told.tell("cohort/C-1", "2024-03-05", TrainingEnrolled(course="icp", person="person/b"))
    told.tell("cohort/C-1", "2024-02", TrainingEnrolled(course="icp", person="person/c"))
    told.tell("cohort/C-2", "2024-03-05", TrainingEnrolled(course="icp", person="person/d"))
    told.tell("cohort/C-2", "2024-03-06", CohortCancelled(course="icp"))
    told.tell("cohort/C-3", "2024-03-05", TrainingEnrolled(course="other", person="person/e"))
    (shown,) = await told.ask(database_url, waiting, "all")
    assert (shown.course, shown.waiting, shown.since) == ("icp", 3, date(2024, 2, 1)), "a, d and e"
    for person in "ade":
        told.tell("cohort/C-4", "2024-04-01", TrainingEnrolled(course="icp", person=f"person/{person}"))
    told.tell("course/icp", "2024-05-01", TrainingRequested(person="person/b"))
    (shown,) = await told.ask(database_url, waiting, "all")
    assert (shown.waiting, shown.since) == (1, date(2024, 5, 1))


async def test_who_has_a_place_in_a_cohort_that_is_held_after_all_waits_no_more(database_url: str) -> None:
    told = History()
    told.tell("course/icp", "2024-02-01", TrainingRequested(person="person/a"))
    told.tell("cohort/C-1", "2024-02-02", CohortCancelled(course="icp"))
    told.tell("cohort/C-1", "2024-03-01", CohortOpened(course="icp"))
    told.tell("cohort/C-1", "2024-03-02", TrainingEnrolled(course="icp", person="person/a"))
    assert await told.ask(database_url, waiting, "all") == []


async def test_who_gave_up_their_place_waits_again_and_as_long_as_before(database_url: str) -> None:
    told = History()
    told.tell("course/icp", "2024-02-01", TrainingRequested(person="person/a"))
    told.tell("cohort/C-1", "2024-03-05", TrainingEnrolled(course="icp", person="person/a"))
    assert await told.ask(database_url, waiting, "all") == []
    told.tell("cohort/C-1", "2024-03-06", TrainingWithdrawn(course="icp", person="person/a"))
    (shown,) = await told.ask(database_url, waiting, "all")
    assert (shown.waiting, shown.since) == (1, date(2024, 2, 1))
    told.tell("cohort/C-2", "2024-04-05", TrainingEnrolled(course="icp", person="person/a"))
    assert await told.ask(database_url, waiting, "all") == []


def test_of_too_many_who_asked_whoever_did_not_ask_for_longest_gives_way() -> None:
    told = History()
    for number in range(ASKED_MAX):
        told.tell("course/icp", "2024-02-01", TrainingRequested(person=f"person/{number}"))
    told.tell("course/icp", "2024-03-01", TrainingRequested(person="person/0", kind="carer"))
    told.tell("course/icp", "2024-03-02", TrainingRequested(person="person/new"))
    people = told.row(waiting, f"course/icp/{COURSE}").people
    assert len(people) == ASKED_MAX
    assert [one.person for one in people[-2:]] == ["person/0", "person/new"]
    assert people[0].person == "person/2"
    assert (people[-2].since, people[-2].again, people[-2].kind) == (
        date(2024, 2, 1),
        date(2024, 3, 1),
        "carer",
    )
