"""Huddles: a small world for the tests of the engine alone. Its tags have no dot, so the vocabulary does not know them.

Rows, parts and lines of the same events; each fold minds the order in which it is called.
"""

import enum
from datetime import date, datetime
from typing import Literal

import msgspec

from events.corrections import EventRetracted
from events.log.record import Record
from events.vocabulary import Event, example
from projections.engine.projection import Projection
from projections.engine.question import NoParameters

replace = msgspec.structs.replace


class HuddleEvent(Event, frozen=True):
    stream = "huddle"


class HuddleOpened(HuddleEvent, frozen=True, tag="huddle_opened"):
    title: str


@example(name="Safety huddle")
class HuddleNamed(HuddleEvent, frozen=True, tag="huddle_named"):
    """Of old: superseded by HuddleOpened."""

    name: str

    def upcast(self) -> HuddleOpened:
        return HuddleOpened(title=self.name)


class HuddleCounted(HuddleEvent, frozen=True, tag="huddle_counted"):
    board: str
    people: int


class HuddleNoted(HuddleEvent, frozen=True, tag="huddle_noted"):
    words: str


class HuddleClosed(HuddleEvent, frozen=True, tag="huddle_closed"):
    """Closed huddles are not shown until they open again."""


class Mood(enum.Enum):
    CALM = "calm"
    BUSY = "busy"


class Board(msgspec.Struct, frozen=True):
    people: int
    counted_at: datetime


class Huddle(msgspec.Struct, frozen=True):
    """One column of every kind."""

    title: str | None = None
    words: tuple[str, ...] = ()
    boards: dict[str, Board] = {}
    people: int = 0
    mean: float = 0.0
    closed: bool = False
    mood: Mood = Mood.CALM
    size: Literal["small", "large"] = "small"
    first_on: date | None = None
    last_at: datetime | None = None


class Count(msgspec.Struct, frozen=True):
    board: str
    counts: tuple[int, ...]


class Line(msgspec.Struct, frozen=True):
    happened: datetime
    what: str
    words: str | None = None


class Spilled(RuntimeError):
    """What a fold that is not mended raises."""


def huddles(*, mended: bool = False, revision: int = 1, name: str = "huddles") -> Projection[Huddle]:
    """A projection with a row for each huddle. Unless it is mended, it cannot digest the word `spill`."""
    made = Projection(
        name, revision=revision, row=Huddle, indexes=("(organisation, last_at DESC NULLS LAST)",)
    )

    def seen(row: Huddle | None, record: Record) -> Huddle:
        row = row or Huddle(first_on=record.occurred_at.date())
        return replace(row, last_at=record.occurred_at)

    @made.on(HuddleOpened)
    def opened(row: Huddle | None, event: HuddleOpened, record: Record) -> Huddle:
        return replace(seen(row, record), title=event.title, closed=False)

    @made.on(HuddleCounted)
    def counted(row: Huddle | None, event: HuddleCounted, record: Record) -> Huddle:
        row = seen(row, record)
        boards = row.boards | {event.board: Board(event.people, record.occurred_at)}
        people = sum(board.people for board in boards.values())
        return replace(
            row,
            boards=boards,
            people=people,
            mean=people / len(boards),
            mood=Mood.BUSY if people > 5 else Mood.CALM,
            size="large" if people > 10 else "small",
        )

    @made.on(HuddleNoted)
    def noted(row: Huddle | None, event: HuddleNoted, record: Record) -> Huddle:
        if event.words == "spill" and not mended:
            raise Spilled("a person's words")
        return replace(seen(row, record), words=(*(row.words if row else ()), event.words))

    @made.on(HuddleClosed)
    def closed(row: Huddle | None, event: HuddleClosed, record: Record) -> Huddle | None:
        return None

    made.question(
        "by_size", BY_SIZE, asks=NoParameters, answers=Answered, order=("-people", "last_at", "key")
    )
    made.question(
        "by_title",
        BY_TITLE,
        asks=Titled,
        answers=Answered,
        order=("title", "-last_at", "key"),
        doc="By title.",
    )
    return made


class Titled(msgspec.Struct, frozen=True):
    words: int


class Answered(msgspec.Struct, frozen=True):
    key: str
    title: str | None
    people: int
    mood: Mood
    boards: dict[str, Board]
    last_at: datetime | None


BY_SIZE = """
    SELECT key, title, people, mood, boards, last_at
      FROM huddles
     WHERE organisation = %(organisation)s
"""
BY_TITLE = """
    SELECT key, title, people, mood, boards, last_at
      FROM huddles
     WHERE organisation = %(organisation)s AND jsonb_array_length(words) <= %(words)s
"""


def boards(*, mended: bool = False) -> Projection[Count]:
    """Several rows for each huddle: one for each board that was counted; closing hides the board `all`."""
    made = Projection("boards", revision=1, row=Count)

    @made.on(HuddleCounted, part=lambda event: event.board)
    def counted(row: Count | None, event: HuddleCounted, record: Record) -> Count | None:
        if event.people == 13 and not mended:
            raise Spilled
        if event.people == 0:
            return None
        return Count(event.board, (*(row.counts if row else ()), event.people))

    @made.on(HuddleClosed, part=lambda _: "all")
    def closed(row: Count | None, event: HuddleClosed, record: Record) -> Count | None:
        return None if row else Count("all", ())

    return made


def timeline(*, mended: bool = False) -> Projection[Line]:
    """A line for most of what happens, and for what is taken back."""
    made = Projection("huddle_lines", revision=1, row=Line, streams=("huddle",))

    @made.line(HuddleOpened)
    def opened(event: HuddleOpened, record: Record) -> Line:
        return Line(record.occurred_at, "opened", event.title)

    @made.line(HuddleNoted)
    def noted(event: HuddleNoted, record: Record) -> Line | None:
        if event.words == "spill" and not mended:
            raise Spilled
        return Line(record.occurred_at, "noted", event.words) if event.words != "hush" else None

    @made.line(EventRetracted)
    def retracted(event: EventRetracted, record: Record) -> Line:
        return Line(record.occurred_at, "retracted", event.reason)

    return made


PROJECTIONS = (huddles, boards, timeline)
