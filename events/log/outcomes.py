"""What the log answers when it does not keep an event: domain words with their facts."""

from typing import TypeAlias

import msgspec

from events.log.record import Receipt


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """Another event was kept before under the same source and id."""

    source: str
    id: str
    kept: Receipt | None
    """The other's receipt; None if the other stands in the same all-or-nothing request, which is held back."""


class WrongVersion(msgspec.Struct, frozen=True, kw_only=True):
    """The stream was not at the version that the sender expected."""

    stream: str
    expected: int
    found: int


class HeldBack(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is wrong with this event, but its all-or-nothing request held another that was refused."""


Refusal: TypeAlias = Conflict | WrongVersion | HeldBack
Outcome: TypeAlias = Receipt | Refusal


class UnknownOrganisation(LookupError):
    """No log is kept for this organisation."""

    def __init__(self, organisation: str) -> None:
        self.organisation = organisation
        super().__init__(f"no log is kept for organisation {organisation}")


class LogBusy(RuntimeError):
    """The log could not answer in time. Nothing was acknowledged; telling the same event again is safe."""
