"""Rebuilding several projections in one pass over the log: each stream read once, and nobody stopped by another."""

import random
import string
from collections import Counter
from typing import Any

import psycopg
import pytest

from events.corrections import EventRetracted
from events.log.record import Record
from projections.engine import filling, reading
from projections.engine.builds import active_build, unfinished
from projections.engine.checkpoint import Fenced, Held, take
from projections.engine.chunks import chunks
from projections.engine.compare import rows_kept
from projections.engine.feed import feed
from projections.engine.memory import fold_in_memory
from projections.engine.projection import Projection
from projections.engine.reading import Reader, Size
from projections.engine.rebuild import Rebuilt, rebuild, rebuild_together
from tests.projections.engine.huddles import Huddle, HuddleCounted, HuddleNoted, boards, huddles, timeline
from tests.projections.engine.telling import Here, Telling, of, records_of

TOO_LONG = "".join(random.Random(1).choices(string.printable[:62], k=9_000))  # for any index of Postgres
FLUSH = "SELECT pg_stat_force_next_flush()"
READ_WHOLE = "SELECT seq_scan FROM pg_stat_user_tables WHERE relid = 'log.records'::regclass"


def notes(*numbers: int) -> list[Telling]:
    return [of(HuddleNoted(words=str(n)), f"huddle/H-{n % 5}", minute=n) for n in numbers]


def done(rebuilt: Any) -> set[str]:
    return {name for name, how in rebuilt.items() if isinstance(how, Rebuilt) and how.done}


def is_as_folded(here: Here, *projections: Projection[Any]) -> bool:
    records = records_of(here.url, here.organisation)
    return all(
        dict(rows_kept(here.conn, each, here.organisation)) == fold_in_memory(each, records)
        for each in projections
    )


def by_long_words(name: str) -> Projection[Huddle]:
    """Its rows are named by the words of a note, which may be longer than a key can be."""
    made = Projection(name, revision=1, row=Huddle)

    @made.on(HuddleNoted, part=lambda event: event.words)
    def noted(row: Huddle | None, event: HuddleNoted, record: Record) -> Huddle:
        return Huddle(title="noted")

    return made


def test_each_stream_is_read_once_for_all_of_them(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    read: Counter[str] = Counter()
    ask = Reader.ask

    def counted(reader: Reader, conn: Any, streams: Any, **asked: Any) -> Any:
        read.update(streams)
        return ask(reader, conn, streams, **asked)

    monkeypatch.setattr(Reader, "ask", counted)
    together = [huddles(name="t1"), huddles(name="t2"), boards(), timeline()]
    here.told(*notes(*range(15)), of(HuddleCounted(board="beds", people=3), minute=40))
    rebuilt = rebuild_together(here.conn, together, here.organisation, batch_max=4)
    assert done(rebuilt) == {"t1", "t2", "boards", "huddle_lines"}
    assert read == {f"huddle/H-{n}": 1 for n in range(5)}
    assert is_as_folded(here, *together)


@pytest.mark.parametrize(("share", "by_positions"), [(2.0, True), (0.0, False)])
def test_where_little_of_a_log_matters_its_records_are_read_where_they_stand(
    here: Here, monkeypatch: pytest.MonkeyPatch, share: float, *, by_positions: bool
) -> None:
    asked: list[bool] = []
    ask = Reader.ask

    def noted(reader: Reader, conn: Any, streams: Any, **how: Any) -> Any:
        asked.append(how["positions"] is not None)
        return ask(reader, conn, streams, **how)

    monkeypatch.setattr(Reader, "ask", noted)
    monkeypatch.setattr(reading, "LOOKED_AT", 3)
    monkeypatch.setattr(reading, "LITTLE", share)
    together = [huddles(name="t19"), boards(), timeline()]
    told = notes(*range(20))
    here.told(*told, of(HuddleCounted(board="beds", people=3), minute=40))
    here.told(of(EventRetracted(of=told[7].id), told[7].stream, minute=50))
    assert len(done(rebuild_together(here.conn, together, here.organisation, batch_max=4))) == 3
    assert set(asked) == {by_positions}
    assert is_as_folded(here, *together)


def test_the_log_is_not_read_whole_for_each_chunk_of_it(here: Here) -> None:
    here.told(*(of(HuddleNoted(words=str(n)), f"huddle/H-{n}") for n in range(100)))
    here.conn.execute("SET random_page_cost = 10000")  # as if most of the log were asked for
    here.conn.execute(FLUSH)
    with psycopg.connect(here.url, autocommit=True) as owner:
        ((before,),) = owner.execute(READ_WHOLE).fetchall()
        rebuild(here.conn, huddles(name="t21"), here.organisation, batch_max=20)
        here.conn.execute(FLUSH)
        assert owner.execute(READ_WHOLE).fetchone() == (before + 1,), "once, for the sizes of its streams"


def test_a_short_log_is_read_by_its_streams(here: Here) -> None:
    here.told(*notes(*range(10)))
    reader = Reader(huddles(name="t20"), organisation=here.organisation)
    with here.conn.transaction():
        reading.for_organisation(here.conn, here.organisation)
        assert {size.positions for size in reader.sizes(here.conn, until=10)} == {None}


def test_one_that_cannot_be_written_fails_alone(here: Here) -> None:
    together = [huddles(name="t3"), by_long_words("t4"), huddles(name="t5")]
    here.told(
        *notes(*range(10)), of(HuddleNoted(words=TOO_LONG), "huddle/H-2", minute=60), *notes(*range(10, 15))
    )
    for _ in range(2):
        rebuilt = rebuild_together(here.conn, together, here.organisation, batch_max=2)
        assert done(rebuilt) == {"t3", "t5"}
        assert isinstance(rebuilt["t4"], psycopg.errors.ProgramLimitExceeded)
    assert is_as_folded(here, together[0], together[2])
    assert active_build(here.conn, together[1], here.organisation) is None
    long_one = next(r for r in records_of(here.url, here.organisation) if TOO_LONG in r.body)
    here.told(of(EventRetracted(of=long_one.id), "huddle/H-2", minute=70))
    feed(here.conn, by_long_words("t4"), here.organisation)
    assert is_as_folded(here, together[1])


def test_one_that_cannot_be_written_at_the_end_fails_alone(here: Here) -> None:
    together = [huddles(name="t6"), by_long_words("t7")]
    here.told(*notes(*range(10)), of(HuddleNoted(words=TOO_LONG), "huddle/H-9", minute=60))
    rebuilt = rebuild_together(here.conn, together, here.organisation, batch_max=2)
    assert done(rebuilt) == {"t6"}
    assert isinstance(rebuilt["t7"], psycopg.errors.ProgramLimitExceeded)
    assert is_as_folded(here, together[0])


def test_one_that_somebody_else_is_at_is_left_to_them(here: Here) -> None:
    together = [huddles(name="t8"), huddles(name="t9")]
    here.told(*notes(*range(10)))
    take(here.conn, here.organisation, unfinished(here.conn, together[1], here.organisation))
    rebuilt = rebuild_together(here.conn, together, here.organisation)
    assert done(rebuilt) == {"t8"}
    assert isinstance(rebuilt["t9"], Held)


def test_one_that_somebody_else_takes_over_is_left_to_them(here: Here) -> None:
    together = [huddles(name="t15"), huddles(name="t16")]
    here.told(*notes(*range(10)))
    taken: list[int] = []

    def take_over(_: object) -> None:
        if not taken:
            over = (
                "UPDATE projections.checkpoints SET lease_until = clock_timestamp() WHERE projection = 't16'"
            )
            here.conn.execute(over)
            taken.append(
                take(
                    here.conn, here.organisation, unfinished(here.conn, together[1], here.organisation)
                ).epoch
            )

    rebuilt = rebuild_together(here.conn, together, here.organisation, batch_max=2, on_progress=take_over)
    assert (done(rebuilt), taken) == ({"t15"}, [2])
    assert isinstance(rebuilt["t16"], Fenced)
    assert is_as_folded(here, together[0])


def test_one_that_has_come_further_is_joined_by_the_others(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()

    def counting(name: str) -> Projection[Any]:
        made = huddles(name=name)
        fold, part = made.folds[HuddleNoted]
        made.folds[HuddleNoted] = (lambda *told: calls.update([name]) or fold(*told), part)  # type: ignore[func-returns-value]
        return made

    ahead, others = counting("t10"), [counting("t11"), counting("t12")]
    here.told(*notes(*range(15)))
    begun = rebuild(here.conn, ahead, here.organisation, batch_max=4, deadline=0.0)
    assert (begun.done, begun.position, begun.head) == (False, 3, 15)
    here.told(*notes(*range(15, 20)))
    assert done(rebuild_together(here.conn, [*others, ahead], here.organisation)) == {"t10", "t11", "t12"}
    again = 3  # the chunk that was in hand when the first was broken off
    assert calls == {"t10": 20 + again, "t11": 20, "t12": 20}
    assert is_as_folded(here, ahead, *others)


def test_streams_too_long_for_memory_are_read_in_pages(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.engine.chunks.RECORDS_MAX", 6)
    together = [huddles(name="t13"), boards(), timeline(), by_long_words("t14")]
    here.told(*notes(*range(12)), *[of(HuddleNoted(words=str(n)), minute=30 + n) for n in range(20)])
    here.told(of(HuddleCounted(board="beds", people=3), "huddle/H-8", minute=99))
    seen: list[int] = []
    rebuilt = rebuild_together(
        here.conn, together, here.organisation, batch_max=4, on_progress=lambda p: seen.append(p.position)
    )
    assert done(rebuilt) == {"t13", "boards", "huddle_lines", "t14"}
    assert seen == sorted(seen)
    assert is_as_folded(here, *together)


def test_claims_are_kept_while_others_are_written(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long stream is folded for one build after the other, which may take longer than a lease."""
    monkeypatch.setattr("projections.engine.chunks.RECORDS_MAX", 6)
    together = [huddles(name="t17"), huddles(name="t18")]
    here.told(*[of(HuddleNoted(words=str(n)), minute=n) for n in range(20)])
    fold, part = together[0].folds[HuddleNoted]
    lapsing = "UPDATE projections.checkpoints SET lease_until = clock_timestamp() WHERE projection = 't18'"
    left = "SELECT lease_until > clock_timestamp() FROM projections.checkpoints WHERE projection = 't18'"
    kept: list[Any] = []
    with psycopg.connect(here.url, autocommit=True) as clock:

        def slow(*told: Any) -> Any:
            clock.execute(lapsing)
            return fold(*told)

        def look(*told: Any) -> Any:
            if not kept:
                kept.append(clock.execute(left).fetchone())
            return fold(*told)

        together[0].folds[HuddleNoted] = (slow, part)
        together[1].folds[HuddleNoted] = (look, part)
        assert done(rebuild_together(here.conn, together, here.organisation)) == {"t17", "t18"}
    assert kept == [(True,)]


def test_nobody_stops_within_a_chunk() -> None:
    sizes = [Size(f"a/{n}", 1, 10) for n in range(6)]
    assert [len(chunk) for chunk in chunks(sizes, 4, {"a/1", None})] == [2, 4]
    assert [len(chunk) for chunk in chunks(sizes, 4, {"a/1x", "a/9"})] == [2, 4]
    assert [len(chunk) for chunk in chunks(sizes, 4, set())] == [4, 2]


def test_a_chunk_has_fewer_records_where_more_is_folded_of_each() -> None:
    assert filling.RECORDS_LEAST <= filling.FOLDS_MEANT // 2
