"""Somebody leads, coaches or sponsors a project from now on. They hear it at once, and so do its lead and advisors."""

from collections.abc import Iterator

from events.coaching import CoachAllocated
from events.fields import Role
from events.teams import PersonChangedRole, PersonJoined
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import Notice, Rule
from projections.notices.engine.words import name_of

role_taken = Rule("role_taken", doc=__doc__, urgency="at_once")

CALLED: dict[Role, str] = {"lead": "lead", "co_lead": "co-lead", "coach": "coach", "sponsor": "sponsor"}


@role_taken.on(PersonJoined)
@role_taken.on(PersonChangedRole)
def joined(event: PersonJoined | PersonChangedRole, at: Moment) -> Iterator[Notice]:
    return _taken(event.person, event.role, at)


@role_taken.on(CoachAllocated)
def allocated(event: CoachAllocated, at: Moment) -> Iterator[Notice]:
    return _taken(event.coach, "coach", at)


def _taken(person: str, role: Role, at: Moment) -> Iterator[Notice]:
    """Nobody is told of a role that was held before; nor, where it is told late, of one that has ended since."""
    held, holds = (
        any((member.person, member.role) == (person, role) for member in project.team)
        for project in (at.project_before, at.project)
    )
    if held or not holds or role not in CALLED:
        return
    name, window = name_of(at.project, at.record.stream), f"{person}/{role}/{at.record.occurred[:10]}"
    yield Notice(
        to=(person,),
        title=f"You are {CALLED[role]} of {name}",
        because=f"you were made its {CALLED[role]}",
        window=window,
        facts={"role": role},
    )
    yield Notice(
        to=("lead", "advisor", "improvement_advisor"),
        title=f"{name} has a new {CALLED[role]}",
        window=window,
        facts={"role": role},
    )
