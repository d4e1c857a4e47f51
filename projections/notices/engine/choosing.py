"""What becomes of a notice in each channel at a moment: a message now, a place in the next digest, or nothing. Pure.

Whoever plans, however often, comes to the same: a notice goes out once through a channel, by itself or in a digest. In
a chat room a thing is posted once, however many people are told of it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

import msgspec

from projections.notices.engine.paces import Digest, last_digest
from projections.notices.engine.preferences import CHANNELS, Channel, Choices
from projections.notices.engine.rooms import NOWHERE
from projections.notices.engine.rule import Kind, Urgency

CLOCKS_AGREE = timedelta(days=1)  # a notice made so far in the future was made by a clock that ran wild
DIGEST_MAX = 150  # notices in one digest: so many always fit; the rest goes into the next message


class Undecided(msgspec.Struct, frozen=True, kw_only=True):
    """A notice of which it is open by which channel it goes out."""

    id: str
    rule: str
    subject: str
    recipient: str
    urgency: Urgency
    action: bool
    made_at: datetime
    window: str = ""
    position: int | None = None  # of the record it was made from
    carried: Collection[str] = ()  # the channels in which it has been decided
    room: str | None = (
        None  # the forum whose chat room is told of it, or NOWHERE; None: that is not known yet
    )
    posted: str | None = None  # the message by which a room was told of the same thing
    facts: Any = None

    def thing(self, channel: Channel) -> tuple[str, ...]:
        """What is told once: to each person their own, to a room what was told to any."""
        return (self.rule, self.subject, self.window) if channel == "chat" else (self.id,)


MessageKind: TypeAlias = Literal["notice", "digest", "agenda_pack"]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent."""

    recipient: str  # a person; of what is posted in a chat room, the forum whose room it is
    channel: Channel
    kind: MessageKind
    notices: tuple[str, ...]  # to a room several may be of the same thing: it is posted if any still holds
    due_at: datetime
    pace: Digest | None = None
    there_is_more: bool = False  # a digest that the next message goes on with


class Plan(msgspec.Struct):
    """What was decided: messages, and notices that do not go out through a channel."""

    messages: list[Message] = msgspec.field(default_factory=list)
    kept_back: list[tuple[str, Channel]] = msgspec.field(default_factory=list)
    posted: list[tuple[str, str]] = msgspec.field(default_factory=list)
    """Notices of which a room knows already, and by which message."""
    waiting: set[str] = msgspec.field(default_factory=set)
    """Notices that wait for a digest, or for their room to be known."""
    without_room: list[str] = msgspec.field(default_factory=list)
    """Those of them that wait for their room."""


Things: TypeAlias = dict[tuple[str, ...], list[Undecided]]


class _Going(msgspec.Struct):
    """What goes out now: to whom, through which channel, and of which things."""

    at_once: dict[tuple[str, Channel], Things] = msgspec.field(default_factory=dict)
    digests: dict[tuple[str, Channel, Digest], Things] = msgspec.field(default_factory=dict)

    def add(
        self, reader: str, channel: Channel, pace: Literal["at_once"] | Digest, notice: Undecided
    ) -> None:
        """One more notice for a reader: a person, or a room."""
        if pace == "at_once":
            things = self.at_once.setdefault((reader, channel), {})
        else:
            things = self.digests.setdefault((reader, channel, pace), {})
        things.setdefault(notice.thing(channel), []).append(notice)


def plan_of(notices: Iterable[Undecided], kinds: dict[str, Kind], choices: Choices, now: datetime) -> Plan:
    """The plan for these notices, in their order. `kinds` are the kinds of the rules."""
    plan, going = Plan(), _Going()
    for notice in notices:
        for channel in CHANNELS:
            if channel not in notice.carried:
                _decide(notice, channel, choices, now, plan, going)
    _once_in_each_room(going)
    for (reader, channel), things in going.at_once.items():
        due_at = choices.not_before(reader, channel, now)
        for thing in things.values():
            kind = kinds.get(thing[0].rule, "notice")
            plan.messages.append(_message(reader, channel, kind, [thing], due_at))
    for (reader, channel, pace), things in going.digests.items():
        due_at = choices.not_before(reader, channel, now)
        parts = list(_parts(things.values()))
        for number, part in enumerate(parts, start=1):
            more = number < len(parts)
            plan.messages.append(
                _message(reader, channel, "digest", part, due_at, pace=pace, there_is_more=more)
            )
    return plan


def _decide(
    notice: Undecided, channel: Channel, choices: Choices, now: datetime, plan: Plan, going: _Going
) -> None:
    in_a_room, person = channel == "chat", notice.recipient
    pace = choices.pace(person, notice.rule, channel, notice.urgency, action=notice.action)
    muted = choices.has_muted(person, notice.subject) and not notice.action
    reader = notice.room if in_a_room else person
    if pace == "never" or muted or reader == NOWHERE:
        plan.kept_back.append((notice.id, channel))
    elif in_a_room and notice.posted is not None:
        plan.posted.append((notice.id, notice.posted))
    elif reader is None:
        plan.without_room.append(notice.id)
        plan.waiting.add(notice.id)
    elif pace != "at_once" and not is_due(notice.made_at, pace, now):
        plan.waiting.add(notice.id)
    else:
        going.add(reader, channel, pace, notice)


def _once_in_each_room(going: _Going) -> None:
    """What is posted at once is in no digest of the room, and what is in one digest is in no other."""
    posted = {room: dict(things) for (room, channel), things in going.at_once.items() if channel == "chat"}
    for (room, channel, _), things in going.digests.items():
        known = posted.setdefault(room, {})
        for thing in [thing for thing in things if channel == "chat"]:
            if thing in known:
                known[thing] += things.pop(thing)
            else:
                known[thing] = things[thing]


def _message(
    reader: str,
    channel: Channel,
    kind: MessageKind,
    things: Sequence[Sequence[Undecided]],
    due_at: datetime,
    *,
    pace: Digest | None = None,
    there_is_more: bool = False,
) -> Message:
    return Message(
        recipient=reader,
        channel=channel,
        kind=kind,
        notices=tuple(one.id for thing in things for one in thing),
        due_at=due_at,
        pace=pace,
        there_is_more=there_is_more,
    )


def is_due(made_at: datetime, pace: Digest, now: datetime) -> bool:
    """Whether a digest of this pace went out since the notice was made. If a clock was put back, it waits no longer."""
    return made_at <= last_digest(pace, now) or made_at - now > CLOCKS_AGREE


def _parts(things: Iterable[Sequence[Undecided]]) -> Iterator[Sequence[Sequence[Undecided]]]:
    """What somebody has to act on first, and of that what is oldest; DIGEST_MAX notices in each."""
    part: list[Sequence[Undecided]] = []
    for thing in sorted(things, key=lambda thing: (not thing[0].action, thing[0].made_at, thing[0].id)):
        if part and sum(map(len, part)) + len(thing) > DIGEST_MAX:
            yield part
            part = []
        part.append(thing)
    if part:
        yield part
