"""Endings that are told before what they end: known only to the day, month or year, they stand at its beginning.

Somebody joins at ten in the morning and leaves "on that day"; a barrier of the fifth of April is cleared "in April".
In business order the ending comes first and finds nothing to end (docs/decisions/0003-coarse-dates.md). So a row
remembers it until its last day: what is told more exactly to have begun by then has ended with it. Of the same date,
what was told last stands.
"""

from datetime import date
from typing import TypeAlias

import msgspec

from events.log.record import PreciseTo, Record
from projections.moments import first_day_of, last_day_of

ENDINGS_MAX = 100  # that a row remembers at once; the latest


class Ending(msgspec.Struct, frozen=True, gc=False):
    """What has ended, the last day on which that may have been, and how exactly it is known."""

    what: str
    until: date
    precise_to: PreciseTo


Endings: TypeAlias = tuple[Ending, ...]


def with_ending(endings: Endings, what: str, record: Record) -> Endings:
    """What is remembered after an ending. One of an instant ends nothing that comes after it."""
    if record.precise_to == "instant":
        return endings
    today = first_day_of(record)
    others = [one for one in endings if one.until >= today and one.what != what]
    return (*others, Ending(what, last_day_of(record), record.precise_to))[-ENDINGS_MAX:]


def has_ended(endings: Endings, what: str, record: Record) -> bool:
    """Whether what begins with this record has ended with an ending that is known less exactly."""
    return any(one.what == what and ends(one, record) for one in endings)


def ends(ending: Ending, record: Record) -> bool:
    """Whether an ending is known less exactly than a record, and may have been after it."""
    return last_day_of(record) <= ending.until and ending.precise_to != record.precise_to
