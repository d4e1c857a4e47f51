"""What is made of a message that was taken up, just before it goes: a letter and an address, or why it does not go."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec
import structlog

from events.privacy.custody import NoMasterKey
from services.channels.letter import Letter
from services.channels.wording import CannotBeWorded, Words
from services.worker.delivering.claim import Claim
from services.worker.delivering.still import (
    Known,
    NoAddress,
    NoNews,
    NotTold,
    address_of,
    check_is_news,
    facts_of,
    quiet_until,
    unsubscribing,
)

log = structlog.get_logger(__name__)


class Batch(msgspec.Struct, kw_only=True):
    """A few messages of one channel that are ours for now, and what is known of them."""

    organisation: str
    claims: list[Claim]  # in the order in which they go
    known: Known
    failures: int  # of the channel, in a row
    since: float  # of `time.monotonic()`: when they were taken up

    def __repr__(self) -> str:
        return f"Batch({len(self.claims)})"


class Ready(msgspec.Struct, frozen=True):
    """A message that can go: it is known what to say, and where. `in_doubt`: nobody knows what became of it last."""

    claim: Claim
    letter: Letter
    to: str
    in_doubt: bool

    def __repr__(self) -> str:
        return f"Ready({self.claim.id})"  # it holds an address


class NotGoing(msgspec.Struct, frozen=True):
    """A message that is not to go, and why."""

    claim: Claim
    state: Literal["dead", "withdrawn"]
    reason: str


class NotYet(msgspec.Struct, frozen=True):
    """A message that may not go before a moment: its person is not to be disturbed."""

    claim: Claim
    until: datetime


class NobodyCan(msgspec.Struct, frozen=True):
    """No message can go by this channel for now, and why."""

    claim: Claim
    reason: str


Prepared: TypeAlias = Ready | NotGoing | NotYet | NobodyCan


def prepared(claim: Claim, known: Known, words: Words, *, now: datetime) -> Prepared:
    """A message with its words and its address. Never raises: one message must not hold up the others."""
    try:
        facts = facts_of(claim, known)
        until = quiet_until(claim, known, now=now)
        if until > now:
            return NotYet(claim, until)
        check_is_news(claim, known, now=now)
        to = address_of(claim, known)
        stops = unsubscribing(claim, facts, known, ours=words.ours)
        letter = words.letter(claim.kind, facts, id=claim.id, at=now, unsubscribe=stops)
    except NotTold as why:
        return NotGoing(claim, "withdrawn", str(why))
    except NoMasterKey as why:
        return NobodyCan(claim, str(why))
    except (NoAddress, NoNews, CannotBeWorded) as why:
        return NotGoing(claim, "dead", str(why))
    except Exception as failure:
        log.exception("a message cannot be prepared", message=claim.id)
        return NotGoing(claim, "dead", f"cannot be prepared: {type(failure).__name__}")
    return Ready(claim, letter, to, known.last.get(claim.id) == "unknown")
