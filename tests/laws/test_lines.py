"""The law of the canonical line: Python writes what SQL writes, and reads nothing that SQL would not write."""

from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from events.log.lines import NotCanonical, canonical, read_line, record_of, record_read_before
from events.log.record import PreciseTo, Record, moment_of, written
from tests.effort import examples

FIRST, LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001
PRECISIONS: tuple[PreciseTo, ...] = ("instant", "day", "month", "year")
SQL = """
    SELECT line, log.leaf(line)
      FROM log.canonical(
           %(organisation)s, %(position)s, %(stream)s, %(version)s, %(source)s, %(id)s, %(type)s,
           log.written(%(occurred_at)s, %(precise_to)s), log.written(%(recorded_at)s), %(actor)s, %(body)s) AS line
"""

moments = st.datetimes(FIRST, LAST, timezones=st.just(UTC))
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
hostile = st.sampled_from(
    [
        '"',
        "\\",
        "\\\\u0000",
        '","position":1,"',
        "\x01\x1f\x7f",
        "\u2028\u2029",
        "𝒬🏥",
        "é",
        "e\u0301",
        "a\tb\r\nc",
        "%s",
    ]
)
numbers = st.integers(1, 2**63 - 1)


def started_at(moment: datetime, precise_to: PreciseTo) -> datetime:
    """The start of the day, month or year, as the door keeps it."""
    return moment_of(written(moment, precise_to))[0]


@st.composite
def records(draw: st.DrawFn) -> Record:
    precise_to = draw(st.sampled_from(PRECISIONS))
    words = texts | hostile
    return Record(
        organisation=draw(st.sampled_from(["RWK", "RWK.operations", "Z9"])),
        position=draw(numbers),
        stream=draw(words),
        version=draw(numbers),
        source=draw(words),
        id=draw(words),
        type=draw(st.sampled_from(["cycle.tested", "export.taken", "a_b.c_d.2"])),
        occurred_at=started_at(draw(moments), precise_to),
        precise_to=precise_to,
        recorded_at=draw(moments),
        actor=draw(words),
        body=msgspec.json.encode(draw(st.dictionaries(words, words | numbers, max_size=3))).decode(),
        leaf=b"",
    )


def plain(**changes: object) -> Record:
    moment = datetime(2022, 5, 20, 9, 30, tzinfo=UTC)
    record = Record(
        "RWK",
        7,
        "project/P-1",
        2,
        "/s",
        "e1",
        "cycle.tested",
        moment,
        "instant",
        moment,
        "client/x",
        '{"a":1}',
        b"",
    )
    return msgspec.structs.replace(record, **changes)


@given(record=records())
@example(record=plain(occurred_at=FIRST.replace(tzinfo=UTC), recorded_at=LAST.replace(tzinfo=UTC)))
@example(record=plain(occurred_at=FIRST.replace(tzinfo=UTC), precise_to="year"))
@settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
def test_python_writes_what_sql_writes_and_reads_it_back(database_url: str, record: Record) -> None:
    with psycopg.connect(database_url, options="-c timezone=UTC") as conn:
        row = conn.execute(SQL, msgspec.structs.asdict(record)).fetchone()
    assert row is not None
    line = canonical(record)
    assert line == row[0].encode()
    leaf = sha256(b"\0" + line).digest()
    assert leaf == row[1]
    assert record_of(read_line(line), leaf) == msgspec.structs.replace(record, leaf=leaf)
    assert record_read_before(line) == msgspec.structs.replace(record, leaf=b"")


def test_a_moment_of_another_zone_is_written_in_utc() -> None:
    told = datetime(2022, 5, 20, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    assert written(told) == "2022-05-19T23:30:00.000000Z"
    assert written(told, "day") == "2022-05-19"


GOOD = canonical(plain())
OTHER_WAYS = {
    "white space": GOOD.replace(b'"position":7', b'"position": 7'),
    "white space around the body": GOOD.replace(b'"body":', b'"body": '),
    "another order": GOOD.replace(b'"source":"/s","id":"e1"', b'"id":"e1","source":"/s"'),
    "a member twice": GOOD.replace(b'"id":"e1"', b'"id":"e0","id":"e1"'),
    "a member more": GOOD.replace(b'"id":"e1"', b'"id":"e1","x":1'),
    "an escape that need not be": GOOD.replace(b"/s", b"\\/s"),
    "an escaped letter": GOOD.replace(b"/s", b"/\\u0073"),
    "a number as a fraction": GOOD.replace(b'"position":7', b'"position":7.0'),
    "a number as text": GOOD.replace(b'"position":7', b'"position":"7"'),
    "position 0": GOOD.replace(b'"position":7', b'"position":0'),
    "no UTF-8": GOOD.replace(b'{"a":1}', b'{"a":"\xff"}'),
    "a body that is no object": GOOD.replace(b'{"a":1}', b"[]"),
    "something behind it": GOOD + b" ",
    "half a line": GOOD[:-1],
    "nothing": b"",
    "null": b"null",
}


@pytest.mark.parametrize("text", OTHER_WAYS.values(), ids=OTHER_WAYS.keys())
def test_what_says_the_same_in_another_way_is_refused(text: bytes) -> None:
    assert text != GOOD
    with pytest.raises(NotCanonical):
        record_of(read_line(text), b"")


@pytest.mark.parametrize(
    "moment",
    [
        "2022-05-20T09:30:00Z",
        "2022-05-20 09:30:00.000000Z",
        "2022-05-20T09:30:00.000000+",
        "2022-02-30",
        "2022-13",
        "22-05",
        "0000",
        "２０２２",
        "2022-W01",
        "20220520",
        "",
    ],
)
def test_a_moment_is_written_in_one_way(moment: str) -> None:
    with pytest.raises(ValueError):
        moment_of(moment)
