"""An event on its way: what happened, to what, when, and under which id it is told for ever."""

import dataclasses
import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from qiledger_client.ids import new_id

_WRITTEN = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_PRECISIONS = {4: "year", 7: "month", 10: "day"}

When = datetime | date | str
"""A moment with its zone; or a day, month or year as far as it is known: `date(2016, 4, 1)`, `"2016-04"`, `"2016"`."""


class Part:
    """A part of an event that has fields of its own."""


class Event:
    """What happened, in the field's words. The classes of `qiledger_client.events` are such."""

    type: ClassVar[str]
    stream: ClassVar[str]

    def data(self) -> dict[str, Any]:
        """The fields as they are told: what was not given is left out."""
        told: dict[str, Any] = _without_nothing(self)
        return told


@dataclasses.dataclass(frozen=True, kw_only=True)
class Telling:
    """One event ready to be told. Its id is made once, here, so that telling it again is no second event.

    `about` is the stream: `project/P-17`. `expected` is the version that the stream must be at: 0 for one that must not
    exist yet, None for any. `actor` is who did it, as an opaque `person/…` reference; else the key's client.
    """

    event: Event | Mapping[str, Any]
    about: str
    at: When
    source: str
    id: str = dataclasses.field(default_factory=new_id)
    type: str | None = None
    expected: int | None = None
    actor: str | None = None

    def cloudevent(self) -> dict[str, Any]:
        """The event as a CloudEvent 1.0 in structured mode. Raises ValueError for a time that is none."""
        event = self.event
        time, precision = written(self.at)
        told = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type or getattr(event, "type", None),
            "subject": self.about,
            "time": time,
            "precision": precision,
            "actor": self.actor,
            "expectedversion": self.expected,
            "data": event.data() if isinstance(event, Event) else dict(event),
        }
        if not told["type"]:
            raise ValueError("an event given as plain data needs its `type`, such as 'project.started'")
        return {name: value for name, value in told.items() if value is not None}

    def encoded(self) -> bytes:
        """The CloudEvent as bytes, on one line. Raises ValueError for what JSON cannot say, such as a NaN."""
        told = self.cloudevent()
        return json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def written(at: When) -> tuple[str, str | None]:
    """A moment as `time` and `precision` say it. A day that is not known is never made up: it is marked.

    Raises ValueError for a moment without a zone, and for a text that is neither.
    """
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise ValueError(
                f"{at.isoformat()} has no time zone: give datetime(…, tzinfo=UTC), or a date if that is all"
            )
        return at.astimezone(UTC).isoformat().replace("+00:00", "Z"), None
    if isinstance(at, date):
        return f"{at.isoformat()}T00:00:00Z", "day"
    if _WRITTEN.fullmatch(at):
        first = f"{at}-01-01"[:10]
        date.fromisoformat(first)
        return f"{first}T00:00:00Z", _PRECISIONS[len(at)]
    return written(datetime.fromisoformat(at))


def _without_nothing(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: _without_nothing(each) for name, each in named if each is not None and each != ()}
    if isinstance(value, Mapping):
        return {name: _without_nothing(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nothing(each) for each in value]
    return value
