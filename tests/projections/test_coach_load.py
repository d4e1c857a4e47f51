from datetime import date
from typing import Any

from events.coaching import (
    CoachAccredited,
    CoachAllocated,
    CoachingSessionHeld,
    CoachReleased,
    CoachSteppedDown,
)
from events.projects import ProjectCompleted, ProjectPaused, ProjectProposed, ProjectStarted
from events.teams import PersonJoined
from projections.coach_load import coach_load
from tests.projections.history import History

C, D = "person/c", "person/d"


async def loads(database_url: str, history: History, **asked: Any) -> dict[str, Any]:
    return {
        load.person: load for load in await history.ask(database_url, coach_load, "load", limit=1, **asked)
    }


async def test_a_coachs_load_is_what_they_coach_now_and_is_under_way(database_url: str) -> None:
    history = History()
    told = {
        "active": (ProjectStarted(directorate="newham"),),
        "paused": (ProjectStarted(directorate="luton"), ProjectPaused()),
        "done": (ProjectStarted(), ProjectCompleted(learned="It works.")),
        "waiting": (ProjectProposed(title="Soon"),),
        "left": (ProjectStarted(),),
    }
    for name, events in told.items():
        history.tell(f"project/{name}", "2024-01-01", *events, CoachAllocated(coach=C, hours_per_month=4))
    history.tell("project/left", "2024-02-01", CoachReleased(coach=C))
    history.tell("project/active", "2024-02-01", PersonJoined(person=C, role="coach"))
    history.tell("project/active", "2024-02-10", CoachingSessionHeld(coach=C, hours=1.5))
    history.tell("project/left", "2024-01", CoachingSessionHeld(coach=C))
    load = (await loads(database_url, history))[C]
    assert (load.under_way, load.active, load.waiting) == (2, 1, 1)
    assert (load.hours_per_month, load.sessions, str(load.last_session_until)) == (8, 2, "2024-02-10")
    assert load.directorates == ("luton", "newham")
    assert (await loads(database_url, history, directorate="luton"))[C].under_way == 1


async def test_sponsors_are_counted_by_themselves(database_url: str) -> None:
    history = History()
    history.tell("project/P-1", "2024-01-01", ProjectStarted(), PersonJoined(person=D, role="sponsor"))
    history.tell("project/P-1", "2024-01-01", CoachAllocated(coach=C), CoachingSessionHeld(coach=C))
    sponsors = await loads(database_url, history, role="sponsor")
    assert {person: load.under_way for person, load in sponsors.items()} == {D: 1}
    assert sponsors[D].sessions == 0


async def test_accredited_coaches_without_a_project_are_there_too(database_url: str) -> None:
    history = History()
    history.tell(C, "2023", CoachAccredited(kind="service_user", hours_per_month=8))
    history.tell(D, "2023", CoachAccredited())
    history.tell(D, "2024-03", CoachSteppedDown())
    found = await loads(database_url, history)
    assert {person: (load.kind, load.accredited, load.stepped_down) for person, load in found.items()} == {
        C: ("service_user", "2023", None),
        D: (None, "2023", "2024-03"),
    }
    assert found[C].hours_free == 8
    assert set(await loads(database_url, history, person=D)) == {D}
    assert await loads(database_url, history, directorate="luton") == {}


def test_the_latest_session_may_have_been_on_the_last_day_of_its_month() -> None:
    history = History()
    history.tell("project/P-1", "2024-05", CoachingSessionHeld(coach="person/c"))
    history.tell("project/P-1", "2024-05-02", CoachingSessionHeld(coach="person/c"))
    [coaching] = history.row(coach_load, "project/P-1").coaching
    assert (coaching.sessions, coaching.last_session_until) == (2, date(2024, 5, 31))
