"""Whom a rule tells: roles, and how they become people. Pure.

Roles in a project are held by its team; a forum's chair is the chair of the forum that looks after it. Platform roles
are what people do for improvement in the whole organisation or in a directorate. Somebody told in several roles is
told once, in the first. Nobody is told of work that they may not see.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias, get_args

import msgspec

from projections.duties import Duties
from projections.forum_calendar import Forum

TeamRole: TypeAlias = Literal["lead", "sponsor", "coach", "advisor", "data", "proposer"]
ForumRole: TypeAlias = Literal["chair"]
PlatformRole: TypeAlias = Literal["improvement_advisor", "communications", "training_team", "administrator"]
Role: TypeAlias = TeamRole | ForumRole | PlatformRole

REFERENCE = re.compile(r"person/[A-Za-z0-9_-]{1,64}")  # whoever is named otherwise can be told nothing

PLATFORM: tuple[str, ...] = get_args(PlatformRole)
TEAM: tuple[str, ...] = get_args(TeamRole)

BECAUSE: Mapping[str, str] = {
    "lead": "you lead it",
    "sponsor": "you sponsor it",
    "coach": "you coach it",
    "advisor": "you advise it",
    "data": "you look after its data",
    "proposer": "you proposed it",
    "chair": "you chair the forum that looks after it",
    "improvement_advisor": "you are an improvement advisor here",
    "communications": "you tell others of improvement work here",
    "training_team": "you look after training in improvement here",
    "administrator": "you look after this record of improvement work",
}


class Person(msgspec.Struct, frozen=True):
    """What somebody does for improvement in the organisation."""

    person: str
    roles: tuple[str, ...]
    directorate: str | None = None  # where, if not everywhere


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """Where roles are looked for: a project, the forum that looks after it, and who does what in the organisation."""

    project: Duties | None = None
    forum: Forum | None = None
    directorate: str | None = None
    people: tuple[Person, ...] = ()


def recipients(to: Iterable[str], around: Around, because: str) -> dict[str, str]:
    """Who is told, each with why: it goes on from "You are told because". `because` is of those named by reference."""
    told: dict[str, str] = {}
    for whom in to:
        for person in filter(REFERENCE.fullmatch, _people(whom, around)):
            reason = BECAUSE.get(whom, because)
            told.setdefault(person, f"{reason}.")
    return told


def _people(whom: str, around: Around) -> list[str]:
    if whom.startswith("person/"):
        return [whom]
    if whom in PLATFORM:
        return _doing(whom, around)
    if whom == "chair":
        return [] if _audience(around) == "team" or around.forum is None else list(around.forum.chairs)
    return [] if around.project is None else _in_team(whom, around.project)


def _in_team(role: str, project: Duties) -> list[str]:
    """Who holds a role. A co-lead is a lead; where nobody looks after the data, the leads do."""
    if role == "proposer":
        return [project.proposer] if project.proposer is not None else []
    held = ("lead", "co_lead") if role == "lead" else (role,)
    found = [member.person for member in project.team if member.role in held]
    return found or (_in_team("lead", project) if role == "data" else [])


def _doing(role: str, around: Around) -> list[str]:
    """Advisors see what a forum sees; the others what the organisation sees."""
    audience, directorate = _audience(around), _directorate(around)
    if audience == "team" or (audience == "forum" and role != "improvement_advisor"):
        return []
    return [
        one.person
        for one in around.people
        if role in one.roles and (one.directorate is None or directorate in (None, one.directorate))
    ]


def _audience(around: Around) -> str:
    return around.project.audience if around.project is not None else "organisation"


def _directorate(around: Around) -> str | None:
    return around.project.directorate if around.project is not None else around.directorate
