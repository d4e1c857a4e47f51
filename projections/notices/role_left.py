"""A project has lost its lead, coach or sponsor. They hear it at once, and so do those who lead and advise it."""

from collections.abc import Iterator

from events.coaching import CoachReleased
from events.teams import PersonChangedRole, PersonLeft
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import Notice, Rule
from projections.notices.engine.words import name_of
from projections.notices.role_taken import CALLED

role_left = Rule("role_left", doc=__doc__, urgency="at_once")


@role_left.on(PersonLeft)
def left(event: PersonLeft, at: Moment) -> Iterator[Notice]:
    return _left(event.person, event.role, at)


@role_left.on(PersonChangedRole)
def changed(event: PersonChangedRole, at: Moment) -> Iterator[Notice]:
    return _left(event.person, event.was, at)


@role_left.on(CoachReleased)
def released(event: CoachReleased, at: Moment) -> Iterator[Notice]:
    return _left(event.coach, "coach", at)


def _left(person: str, role: str | None, at: Moment) -> Iterator[Notice]:
    """Without a role, of every role that they held. Who held none, or holds it still, is told nothing."""
    name = name_of(at.project, at.record.stream)
    still = {(member.person, member.role) for member in at.project.team}
    for member in at.project_before.team:
        if member.person != person or role not in (None, member.role) or member.role not in CALLED:
            continue
        if (person, member.role) in still:
            continue
        called, window = CALLED[member.role], f"{person}/{member.role}/{at.record.occurred[:10]}"
        yield Notice(
            to=(person,),
            title=f"You are no longer {called} of {name}",
            because=f"you were its {called}",
            window=window,
            facts={"role": member.role},
        )
        yield Notice(
            to=("lead", "advisor", "improvement_advisor"),
            title=f"{name} has lost its {called}",
            window=window,
            facts={"role": member.role},
        )
