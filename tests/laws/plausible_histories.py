"""Histories as integrating systems might tell them: any events of the vocabulary, in any order, right and put right.

Ids are few, so that events meet: a measurement finds its measure, a coach is released who was allocated. Dates are of
every precision; no two things happen at one moment, so that the order in which they happened is plain.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st

from events.corrections import EventCorrected, EventRetracted, Revision
from events.log.record import Record
from events.streams import kinds
from events.vocabulary import ANY_STREAM, Event, canonical_body, example_of, tag_of, vocabulary
from projections.engine.projection import Projection
from tests.events.tellings import tellings
from tests.projections.engine.telling import Telling

EVENTS_MAX = 24
STREAMS = 2  # of each kind
FIRST = datetime(2019, 1, 1, tzinfo=UTC)
RECORDED = datetime(2026, 1, 1, tzinfo=UTC)  # the order of arrival shows in positions alone

REFERENCES = (
    "cycle",
    "measure",
    "change_idea",
    "person",
    "coach",
    "barrier",
    "programme",
    "forum",
    "consent",
    "project",
)
"""Fields that name something, and are given one of two names."""


def folded_by(projection: Projection[Any]) -> list[type[Event]]:
    """The types of events of today that matter to a projection, but for revisions."""
    return [kind for kind in projection.folds if not issubclass(kind, Revision)]


@cache
def events_of(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Events of a type: its example with the names of few things, or now and then anything that it allows."""
    example = example_of(kind)
    named = [name for name in REFERENCES if isinstance(getattr(example, name, None), str)]
    plausible = st.sampled_from([1, 2]).map(lambda n: _renamed(example, named, n))
    return st.one_of(plausible, plausible, plausible, tellings(kind))


def _renamed(example: Event, names: list[str], number: int) -> Event:
    return msgspec.structs.replace(example, **{name: f"{getattr(example, name)}{number}" for name in names})


@st.composite
def plausible_histories(draw: st.DrawFn, projection: Projection[Any]) -> list[Telling]:
    """Up to EVENTS_MAX things that a projection folds, and now and then a retraction or correction of one of them."""
    types = st.sampled_from(folded_by(projection))
    months = draw(st.permutations(range(draw(st.integers(1, EVENTS_MAX)))))
    told: list[Telling] = []
    for n, month in enumerate(months):
        if told and draw(st.integers(0, 7)) == 0:
            stream, event = _revision(draw, told)
        else:
            kind = draw(types)
            stream, event = _stream_for(draw, projection, kind), draw(events_of(kind))
        told.append(_telling(draw, stream, event, month, f"e{n}"))
    return told


def _revision(draw: st.DrawFn, told: list[Telling]) -> tuple[str, Event]:
    """An earlier event is taken back, or told otherwise."""
    wrong = draw(st.sampled_from(told))
    kind = vocabulary()[wrong.type]
    if issubclass(kind, Revision) or draw(st.booleans()):
        return wrong.stream, EventRetracted(of=wrong.id)
    right = msgspec.json.decode(canonical_body(draw(events_of(kind))))
    return wrong.stream, EventCorrected(of=wrong.id, fields=right) if right else EventRetracted(of=wrong.id)


def _stream_for(draw: st.DrawFn, projection: Projection[Any], kind: type[Event]) -> str:
    nouns = sorted(projection.streams or kinds()) if kind.stream == ANY_STREAM else [kind.stream]
    noun = draw(st.sampled_from(nouns))
    return f"{noun}/{noun}{draw(st.integers(1, STREAMS))}"


def _telling(draw: st.DrawFn, stream: str, event: Event, month: int, id_: str) -> Telling:
    """The event, at a moment of its own: a year, a month, a day or an instant of it."""
    precise_to = draw(st.sampled_from(["instant", "day", "month", "year" if month % 12 == 0 else "month"]))
    at = FIRST.replace(year=FIRST.year + month // 12, month=1 + month % 12)
    if precise_to in ("instant", "day"):
        at += timedelta(days=draw(st.integers(0, 27)))
    if precise_to == "instant":
        at += timedelta(minutes=draw(st.integers(0, 1439)))
    return Telling(
        stream=stream,
        type=tag_of(type(event)),
        body=canonical_body(event).decode(),
        occurred_at=at,
        precise_to=precise_to,
        id=id_,
    )


def records_of(told: Sequence[Telling]) -> list[Record]:
    """What a log would keep of it."""
    versions: dict[str, int] = {}
    records = []
    for position, telling in enumerate(told, 1):
        versions[telling.stream] = versions.get(telling.stream, 0) + 1
        fields = msgspec.structs.asdict(telling)
        records.append(
            Record(
                organisation="RWK",
                position=position,
                version=versions[telling.stream],
                recorded_at=RECORDED,
                leaf=b"",
                **fields,
            )
        )
    return records
