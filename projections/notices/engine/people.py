"""Who does what for improvement in an organisation: platform roles, folded from each person's stream."""

import msgspec

from events.log.record import Record
from events.people import PersonRolesChanged
from events.rights import ErasureExecuted
from projections.engine.projection import Projection


class PlatformRoles(msgspec.Struct, frozen=True):
    """What somebody does, and where if not everywhere."""

    roles: tuple[str, ...] = ()
    directorate: str | None = None


platform_roles = Projection("platform_roles", revision=1, row=PlatformRoles, streams=["person"])
"""Folded at the moment of each record, and never kept as a projection."""


@platform_roles.on(PersonRolesChanged)
def changed(row: PlatformRoles | None, event: PersonRolesChanged, record: Record) -> PlatformRoles:
    return PlatformRoles(event.roles, event.directorate)


@platform_roles.on(ErasureExecuted)
def erased(row: PlatformRoles | None, event: ErasureExecuted, record: Record) -> PlatformRoles:
    """Who was erased is told nothing more."""
    return PlatformRoles()
