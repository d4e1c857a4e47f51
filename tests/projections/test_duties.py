"""What projects have in hand, and by when."""

from datetime import date
from typing import Any

from events.measures import Interval, MeasureDefined, MeasurementRecorded
from events.projects import ProjectCompleted, ProjectReopened, ProjectStarted
from events.reviews import ProjectReviewed
from events.sustaining import HandedToQualityControl
from projections.duties import duties
from tests.projections.history import History

P = "project/P-1"


async def in_hand(database_url: str, history: History, **asked: Any) -> list[tuple[str, date | None]]:
    found = await history.ask(database_url, duties, "in_hand", **asked)
    return [(one.what, one.due) for one in found]


async def test_a_review_is_due_on_the_last_day_by_which_the_forum_wants_it(database_url: str) -> None:
    history = History()
    history.tell(P, "2024-01-01", ProjectStarted())
    history.tell(P, "2024-02-01", ProjectReviewed(forum="newham", outcome="continue", next_review="2024-06"))
    due = ("review", date(2024, 6, 30))
    assert await in_hand(database_url, history) == [due]
    assert await in_hand(database_url, history, due_by=date(2024, 6, 30)) == [due]
    assert await in_hand(database_url, history, due_by=date(2024, 6, 29)) == []
    history.tell(P, "2024-06-20", ProjectReviewed(forum="newham", outcome="continue"))
    assert await in_hand(database_url, history) == []


async def test_gains_are_looked_at_while_a_project_is_completed(database_url: str) -> None:
    history = History()
    history.tell(P, "2024-01-01", ProjectStarted())
    history.tell(P, "2024-02-01", HandedToQualityControl(owner_role="Ward manager", review_due="2024-09"))
    assert await in_hand(database_url, history) == []
    history.tell(P, "2024-03-01", ProjectCompleted())
    assert await in_hand(database_url, history) == [("sustain_check", date(2024, 9, 30))]
    history.tell(P, "2024-04-01", ProjectReopened())
    assert await in_hand(database_url, history) == []


def test_a_quarter_that_began_on_the_first_of_january_ended_on_the_last_of_march() -> None:
    ends: dict[Interval, date] = {
        "quarterly": date(2024, 3, 31),
        "monthly": date(2024, 1, 31),
        "yearly": date(2024, 12, 31),
        "weekly": date(2024, 1, 7),
    }
    history = History()
    for interval in ends:
        history.tell(P, "2024-01-01", MeasureDefined(measure=interval, name="Sleep", interval=interval))
        history.tell(P, "2024-05-01", MeasurementRecorded(measure=interval, period="2024-01-01", value=1))
    assert {one.measure: one.data_until for one in history.row(duties, P).measures} == ends
