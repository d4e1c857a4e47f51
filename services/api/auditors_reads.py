"""An auditor's read, with the positions that were shown: on record among the operations."""

from collections.abc import Sequence

from events.log.keys import AUDIT
from services.api.answers import named
from services.api.asked import Asked, desk_of


def note_positions(request: Asked, positions: Sequence[int]) -> None:
    """Where an auditor reads, which records it was. That he read at all is counted at the door already."""
    if AUDIT in request.auth.scopes:
        desk_of(request).journal.read(request.auth, named(request), positions, times=0)
