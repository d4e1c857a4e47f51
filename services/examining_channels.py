"""What `qiledger doctor` says of channels: which are set up and reach their servers, what waits, and what is dead."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg

from events.counted import counted
from events.log.read import FOR_ORGANISATION
from services.channels.examples import example, unsubscribe_of
from services.channels.outcome import Channel, NotAnswered
from services.channels.set_up import MAKERS, address_of, sound_channels, words
from services.channels.smtp import THIS_MACHINE, way_of
from services.channels.within import OutOfTime, within
from services.channels.wording import KINDS, CannotBeWorded
from services.finding import Finding
from services.messages import BAD_ADDRESSES, COUNTS, HEALTH
from services.settings import Settings

ANSWER_WITHIN_S = 10.0
LOOKED_MAX = 1_000

_ORGANISATIONS = """
    SELECT organisation
      FROM log.heads
     WHERE organisation NOT LIKE '%%.operations'
     ORDER BY organisation
     LIMIT %(limit)s
"""


def examine_channels(settings: Settings, database_url: str | None) -> Iterator[Finding]:
    """Every channel, then what the organisations' messages are waiting for. Never raises for what it finds."""
    sound, wrong = sound_channels(settings)
    for name in MAKERS:
        if name in sound:
            yield _reached(sound[name])
        elif name in wrong:
            yield Finding(f"channel {name}", "wrong", wrong[name], "See docs/telling-people.md.")
        else:
            yield Finding(f"channel {name}", "well", "not set up")
    if settings.smtp_url is not None and "email" in sound:
        yield from _in_the_clear(settings.smtp_url)
    yield from _texts(settings)
    if sound and settings.public_url is None:
        cure = "Set QILEDGER_PUBLIC_URL to the address by which people reach this house."
        yield Finding("links in messages", "mind", "lead to this machine", cure)
    if database_url is not None:
        yield from _messages(database_url, {"inbox", *sound})


def _reached(channel: Channel) -> Finding:
    what = f"channel {channel.name}"
    try:
        return Finding(what, "well", f"reaches {within(ANSWER_WITHIN_S, channel.reach)}")
    except NotAnswered as silent:
        why = str(silent)
    except OutOfTime:
        why = f"no answer within {ANSWER_WITHIN_S:.0f} s"
    finally:
        channel.drop()
    return Finding(what, "wrong", why, "Messages wait until it answers. See docs/telling-people.md.")


def _in_the_clear(smtp_url: str) -> Iterator[Finding]:
    way = way_of(smtp_url)
    if way.tls == "none" and way.host not in THIS_MACHINE:
        yield Finding(
            "e-mail", "mind", f"goes to {way.host} in the clear", "Leave ?tls=none out if the server has TLS."
        )


def _texts(settings: Settings) -> Iterator[Finding]:
    """Whether every text holds with its example."""
    for kind in KINDS:
        stops = unsubscribe_of(kind, address_of(settings))
        try:
            words(settings).letter(kind, example(kind), id="doctor", at=datetime.now(UTC), unsubscribe=stops)
        except CannotBeWorded as why:
            yield Finding(
                f"text {kind}", "wrong", str(why), f"Mend it, and see it: qiledger messages preview {kind}"
            )


def _messages(database_url: str, here: set[str]) -> Iterator[Finding]:
    with (
        contextlib.suppress(psycopg.Error),  # what is wrong with the database is said elsewhere
        psycopg.connect(database_url, connect_timeout=5, application_name="qiledger doctor") as conn,
    ):
        for (code,) in conn.execute(_ORGANISATIONS, {"limit": LOOKED_MAX}).fetchall():
            conn.execute(FOR_ORGANISATION, (code,))
            asked = {"organisation": code}
            for channel, state, count, since in conn.execute(COUNTS, asked).fetchall():
                yield _counted(code, channel, state, count, f"{since:%Y-%m-%d %H:%M}", set_up=channel in here)
            for _, channel, failures, since, why in conn.execute(HEALTH, asked).fetchall():
                said = f"not reached since {since:%Y-%m-%d %H:%M} ({counted(failures, 'time')}): {why}"
                yield Finding(
                    f"{code} {channel}", "wrong", said, "Messages wait, and go out when it answers."
                )
            for count, since in conn.execute(BAD_ADDRESSES, asked).fetchall():
                yield _bad(code, count, f"{since:%Y-%m-%d}")


def _bad(code: str, count: int, since: str) -> Finding:
    """How many people cannot be reached by mail. Who they are stands with their messages, for those who may see it."""
    said = f"nothing arrives at {counted(count, 'person', 'people')}, the first since {since}"
    cure = (
        f"qiledger messages dead --organisation {code} says whose messages. Give the right address, or the same again"
        f" once it works: qiledger people put {code} PERSON --email …; then qiledger messages retry MESSAGE."
        f" After a mail server's bad hour, for all: qiledger messages unmark --organisation {code} --since DAY."
    )
    return Finding(f"{code} addresses", "mind", said, cure)


def _counted(code: str, channel: str, state: str, count: int, since: str, *, set_up: bool) -> Finding:
    what = f"{code} messages by {channel}"
    if state == "dead":
        cure = "qiledger messages dead; after the mend: qiledger messages retry --all-dead"
        return Finding(what, "mind", counted(count, "is dead", "are dead"), cure)
    said = f"{counted(count, 'is', 'are')} due, the first since {since}"
    if not set_up:
        return Finding(what, "mind", f"{said}; the channel is not set up", "See docs/telling-people.md.")
    return Finding(what, "well", said)
