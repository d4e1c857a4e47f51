"""What rules say alike: how a project or forum is called, and what comes round again."""

from collections.abc import Iterator
from datetime import date, timedelta

import msgspec

from projections.duties import Duties
from projections.forum_calendar import Forum

ROUNDS_MAX = 12  # reminders of one thing: what nobody touches for a year is not called out for ever


class Round(msgspec.Struct, frozen=True):
    """One time that something comes round."""

    number: int  # 1 is the first
    due: date


def name_of(project: Duties, stream: str) -> str:
    """A project's title, or its id where it has none."""
    return project.title or f"Project {stream.partition('/')[2]}"


def forum_name(forum: Forum | None, stream: str) -> str:
    """A forum's name, or its id."""
    return (forum.name if forum is not None else None) or f"Forum {stream.partition('/')[2]}"


def rounds(since: date, today: date, *, after_days: int, every_days: int | None = None) -> Iterator[Round]:
    """The latest round that is due, if one is: `after_days` after a day, and then every so many days."""
    waited = (today - since).days - after_days
    if waited >= 0:
        number = 1 if every_days is None else min(waited // every_days + 1, ROUNDS_MAX)
        yield Round(number, since + timedelta(days=after_days + (number - 1) * (every_days or 0)))


def working_days_before(day: date, days: int) -> date:
    """So many working days (Monday to Friday) before a day."""
    while days > 0:
        day -= timedelta(days=1)
        days -= day.weekday() < 5
    return day
