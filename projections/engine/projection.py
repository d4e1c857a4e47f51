"""Declaring a projection: the row it makes, and a fold for each type of event that the row depends on.

    portfolio = Projection("forum_portfolio", revision=3, row=ProjectLine)

    @portfolio.on(CycleTested)
    def tested(line: ProjectLine | None, event: CycleTested, record: Record) -> ProjectLine | None: ...

There are three shapes, told by how the folds are declared:

- rows:  `@p.on(CycleTested)`: one row for each stream, under its key, the stream (`project/P-17`).
- parts: `@p.on(CycleTested, part=cycle_of)`: several rows for each stream, each under its key and a part of it.
- lines: `@p.line(CycleTested)`: each record makes a line of its own or none, as in a timeline;
  `(event, record) -> row | None`.

A fold that returns None withholds the row from readers until a later event brings it back. A fold depends on its
arguments alone. It never sees what was retracted, and sees what was corrected as though it had been told so.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec
import msgspec.inspect as mi
from psycopg.sql import Composable

from events.corrections import Revision
from events.log.record import Record
from events.vocabulary import ANY_STREAM, Event, example_of, tag_of, vocabulary
from projections.engine.question import Question

R = TypeVar("R", bound=msgspec.Struct)
E = TypeVar("E", bound=Event)
A = TypeVar("A", bound=msgspec.Struct)
B = TypeVar("B", bound=msgspec.Struct)

Shape: TypeAlias = Literal["rows", "parts", "lines"]
Part: TypeAlias = str | int  # which of the rows of a stream: a name of the projection's own, or a position
Fold: TypeAlias = Callable[[Any, Any, Record], Any]
PartOf: TypeAlias = Callable[[Any, Record], Part]

THE_ROW: Part = ""  # the part, where a stream has one row

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class NotARow(TypeError):
    """A fold returned what cannot be kept as a row of its projection."""


class Way(msgspec.Struct, frozen=True):
    """What is done with the records of one type."""

    kind: type[Event]
    decode: Callable[[str], Event]
    fold: (
        Fold | None
    )  # None for a revision that nothing folds, and for a type of old, folded as what it became
    part: PartOf | None
    superseded: bool
    revision: bool
    anywhere: bool  # told in streams of any kind


class Projection(Generic[R]):
    """Rows made from records by folds. `revision` rises when the same records would make other rows.

    `streams` are the kinds of streams it follows; by default those of its events. Say them when it folds an event
    that may be told in any stream. `indexes` are written as after `ON table`: `"(organisation, forum)"`. `lexemes`
    is SQL that makes a tsvector of a row's columns; Postgres keeps it beside the row in a column of that name, for
    questions that search words (docs/decisions/0009-searching-words.md).
    """

    def __init__(
        self,
        name: str,
        *,
        revision: int,
        row: type[R],
        doc: str = "",
        streams: Iterable[str] = (),
        indexes: Iterable[str] = (),
        lexemes: str = "",
    ) -> None:
        if not NAME.fullmatch(name):
            raise ValueError(f"a projection's name has small letters, digits and _, at most 40: {name!r}")
        self.name = name
        self.revision = revision
        self.row = row
        self.doc = doc
        self.indexes = tuple(indexes)
        self.lexemes = lexemes
        self.questions: dict[str, Question[Any, Any]] = {}
        self.folds: dict[type[Event], tuple[Fold, PartOf | None]] = {}
        self.shape: Shape | None = None
        self._streams = frozenset(streams)
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(row).decode

    def __repr__(self) -> str:
        return f"<Projection {self.name}, revision {self.revision}>"

    def on(
        self, kind: type[E], *, part: Callable[[E], str] | None = None
    ) -> Callable[[Callable[[R | None, E, Record], R | None]], Callable[[R | None, Any, Record], R | None]]:
        """Registers the fold for one type of event. Stack it to fold several types alike."""

        def register(
            fold: Callable[[R | None, E, Record], R | None],
        ) -> Callable[[R | None, Any, Record], R | None]:
            named = None if part is None else _named_by(part)
            self._register(kind, fold, named, "rows" if part is None else "parts")
            return fold

        return register

    def line(
        self, kind: type[E]
    ) -> Callable[[Callable[[E, Record], R | None]], Callable[[E, Record], R | None]]:
        """Registers what line, if any, a record of this type makes. Revisions may make lines too."""

        def register(line: Callable[[E, Record], R | None]) -> Callable[[E, Record], R | None]:
            self._register(kind, lambda _, event, record: line(event, record), _position, "lines")
            return line

        return register

    def question(
        self,
        name: str,
        *selects: str | Composable,
        asks: type[A],
        answers: type[B],
        order: Iterable[str],
        doc: str = "",
        of_page: str | Composable = "",
        of_persons: bool = False,
    ) -> Question[A, B]:
        """Declares what one may ask of the rows (see `question.py`)."""
        if name in self.questions:
            raise ValueError(f"{self.name} has two questions called {name}")
        if not selects:
            raise ValueError(f"{self.name}.{name} selects nothing: a question is at least one SELECT")
        if answers.__struct_config__.omit_defaults:
            raise TypeError(f"{self.name}.{name}: readers are promised null, so an answer has every field")
        asked = Question(
            name=name,
            selects=tuple(map(_text, selects)),
            asks=asks,
            answers=answers,
            order=tuple(order),
            doc=doc,
            of_page=_text(of_page),
            of_persons=of_persons,
        )
        self.questions[name] = asked
        return asked

    def _register(self, kind: type[Event], fold: Fold, part: PartOf | None, shape: Shape) -> None:
        if self.shape not in (None, shape):
            raise ValueError(f"{self.name} makes {self.shape}; {fold.__name__} would make {shape}")
        if kind in self.folds:
            raise ValueError(f"{self.name} folds {tag_of(kind)} twice")
        self.shape = shape
        self.folds[kind] = (fold, part)

    @cached_property
    def streams(self) -> frozenset[str] | None:
        """The kinds of streams it follows, or None for every kind."""
        kinds = self._streams or frozenset(kind.stream for kind in self.folds)
        return None if ANY_STREAM in kinds else kinds

    @cached_property
    def ways(self) -> Mapping[str, Way]:
        """What is done with the records of each type that matters here, by the type's name."""
        kinds = {**vocabulary(), **{tag_of(kind): kind for kind in [*_all_below(Event), *self.folds]}}
        ways = ((tag, self._way(kind)) for tag, kind in kinds.items())
        return {tag: way for tag, way in ways if way is not None}

    @cached_property
    def passed_over(self) -> frozenset[str]:
        """The types that are known and do not matter here. One that nobody knows does: it holds up its stream."""
        return frozenset(vocabulary()) - frozenset(self.ways)

    def follows(self, stream: str) -> bool:
        """Whether records of this stream could ever matter here."""
        return self.streams is None or stream.partition("/")[0] in self.streams

    def checked(self, row: Any) -> R:
        """A row as it will be read back. Raises NotARow, or msgspec.ValidationError for a field of the wrong type."""
        if row.__class__ is not self.row:
            raise NotARow(f"{type(row).__name__} is no {self.row.__name__}")
        written = self._encode(row)
        if b"\\u0000" in written:
            raise NotARow("a row cannot hold the character NUL")
        read_back = self._decode(written)
        if read_back != row or not all(_all_fit([value_of(row)]) for value_of in self._bounded):
            raise NotARow(
                "a row would not be read back as it was: look for NaN, naive times, huge numbers, wrong types"
            )
        return read_back

    def read(self, written: bytes | msgspec.Raw) -> R:
        """A row from its JSON. Raises msgspec.ValidationError."""
        return self._decode(written)

    def written(self, rows: list[R]) -> bytes | None:
        """The JSON of all of these, if `checked` would let each pass: many times quicker than asking it of each."""
        try:
            written = self._encode(rows)
            fit = (
                {row.__class__ for row in rows} <= {self.row}
                and b"\\u0000" not in written
                and self._decode_all(written) == rows
                and all(_all_fit(list(map(value_of, rows))) for value_of in self._bounded)
            )
        except Exception:
            return None
        return written if fit else None

    @cached_property
    def _decode_all(self) -> Callable[[bytes], list[R]]:
        return msgspec.json.Decoder(list[self.row]).decode  # type: ignore[name-defined]

    @cached_property
    def _bounded(self) -> tuple[Callable[[Any], Any], ...]:
        """What gets the fields whose columns hold less than Python does."""
        fields = ((field.name, str(mi.type_info(field.type))) for field in msgspec.structs.fields(self.row))
        return tuple(attrgetter(name) for name, kind in fields if "IntType" in kind or "DateTimeType" in kind)

    def _way(self, kind: type[Event]) -> Way | None:
        superseded = kind.upcast is not Event.upcast
        today = type(example_of(kind).upcast()) if superseded and kind not in self.folds else kind
        revision = issubclass(kind, Revision)
        if today not in self.folds and not revision:
            return None
        fold, part = self.folds.get(today, (None, None))
        return Way(
            kind=kind,
            decode=msgspec.json.Decoder(kind).decode,
            fold=fold,
            part=part,
            superseded=today is not kind,
            revision=revision,
            anywhere=kind.stream == ANY_STREAM,
        )


def _text(sql: str | Composable) -> str:
    return sql if isinstance(sql, str) else sql.as_string()


def _all_fit(values: list[Any]) -> bool:
    """Whether columns give back the same numbers and moments."""
    numbers = [value for value in values if value.__class__ is int]
    moments = [value.tzinfo for value in values if value.__class__ is datetime]
    return None not in moments and (not numbers or (min(numbers) >= -(2**63) and max(numbers) < 2**63))


def _named_by(part_of: Callable[[Any], str]) -> PartOf:
    def named(event: Any, _: Record) -> Part:
        part = part_of(event)
        if not isinstance(part, str) or not part:
            raise TypeError(f"a part of a stream cannot be named by {type(part).__name__}")
        return part

    return named


def _position(_: Any, record: Record) -> Part:
    return record.position


def _all_below(kind: type[Event]) -> list[type[Event]]:
    """Every class below `kind` that has been superseded or revises: these may matter without being folded by name."""
    below = [leaf for child in kind.__subclasses__() for leaf in _all_below(child)]
    return [kind, *below] if _is_told(kind) and kind.upcast is not Event.upcast else below


def _is_told(kind: type[Event]) -> bool:
    return isinstance(kind.__struct_config__.tag, str)
