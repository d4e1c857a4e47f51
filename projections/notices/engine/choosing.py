"""What becomes of a notice in each channel at a moment: a message now, a place in the next digest, or nothing. Pure.

Whoever plans, however often, comes to the same: a notice goes out once through a channel, by itself or in a digest.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

import msgspec

from projections.notices.engine.paces import Digest, last_digest
from projections.notices.engine.preferences import CHANNELS, Channel, Choices
from projections.notices.engine.rule import Kind, Urgency

CLOCKS_AGREE = timedelta(days=1)  # a notice made so far in the future was made by a clock that ran wild
DIGEST_MAX = (
    150  # notices in one digest: so many always fit, however long their titles; the rest goes into the next
)


class Undecided(msgspec.Struct, frozen=True, kw_only=True):
    """A notice of which it is open by which channel it goes out."""

    id: str
    rule: str
    subject: str
    recipient: str
    urgency: Urgency
    action: bool
    made_at: datetime
    carried: tuple[str, ...] = ()  # the channels in which it has been decided
    facts: Any = None


MessageKind: TypeAlias = Literal["notice", "digest", "agenda_pack"]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent."""

    recipient: str
    channel: Channel
    kind: MessageKind
    notices: tuple[str, ...]
    due_at: datetime
    pace: Digest | None = None
    there_is_more: bool = False  # a digest that the next message goes on with


class Plan(msgspec.Struct):
    """What was decided: messages, and notices that do not go out through a channel."""

    messages: list[Message] = msgspec.field(default_factory=list)
    kept_back: list[tuple[str, Channel]] = msgspec.field(default_factory=list)
    waiting: set[str] = msgspec.field(default_factory=set)  # notices that wait for a digest


def plan_of(notices: Iterable[Undecided], kinds: dict[str, Kind], choices: Choices, now: datetime) -> Plan:
    """The plan for these notices, in their order. `kinds` are the kinds of the rules."""
    plan = Plan()
    digests: dict[tuple[str, Channel, Digest], list[Undecided]] = {}
    for notice in notices:
        for channel in CHANNELS:
            if channel not in notice.carried:
                _decide(notice, channel, kinds.get(notice.rule, "notice"), choices, now, plan, digests)
    for (recipient, channel, pace), gathered in digests.items():
        due_at = choices.not_before(recipient, channel, now)
        parts = list(_parts(gathered))
        for number, part in enumerate(parts, start=1):
            plan.messages.append(
                Message(
                    recipient=recipient,
                    channel=channel,
                    kind="digest",
                    notices=tuple(one.id for one in part),
                    due_at=due_at,
                    pace=pace,
                    there_is_more=number < len(parts),
                )
            )
    return plan


def _decide(
    notice: Undecided,
    channel: Channel,
    kind: Kind,
    choices: Choices,
    now: datetime,
    plan: Plan,
    digests: dict[tuple[str, Channel, Digest], list[Undecided]],
) -> None:
    person = notice.recipient
    pace = choices.pace(person, notice.rule, channel, notice.urgency, action=notice.action)
    if pace == "never" or (choices.has_muted(person, notice.subject) and not notice.action):
        plan.kept_back.append((notice.id, channel))
    elif pace == "at_once":
        due_at = choices.not_before(person, channel, now)
        plan.messages.append(
            Message(recipient=person, channel=channel, kind=kind, notices=(notice.id,), due_at=due_at)
        )
    elif is_due(notice.made_at, pace, now):
        digests.setdefault((person, channel, pace), []).append(notice)
    else:
        plan.waiting.add(notice.id)


def is_due(made_at: datetime, pace: Digest, now: datetime) -> bool:
    """Whether a digest of this pace went out since the notice was made. If a clock was put back, it waits no longer."""
    return made_at <= last_digest(pace, now) or made_at - now > CLOCKS_AGREE


def _parts(gathered: Sequence[Undecided]) -> Iterable[Sequence[Undecided]]:
    """What somebody has to act on first, and of that what is oldest; so many in each."""
    in_order = sorted(gathered, key=lambda one: (not one.action, one.made_at, one.id))
    return (in_order[start : start + DIGEST_MAX] for start in range(0, len(in_order), DIGEST_MAX))
