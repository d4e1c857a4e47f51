"""What people chose: how soon they are told, by rule and channel; when they are left in peace; what they muted.

The choice nearest to the person and the rule counts: the person's for the rule, the person's for every rule, then the
organisation's own for the rule, and for every rule. Without any, a person is told in the inbox at once and by e-mail as
soon as the rule says. What needs action cannot be switched off by the person who has to act.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args

import msgspec
from psycopg import Connection

from projections.notices.engine.paces import Pace
from projections.notices.engine.quiet_hours import QuietHours
from projections.notices.engine.rule import Urgency

Channel: TypeAlias = Literal["inbox", "email", "notify", "chat"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
EVERY, EVERYBODY = "*", "*"

_CHOSEN = """
    SELECT person, rule, channel, pace
      FROM notices.preferences
     WHERE organisation = %(organisation)s AND person = ANY (%(people)s)
"""
_QUIET = """
    SELECT person, starts, ends
      FROM notices.quiet_hours
     WHERE organisation = %(organisation)s AND person = ANY (%(people)s)
"""
_MUTED = """
    SELECT person, subject
      FROM notices.mutes
     WHERE organisation = %(organisation)s AND person = ANY (%(people)s) AND (until IS NULL OR until > %(now)s)
"""


class Choices(msgspec.Struct, frozen=True):
    """What some people chose, and what their organisation chose for everybody."""

    paces: Mapping[tuple[str, str, str], Pace] = msgspec.field(default_factory=dict)
    quiet: Mapping[str, QuietHours] = msgspec.field(default_factory=dict)
    muted: frozenset[tuple[str, str]] = frozenset()

    def pace(self, person: str, rule: str, channel: Channel, urgency: Urgency, *, action: bool) -> Pace:
        """How soon a person is told by a rule through a channel."""
        for who, of in ((person, rule), (person, EVERY), (EVERYBODY, rule), (EVERYBODY, EVERY)):
            pace = self.paces.get((who, of, channel))
            if pace is not None and not (action and pace == "never" and who == person):
                return pace
        defaults: Mapping[Channel, Pace] = {"inbox": "at_once", "email": urgency}
        return defaults.get(channel, "never")

    def has_any_of(self, channel: Channel) -> bool:
        """Whether anything was chosen of a channel."""
        return any(chosen == channel for _, _, chosen in self.paces)

    def has_muted(self, person: str, subject: str) -> bool:
        """Whether a person does not want to hear of something for now."""
        return (person, subject) in self.muted

    def not_before(self, person: str, channel: Channel, at: datetime) -> datetime:
        """When a message may go: an inbox rings no bell, anything else waits for the end of quiet hours."""
        quiet = self.quiet.get(person) or self.quiet.get(EVERYBODY)
        return at if quiet is None or channel == "inbox" else quiet.after(at)


def choices_of(conn: Connection[Any], organisation: str, people: Iterable[str], now: datetime) -> Choices:
    """What these people chose. The caller's transaction has said for which organisation."""
    asked = {"organisation": organisation, "people": [*people, EVERYBODY], "now": now}
    paces = {(who, rule, channel): pace for who, rule, channel, pace in conn.execute(_CHOSEN, asked)}
    quiet = {who: QuietHours(starts, ends) for who, starts, ends in conn.execute(_QUIET, asked)}
    muted = frozenset((who, subject) for who, subject in conn.execute(_MUTED, asked))
    return Choices(paces, quiet, muted)
