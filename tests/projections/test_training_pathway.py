from events.corrections import EventRetracted
from events.fields import PersonKind
from events.training import (
    CohortCancelled,
    CohortCompleted,
    CohortOpened,
    CourseOffered,
    TrainingAttended,
    TrainingCompleted,
    TrainingEnrolled,
    TrainingWithdrawn,
)
from projections.training_pathway import training
from tests.projections.history import History

ICP10 = "cohort/icp-10"


def cohort_10() -> History:
    told = History()
    told.tell(
        "course/icp", "2014-01", CourseOffered(title="Improvement Coaching Programme", level="coaching")
    )
    told.tell(ICP10, "2024-10-01", CohortOpened(course="icp", number=10, places=40))
    people: dict[str, PersonKind] = {"a": "staff", "b": "staff", "c": "service_user"}
    for name, kind in people.items():
        told.tell(
            ICP10,
            "2024-10-01",
            TrainingEnrolled(course="icp", person=f"person/{name}", kind=kind, project="P-1"),
        )
    told.tell(ICP10, "2024-10-14", TrainingAttended(course="icp", person="person/a", session="One", hours=7))
    told.tell(
        ICP10, "2024-11-14", TrainingAttended(course="icp", person="person/a", session="Two", hours=7.5)
    )
    told.tell(ICP10, "2025-03-10", TrainingCompleted(course="icp", person="person/a"))
    told.tell(ICP10, "2025-03-10", TrainingCompleted(course="icp", person="person/c"), id_="c-done")
    told.tell(ICP10, "2024-12-01", TrainingWithdrawn(course="icp", person="person/b"))
    return told


async def test_a_cohort_counts_who_enrolled_attended_completed_and_withdrew(database_url: str) -> None:
    (counts,) = await cohort_10().ask(database_url, training, "cohorts", course="icp")
    assert (counts.cohort, counts.number, counts.starts, counts.places) == ("icp-10", 10, "2024-10-01", 40)
    assert (counts.people, counts.enrolled, counts.attended) == (3, 3, 1)
    assert (counts.completed, counts.withdrawn) == (2, 1)
    assert (counts.staff, counts.service_users, counts.carers) == (2, 1, 0)


async def test_a_cohort_that_nobody_opened_is_counted_by_its_people(database_url: str) -> None:
    told = History()
    told.tell("cohort/ilp-5", "2017", TrainingCompleted(course="ilp", person="person/a", kind="staff"))
    (counts,) = await told.ask(database_url, training, "cohorts")
    assert (counts.course, counts.number, counts.completed) == ("ilp", None, 1)


async def test_a_person_sees_their_own_pathway_and_nobody_elses(database_url: str) -> None:
    told = cohort_10()
    told.tell(
        "cohort/pq-3", "2023-05", TrainingCompleted(course="pocket_qi", person="person/a", kind="staff")
    )
    first, second = await told.ask(database_url, training, "pathway", person="person/a")
    assert (first.cohort, first.completed, first.course_title) == ("pq-3", "2023-05", None)
    assert (second.course_title, second.level) == ("Improvement Coaching Programme", "coaching")
    assert (second.sessions, second.hours, second.project) == (2, 14.5, "P-1")


async def test_people_trained_are_counted_by_programme_and_kind_as_at_a_day(database_url: str) -> None:
    told = cohort_10()
    told.tell(
        "cohort/pq-3", "2023-05", TrainingCompleted(course="pocket_qi", person="person/a", kind="staff")
    )
    asked = await told.ask(database_url, training, "trained", on="2025-12-31")
    assert [(one.course, one.kind, one.completions, one.people) for one in asked] == [
        ("*", "service_user", 1, 1),
        ("*", "staff", 2, 1),
        ("icp", "service_user", 1, 1),
        ("icp", "staff", 1, 1),
        ("pocket_qi", "staff", 1, 1),
    ]
    before = await told.ask(database_url, training, "trained", on="2025-03-09", course="icp")
    assert before == []


async def test_where_only_a_number_is_known_it_counts_without_those_known_one_by_one(
    database_url: str,
) -> None:
    told = cohort_10()
    told.tell(ICP10, "2025-03-31", CohortCompleted(course="icp", completed=36))
    counted = await told.ask(database_url, training, "trained", on="2025-12-31", course="icp")
    assert sum(one.completions for one in counted if one.course == "icp") == 36
    assert [one.unnamed for one in counted if one.kind == "unknown"] == [34, 34]


def test_whoever_completed_twice_counts_once_and_not_at_all_when_retracted() -> None:
    told = cohort_10()
    told.tell(ICP10, "2025-04-01", TrainingCompleted(course="icp", person="person/a"))
    told.tell(ICP10, "2025-04-02", EventRetracted(of="c-done"))
    rows = told.rows(training)
    assert rows[f"{ICP10}/person/a"].completed == "2025-03-10"
    assert rows[f"{ICP10}/person/c"].completed is None


def test_a_cohort_that_is_opened_again_is_not_cancelled_and_one_that_was_completed_stays_so() -> None:
    told = cohort_10()
    told.tell(ICP10, "2024-10-02", CohortCancelled(course="icp"))
    assert told.rows(training)[f"{ICP10}/cohort"].closed == "cancelled"
    told.tell(ICP10, "2024-10-03", CohortOpened(course="icp"))
    assert told.rows(training)[f"{ICP10}/cohort"].closed is None
    told.tell(ICP10, "2025-03-10", CohortCompleted(course="icp"))
    told.tell(ICP10, "2025-04-01", CohortOpened(course="icp"))
    assert told.rows(training)[f"{ICP10}/cohort"].closed == "completed"
