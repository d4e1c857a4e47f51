"""Who is in a project's team: what follows from everybody who joined, left or changed role."""

from typing import TypeAlias

import msgspec
from psycopg import sql

from events.coaching import CoachAllocated, CoachReleased
from events.fields import PersonKind, Role
from events.log.record import Record
from events.teams import PersonChangedRole, PersonJoined, PersonLeft
from events.vocabulary import Event
from projections.endings import Endings, has_ended, with_ending
from projections.moments import as_written
from projections.project_life import Changes, ProjectLife

TEAM_MAX = 60  # roles held at once that a row shows; a team has five to eight members

# SQL that is true of a row with such a member in its team.
HAS_SPONSOR = sql.SQL("""team @> '[{"role": "sponsor"}]'""")
HAS_COACH = sql.SQL("""team @> '[{"role": "coach"}]'""")
HAS_LEAD = sql.SQL("""(team @> '[{"role": "lead"}]' OR team @> '[{"role": "co_lead"}]')""")

TEAM: tuple[type[Event], ...] = (PersonJoined, PersonLeft, PersonChangedRole, CoachAllocated, CoachReleased)
"""The types of events that `team_after` folds."""


class Member(msgspec.Struct, frozen=True, gc=False):
    """One role that somebody holds in a project."""

    person: str  # an opaque reference
    role: Role
    since: str  # as written
    kind: PersonKind | None = None


Team: TypeAlias = tuple[Member, ...]


class WithTeam(ProjectLife, frozen=True, kw_only=True):
    """A project and its team."""

    team: Team = ()  # who holds which role now
    gone: Endings = ()  # of roles, where it is known only to the day, month or year


def team_after(row: WithTeam, event: Event, record: Record) -> Changes:
    """What an event of `TEAM` changes in a row. The same person and role is in the team once."""
    match event:
        case PersonJoined():
            return _joined(row, Member(event.person, event.role, as_written(record), event.kind), record)
        case CoachAllocated():
            return _joined(row, Member(event.coach, "coach", as_written(record)), record)
        case PersonLeft():
            return _left(row, event.person, event.role, record)
        case CoachReleased():
            return _left(row, event.coach, "coach", record)
        case PersonChangedRole():
            kind = next((member.kind for member in row.team if member.person == event.person), None)
            without = msgspec.structs.replace(row, **_left(row, event.person, event.was, record))
            new = Member(event.person, event.role, as_written(record), kind)
            return {"team": without.team, "gone": without.gone} | _joined(without, new, record)
    return {}


def _joined(row: WithTeam, new: Member, record: Record) -> Changes:
    """Nobody joins who has left by then, in that role or in every one."""
    if any(has_ended(row.gone, what, record) for what in (_role(new.person, new.role), new.person)):
        return {}
    held = any(member.person == new.person and member.role == new.role for member in row.team)
    return {} if held or len(row.team) >= TEAM_MAX else {"team": (*row.team, new)}


def _left(row: WithTeam, person: str, role: Role | None, record: Record) -> Changes:
    stay = [one for one in row.team if one.person != person or (role is not None and one.role != role)]
    what = person if role is None else _role(person, role)
    return {"team": tuple(stay), "gone": with_ending(row.gone, what, record)}


def _role(person: str, role: Role) -> str:
    return f"{person} {role}"
