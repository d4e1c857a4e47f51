"""Who does the work: sponsor, coach, lead, service users and carers."""

from events.involvement import InvolvementSet
from events.log.record import Record
from events.projects import ProjectStarted
from events.teams import PersonChangedRole, PersonJoined
from projections.oddities.rule import WHOLE, rule
from projections.oddities.so_far import SoFar

Joins = PersonJoined | PersonChangedRole


def _leads(so_far: SoFar) -> set[str]:
    return {member.person for member in so_far.team if member.role == "lead"}


def _sponsor_leads(so_far: SoFar) -> bool:
    leads = _leads(so_far)
    return any(member.role == "sponsor" and member.person in leads for member in so_far.team)


@rule(
    "started_without_sponsor",
    "It was started, and nobody is told to be its sponsor.",
    ProjectStarted,
    healed=lambda now, _: now.in_team("sponsor"),
)
def started_without_sponsor(before: SoFar, after: SoFar, event: ProjectStarted, record: Record) -> str | None:
    return None if after.in_team("sponsor") else WHOLE


@rule(
    "started_without_coach",
    "It was started, and nobody is told to be its coach.",
    ProjectStarted,
    healed=lambda now, _: now.in_team("coach"),
)
def started_without_coach(before: SoFar, after: SoFar, event: ProjectStarted, record: Record) -> str | None:
    return None if after.in_team("coach") else WHOLE


@rule(
    "started_without_lead",
    "It was started, and nobody is told to lead it.",
    ProjectStarted,
    healed=lambda now, _: now.in_team("lead", "co_lead"),
)
def started_without_lead(before: SoFar, after: SoFar, event: ProjectStarted, record: Record) -> str | None:
    return None if after.in_team("lead", "co_lead") else WHOLE


@rule(
    "sponsor_leads",
    "One person is its sponsor and its lead: nobody is left to unblock things for the team.",
    PersonJoined,
    PersonChangedRole,
    healed=lambda now, _: not _sponsor_leads(now),
)
def sponsor_leads(before: SoFar, after: SoFar, event: Joins, record: Record) -> str | None:
    if event.role not in ("sponsor", "lead"):
        return None
    return WHOLE if _sponsor_leads(after) and not _sponsor_leads(before) else None


@rule(
    "two_leads",
    "Two people lead it at once; who lead it together are co-leads.",
    PersonJoined,
    PersonChangedRole,
    healed=lambda now, _: len(_leads(now)) < 2,
)
def two_leads(before: SoFar, after: SoFar, event: Joins, record: Record) -> str | None:
    if event.role != "lead":
        return None
    return WHOLE if len(_leads(after)) > max(len(_leads(before)), 1) else None


@rule("joined_twice", "Somebody joined in a role that they already had.", PersonJoined)
def joined_twice(before: SoFar, after: SoFar, event: PersonJoined, record: Record) -> str | None:
    for member in before.team:
        if member.person == event.person and member.role == event.role:
            return event.role
    return None


@rule(
    "big_i_without_service_user",
    "Its involvement is Big I, and no service user or carer is in its team.",
    InvolvementSet,
    healed=lambda now, _: now.involvement != "big_i" or now.in_team("service_user", "carer"),
)
def big_i_without_service_user(
    before: SoFar, after: SoFar, event: InvolvementSet, record: Record
) -> str | None:
    return WHOLE if event.level == "big_i" and not after.in_team("service_user", "carer") else None
