"""What holds for every projection, found by itself: a new one is tested before its author writes a test.

The laws of the engine (`projection_laws.py`) are tried on each with histories of the events that it folds. Those that
need a database are tried a few times in a run, those that need none more often.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, cast

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect as shapes

from events.corrections import EventRetracted, Revision
from events.fields import Audience
from events.vocabulary import ANY_STREAM, Event, canonical_body, example_of, tag_of
from projections.engine.ask import answer
from projections.engine.found import found
from projections.engine.memory import streams_in_memory
from projections.engine.projection import Projection
from projections.engine.question import Question
from tests.effort import examples
from tests.laws import projection_laws as laws
from tests.laws.plausible_histories import FIRST, folded_by, plausible_histories, records_of
from tests.projections.engine.telling import Telling, as_role

ROW_BYTES_MAX = 64_000  # however much is told of one thing
MANY = 700  # tellings of each type in turn, of things that all have names of their own
PAGES_MAX = 200
PERSON = re.compile(r"person/\w+")

every_projection = pytest.mark.parametrize("projection", found().values(), ids=found())
every_question = pytest.mark.parametrize(
    ("projection", "question"),
    [
        pytest.param(projection, question, id=f"{projection.name}.{question.name}")
        for projection in found().values()
        for question in projection.questions.values()
    ],
)
quiet: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck)}
often = settings(max_examples=examples(20), **quiet)
seldom = settings(max_examples=examples(2), **quiet)


def folded(projection: Projection[Any], told: Sequence[Telling]) -> dict[str, Any]:
    """The rows by key; of lines, without the positions in their keys. Fails if anything is parked."""
    streams = streams_in_memory(projection, records_of(told))
    parked = {name: stream.parked for name, stream in streams.items() if stream.parked}
    assert not parked
    if projection.shape == "lines":
        return {name: sorted(repr(k.row) for k in stream.rows.values()) for name, stream in streams.items()}
    return {
        name: {part: kept.row for part, kept in s.rows.items() if kept.row} for name, s in streams.items()
    }


# What it says of itself


@every_projection
def test_a_projection_says_who_reads_it(projection: Projection[Any]) -> None:
    assert projection.doc.strip()
    assert projection.revision >= 1
    assert projection.questions, "nobody can ask anything of it"


@every_question
def test_a_question_and_its_answer_say_what_they_mean(
    projection: Projection[Any], question: Question[Any, Any]
) -> None:
    assert question.doc.endswith(".")
    assert "__doc__" in vars(question.answers), f"{question.answers.__name__} has no docstring"


# What its folds promise


@every_projection
@often
@given(data=st.data())
def test_the_folds_keep_their_promises_whatever_is_told(
    projection: Projection[Any], data: st.DataObject
) -> None:
    """One history is tried on all of them: inventing it takes far longer than folding it."""
    told = data.draw(plausible_histories(projection))
    arrived = data.draw(st.permutations(told))
    a_valid_event_is_never_too_much(projection, told)
    rows_do_not_depend_on_the_order_of_arrival(projection, told, arrived)
    if EventRetracted not in projection.folds:
        laws.retracted_is_never_told(projection, records_of(told))
    if not any(issubclass(kind, Revision) for kind in projection.folds):
        laws.corrected_was_told_so(projection, records_of(told))


def a_valid_event_is_never_too_much(projection: Projection[Any], told: Sequence[Telling]) -> None:
    folded(projection, told)


def rows_do_not_depend_on_the_order_of_arrival(
    projection: Projection[Any], told: Sequence[Telling], arrived: Sequence[Telling]
) -> None:
    assert folded(projection, told) == folded(projection, arrived)


@every_projection
def test_no_row_grows_without_bound(projection: Projection[Any]) -> None:
    told = [
        Telling(
            stream=f"{_noun(projection, kind)}/one",
            type=tag_of(kind),
            body=canonical_body(_of_something_else(example_of(kind), number)).decode(),
            occurred_at=FIRST + timedelta(days=number),
        )
        for number in range(MANY if projection.shape != "lines" else 2)
        for kind in folded_by(projection)
    ]
    for stream in streams_in_memory(projection, records_of(told)).values():
        assert stream.parked is None
        for part, kept in stream.rows.items():
            assert len(msgspec.json.encode(kept.row)) < ROW_BYTES_MAX, part


def _noun(projection: Projection[Any], kind: type[Event]) -> str:
    """A kind of stream that a type of event is told in, and the projection follows."""
    return kind.stream if kind.stream != ANY_STREAM else min(projection.streams or {"project"})


def _of_something_else(example: Event, number: int) -> Event:
    """The example with another name wherever it names something, as `C-7` and `person/8Qm2` do, or says a few words."""
    return msgspec.structs.replace(
        example, **{name: f"{getattr(example, name)}{number}" for name in _names(type(example))}
    )


@cache
def _names(kind: type[Event]) -> tuple[str, ...]:
    shape = cast(shapes.StructType, shapes.type_info(kind))
    said = {
        field.name: getattr(example_of(kind), field.name) for field in shape.fields if _is_name(field.type)
    }
    return tuple(
        n for n, v in said.items() if isinstance(v, str) and v[0].isalpha() and not v.startswith("http")
    )


def _is_name(kind: shapes.Type) -> bool:
    """Whether any letters will do, or almost any: not a date, a number or one of a few words."""
    while isinstance(kind, shapes.Metadata):
        kind = kind.type
    if isinstance(kind, shapes.UnionType):
        return any(_is_name(one) for one in kind.types)
    return isinstance(kind, shapes.StrType)


# What the engine promises of it


@every_projection
@seldom
@given(data=st.data())
def test_rebuilt_is_live(projection: Projection[Any], database_url: str, data: st.DataObject) -> None:
    laws.rebuilt_is_live(database_url, projection, data.draw(plausible_histories(projection)))


@every_projection
@seldom
@given(data=st.data())
def test_any_batch_size_is_the_same(
    projection: Projection[Any], database_url: str, data: st.DataObject
) -> None:
    told = data.draw(plausible_histories(projection))
    laws.any_batch_size_is_the_same(database_url, projection, told, [data.draw(st.integers(1, 6))])


@every_projection
@seldom
@given(data=st.data())
def test_any_restart_is_the_same(projection: Projection[Any], database_url: str, data: st.DataObject) -> None:
    told = data.draw(plausible_histories(projection))
    laws.any_restart_is_the_same(
        database_url, projection, told, data.draw(st.lists(st.integers(1, 5), max_size=4))
    )


@every_projection
@seldom
@given(data=st.data())
def test_in_memory_is_in_postgres(
    projection: Projection[Any], database_url: str, data: st.DataObject
) -> None:
    laws.in_memory_is_in_postgres(database_url, projection, data.draw(plausible_histories(projection)))


@every_projection
@seldom
@given(data=st.data())
def test_as_at_is_just_those_records(
    projection: Projection[Any], database_url: str, data: st.DataObject
) -> None:
    told = data.draw(plausible_histories(projection))
    occurred_until = data.draw(st.sampled_from(told)).occurred_at
    laws.as_at_is_just_those_records(
        database_url, projection, told, occurred_until, data.draw(st.integers(0, len(told) - 1))
    )


# What its questions promise


@every_question
@seldom
@given(data=st.data())
async def test_pages_of_an_answer_add_up_to_the_whole(
    projection: Projection[Any], question: Question[Any, Any], database_url: str, data: st.DataObject
) -> None:
    told = data.draw(plausible_histories(projection))
    params = asked(question, told)
    with laws.a_place(database_url, projection) as place:
        place.tell(told)
        laws.live(place, projection)
        async with await psycopg.AsyncConnection.connect(
            as_role(database_url, "qiledger_api"), autocommit=True
        ) as conn:
            whole = await answer(conn, projection, question, place.organisation, params, limit=1_000)
            pages, cursor = [], None
            for _ in range(PAGES_MAX):
                page = await answer(
                    conn, projection, question, place.organisation, params, limit=3, cursor=cursor
                )
                pages += page.rows
                cursor = page.next_cursor
                if cursor is None or len(pages) >= PAGES_MAX:
                    break
    kept = msgspec.json.decode(msgspec.json.encode(whole.rows), type=list[question.answers])  # type: ignore[name-defined]
    assert kept == whole.rows, (
        "an answer is not of the type that it promises; pages rely on what is never unknown"
    )
    assert pages == whole.rows[: len(pages)]
    assert cursor is not None or len(pages) == len(whole.rows)


def asked(question: Question[Any, Any], told: Sequence[Telling]) -> msgspec.Struct:
    """What a question must be told, from what there is; a reader who sees everything."""
    fields = {}
    for field in msgspec.structs.fields(question.asks):
        if field.type is Audience:
            fields[field.name] = "team"
        elif field.required:
            fields[field.name] = _some(shapes.type_info(field.type), field.name, told)
    params: msgspec.Struct = msgspec.convert(fields, question.asks)
    return params


def _some(kind: shapes.Type, name: str, told: Sequence[Telling]) -> Any:
    """Any day, number or name that means something in this history."""
    match kind:
        case shapes.DateType():
            return date(2020, 6, 30) if name != "since" else date(2019, 1, 1)
        case shapes.DateTimeType():
            return datetime(2020, 6, 30, tzinfo=UTC)
        case shapes.IntType():
            return 1
        case shapes.StrType(pattern=pattern):
            people = PERSON.findall(" ".join(telling.body for telling in told))
            if pattern is not None and pattern.startswith("^person/"):
                return people[0] if people else "person/nobody"
            stream = told[0].stream
            return stream if name in ("subject", "stream") else stream.partition("/")[2]
        case shapes.Metadata(type=inner):
            return _some(inner, name, told)
        case shapes.LiteralType(values=values):
            return values[0]
    raise AssertionError(f"nothing is known to ask for {name}: {kind}")
