"""What became of a letter, in one of four words, and the channel that says so."""

from datetime import timedelta
from typing import Protocol, TypeAlias, runtime_checkable

import msgspec

from services.channels.letter import Letter


class Sent(msgspec.Struct, frozen=True):
    """The other side has taken it, and answers for it. `reference` is what they call it."""

    reference: str


class TryLater(msgspec.Struct, frozen=True):
    """It was not taken, for a reason that may pass. `everybody`: the channel itself is out of order, for any letter."""

    reason: str
    after: timedelta | None = None  # as the other side asked
    everybody: bool = False


class Refused(msgspec.Struct, frozen=True):
    """It was not taken, and will not be: a person has to look into it. `bad_address`: nor will anything be, there."""

    reason: str
    bad_address: bool = False


class Unknown(msgspec.Struct, frozen=True):
    """It may have been taken or not: the other side went silent at the wrong moment."""

    reason: str


Outcome: TypeAlias = Sent | TryLater | Refused | Unknown


class Channel(Protocol):
    """A way to reach people. Not to be used by two threads at once, `drop` apart."""

    name: str
    patience_s: float  # what takes longer is of unknown outcome; 0: it is done here and takes no time
    per_minute: int  # how many letters it takes; 0: as many as there are
    settles_after: timedelta  # so long after an unknown outcome it is asked for, or sent again

    def send(self, letter: Letter, to: str) -> Outcome:
        """Sends a letter to an address. Never raises for what the other side does."""

    def heard_of(self, letter_id: str) -> Sent | None:
        """Whether the other side has taken a letter whose outcome is unknown; None if it has not, or cannot say.

        Raises NotAnswered if it did not answer.
        """

    def reach(self) -> str:
        """Reaches the other side without sending anything, and says whom. Raises NotAnswered."""

    def drop(self) -> None:
        """Lets connections go; also from another thread, to end a call that takes too long."""


class Arrived(msgspec.Struct, frozen=True):
    """It reached the mailbox."""


class Bounced(msgspec.Struct, frozen=True):
    """It did not arrive, and at this address nothing will."""

    reason: str


class LostOnTheWay(msgspec.Struct, frozen=True):
    """It did not arrive, and the address is not to blame as far as anybody knows."""

    reason: str


Arrival: TypeAlias = Arrived | Bounced | LostOnTheWay


@runtime_checkable
class TellsLater(Protocol):
    """A channel that knows only later what became of a letter that it took."""

    name: str
    patience_s: float

    def what_became_of(self, reference: str) -> Arrival | None:
        """What became of a letter, by what the other side calls it; None while that is open. Raises NotAnswered."""

    def drop(self) -> None:
        """Lets connections go."""


class NotAnswered(Exception):
    """The other side could not be asked; the message says why, without secrets and addresses."""


class WrongWay(ValueError):
    """A channel cannot be set up as the settings say; the message says why, without secrets."""
