"""What a line of a file of history may be read as: events, a check, or something that is not understood."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

LINE_BYTES_MAX = 73_728  # as the API has it: an event of 65,536 bytes, and its envelope


class Wire(msgspec.Struct, frozen=True):
    """An event as it goes over the wire: a line of NDJSON, and what to call it when it is answered."""

    id: str
    type: str
    stream: str
    line: bytes


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """The line is told as these events. `name` is what the line is called: the id of the fact, or of the event."""

    name: str
    organisation: str
    wires: tuple[Wire, ...]


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The line is a counter as at a date: something to compare a dashboard with, and no event."""

    name: str
    organisation: str
    counted: str
    written: str
    title: str
    figures: dict[str, int | float] = msgspec.field(default_factory=dict)
    page: str = ""


class NotUnderstood(msgspec.Struct, frozen=True, kw_only=True):
    """The line becomes nothing, and why."""

    why: str
    name: str | None = None


Reading: TypeAlias = Events | Check | NotUnderstood
Reader: TypeAlias = Callable[[bytes], Reading]
