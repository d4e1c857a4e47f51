"""People's rights over data about them: access, rectification, erasure. Told without a word about the person."""

from typing import Annotated, Literal

from msgspec import Meta

from events.fields import Count, Label, Text, WrittenDate
from events.streams import AnyEvent, PersonEvent
from events.vocabulary import example

Grounds = Literal[
    "public_interest_task", "legal_obligation", "archiving_or_statistics", "legal_claims", "not_identifiable"
]
Copies = Annotated[tuple[Label, ...], Meta(max_length=50, description="Places that held a copy.")]


@example(due="2025-02-28")
class ErasureRequested(PersonEvent, frozen=True, kw_only=True, tag="erasure.requested"):
    """A person asked for data about them to be erased (UK GDPR, Article 17)."""

    due: WrittenDate | None = None  # by when they must have an answer


@example(decision="refused", grounds="legal_obligation", reason="The record must be kept for eight years.")
class ErasureDecided(PersonEvent, frozen=True, kw_only=True, tag="erasure.decided"):
    """The organisation decided on a request for erasure. Each request is decided by itself, never by a general rule."""

    decision: Literal["granted", "partly_granted", "refused"]  # the decision
    grounds: Grounds | None = None  # what a refusal rests on
    reason: Text | None = None  # the reasons, without a word about the person


@example(keys_destroyed=1, copies=["Search index", "Webhook of the trust's intranet"])
class ErasureExecuted(PersonEvent, frozen=True, kw_only=True, tag="erasure.executed"):
    """The keys to a person's data were destroyed, and copies cleared. Counts and proofs stay as they were."""

    keys_destroyed: Count  # how many keys
    copies: Copies = ()  # where copies were cleared


@example(corrected=2)
class RectificationApplied(PersonEvent, frozen=True, kw_only=True, tag="rectification.applied"):
    """Data about a person were put right at their request (UK GDPR, Article 16)."""

    corrected: Count  # how many events were corrected


@example(events=38)
class AccessReported(PersonEvent, frozen=True, kw_only=True, tag="access.reported"):
    """A person was given a copy of the data about them (UK GDPR, Article 15)."""

    events: Count  # how many events they were given


@example(hold="LH-2", reason="An inquiry has asked for all records of the ward.")
class LegalHoldSet(AnyEvent, frozen=True, kw_only=True, tag="legal_hold.set"):
    """Nothing about this may be erased until the hold is lifted."""

    hold: Label  # which hold
    reason: Text | None = None  # why


@example(hold="LH-2", reason="The inquiry has reported.")
class LegalHoldLifted(AnyEvent, frozen=True, kw_only=True, tag="legal_hold.lifted"):
    """A legal hold no longer holds."""

    hold: Label  # which hold
    reason: Text | None = None  # why
