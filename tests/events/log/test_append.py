"""What `log.append` promises to one caller: a place in the log, once, in order, or a precise refusal."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from events.log import append
from events.log.append import Appender
from events.log.outcomes import Conflict, HeldBack, LogBusy, UnknownOrganisation, WrongVersion
from events.log.read import head, record_at, records_after, stream_records
from events.log.record import Receipt, written
from tests.events.log.conftest import NOON, Tell, as_role


def receipts(outcomes: list[Any]) -> list[Receipt]:
    assert all(isinstance(outcome, Receipt) for outcome in outcomes), outcomes
    return outcomes


async def test_positions_and_versions_count_from_one_without_gaps(
    appender: Appender, organisation: str, tell: Tell
):
    told = [tell("project/A"), tell("project/B"), tell("project/A")]
    kept = receipts(await appender.append(organisation, told))
    assert [(r.position, r.version) for r in kept] == [(1, 1), (2, 1), (3, 2)]
    (later,) = receipts(await appender.append(organisation, [tell("project/B")]))
    assert (later.position, later.version) == (4, 2)


async def test_the_same_event_told_again_gets_its_first_receipt(
    appender: Appender, organisation: str, tell: Tell
):
    event = tell()
    (first,) = receipts(await appender.append(organisation, [event]))
    (again,) = receipts(await appender.append(organisation, [event]))
    assert again == Receipt(
        position=first.position,
        version=first.version,
        recorded_at=first.recorded_at,
        leaf=first.leaf,
        duplicate=True,
    )


@pytest.mark.parametrize(
    "other",
    [
        {"body": '{"cycle":"C-2"}'},
        {"type": "cycle.planned"},
        {"stream": "project/P-18"},
        {"actor": "client/another"},
        {"occurred_at": NOON + timedelta(microseconds=1)},
        {"precise_to": "day"},
    ],
)
async def test_another_event_under_the_same_id_is_a_conflict(
    appender: Appender, organisation: str, tell: Tell, other: dict[str, Any]
):
    (first,) = receipts(await appender.append(organisation, [tell(id="same")]))
    (refused,) = await appender.append(organisation, [tell(id="same", **other)])
    assert isinstance(refused, Conflict)
    assert refused.kept is not None
    assert (refused.kept.position, refused.kept.leaf) == (first.position, first.leaf)


async def test_the_same_id_from_another_source_is_another_event(
    appender: Appender, organisation: str, tell: Tell
):
    both = [tell(id="same"), tell(id="same", source="https://example.org/other")]
    assert [r.position for r in receipts(await appender.append(organisation, both))] == [1, 2]


async def test_a_batch_that_repeats_itself_keeps_the_event_once(
    appender: Appender, organisation: str, tell: Tell
):
    twice = [tell(id="same"), tell(), tell(id="same"), tell(id="same", body="{}")]
    outcomes = await appender.append(organisation, twice)
    assert [getattr(o, "position", None) for o in outcomes] == [1, 2, 1, None]
    assert isinstance(outcomes[3], Conflict)
    assert outcomes[3].kept is not None
    assert outcomes[3].kept.position == 1


async def test_an_expected_version_is_held_to(appender: Appender, organisation: str, tell: Tell):
    told = [tell(expected=0), tell(expected=1), tell(expected=1), tell(expected=2)]
    outcomes = await appender.append(organisation, told)
    assert outcomes[2] == WrongVersion(stream="project/P-17", expected=1, found=2)
    assert [o.version for o in outcomes if isinstance(o, Receipt)] == [1, 2, 3]


async def test_a_retry_with_a_version_now_past_still_gets_its_receipt(
    appender: Appender, organisation: str, tell: Tell
):
    event = tell(expected=0)
    await appender.append(organisation, [event, tell()])
    (again,) = receipts(await appender.append(organisation, [event]))
    assert (again.version, again.duplicate) == (1, True)


async def test_one_refusal_holds_back_an_all_or_nothing_request(
    appender: Appender, organisation: str, tell: Tell
):
    told = [tell(id="new"), tell(expected=7), tell(id="new")]
    outcomes = await appender.append(organisation, told, all_or_nothing=True)
    assert outcomes == [HeldBack(), WrongVersion(stream="project/P-17", expected=7, found=1), HeldBack()]
    (kept,) = receipts(await appender.append(organisation, [tell(id="new")]))
    assert kept.position == 1


async def test_a_request_at_odds_with_itself_is_refused_whole(
    appender: Appender, organisation: str, tell: Tell
):
    told = [tell(id="same"), tell(id="same", body="{}")]
    outcomes = await appender.append(organisation, told, all_or_nothing=True)
    assert outcomes == [HeldBack(), Conflict(source="https://example.org/qi", id="same", kept=None)]


async def test_a_refused_request_does_not_touch_its_neighbours(
    appender: Appender, organisation: str, tell: Tell
):
    """The first call is under way when the others arrive, so they share the next batch."""
    requests = [
        ([tell()], False),
        ([tell("project/A"), tell("project/A", expected=9)], True),
        ([tell("project/A")], False),
        ([tell("project/A", expected=5), tell("project/B")], False),
        ([tell("project/C"), tell("project/A", expected=1)], True),
    ]
    _, second, third, fourth, fifth = await asyncio.gather(
        *(appender.append(organisation, told, all_or_nothing=whole) for told, whole in requests)
    )
    assert [type(o) for o in second] == [HeldBack, WrongVersion]
    assert receipts(third)[0].version == 1
    assert [type(o) for o in fourth] == [WrongVersion, Receipt]
    assert [r.version for r in receipts(fifth)] == [1, 2]


async def test_a_duplicate_does_not_break_an_all_or_nothing_request(
    appender: Appender, organisation: str, tell: Tell
):
    event = tell()
    await appender.append(organisation, [event])
    outcomes = receipts(await appender.append(organisation, [event, tell()], all_or_nothing=True))
    assert [(r.position, r.duplicate) for r in outcomes] == [(1, True), (2, False)]


async def test_the_leaf_is_the_hash_of_the_line_that_an_export_shows(
    appender: Appender, pool: AsyncConnectionPool[Any], organisation: str, tell: Tell
):
    """RFC 9162, section 2.1.1, over the canonical record, with characters that need care."""
    told = tell(
        id='quote " and \\ and é and 🙂',
        body='{"text":"a \\"word\\" — ü"}',
        precise_to="month",
        actor='client/"q"',
    )
    (kept,) = receipts(await appender.append(organisation, [told]))
    line = (
        f'{{"organisation":"{organisation}","position":1,"stream":"project/P-17","version":1'
        ',"source":"https://example.org/qi","id":"quote \\" and \\\\ and é and 🙂","type":"cycle.tested"'
        f',"occurred":"2022-05","recorded":"{written(kept.recorded_at)}","actor":"client/\\"q\\""'
        ',"body":{"text":"a \\"word\\" — ü"}}'
    )
    assert kept.leaf == sha256(b"\x00" + line.encode()).digest()
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (organisation,))
        cursor = await conn.execute("SELECT canonical FROM log.canonical_records WHERE position = 1")
        assert await cursor.fetchone() == (line,)


async def test_recorded_times_never_run_backwards(
    appender: Appender, database_url: str, organisation: str, tell: Tell
):
    """Even when the clock does: here it was a day ahead when the last record was kept."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("SET ROLE qiledger_appender")
        conn.execute(
            "UPDATE log.heads SET recorded_at = %s WHERE organisation = %s", (tomorrow, organisation)
        )
    (kept,) = receipts(await appender.append(organisation, [tell()]))
    assert kept.recorded_at == tomorrow


async def test_an_organisation_without_a_log_is_named(appender: Appender, tell: Tell):
    with pytest.raises(UnknownOrganisation, match="NOBODY"):
        await appender.append("NOBODY", [tell()])


async def test_names_of_organisations_that_somebody_made_up_leave_nothing_behind(
    appender: Appender, organisation: str, tell: Tell
):
    await appender.append(organisation, [tell()])
    for n in range(5):
        with pytest.raises(UnknownOrganisation):
            await appender.append(f"NOBODY{n}", [tell()])
    await appender.close()
    assert list(appender._gatherings) == [organisation]


async def test_a_full_queue_says_so_and_keeps_what_it_took(
    appender: Appender, organisation: str, tell: Tell, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(append, "WAITING_MAX", 3)
    taken = [asyncio.ensure_future(appender.append(organisation, [tell()])) for _ in range(3)]
    await asyncio.sleep(0)  # let each of them ask
    with pytest.raises(LogBusy):
        await appender.append(organisation, [tell() for _ in range(4)])
    positions = [receipts(outcomes)[0].position for outcomes in await asyncio.gather(*taken)]
    assert sorted(positions) == [1, 2, 3]


async def test_a_log_that_is_locked_too_long_is_busy_and_nothing_is_kept(
    database_url: str, organisation: str, tell: Tell
):
    with psycopg.connect(database_url) as other:
        other.execute("SELECT FROM log.heads WHERE organisation = %s FOR UPDATE", (organisation,))
        async with AsyncConnectionPool(
            as_role(database_url, "qiledger_api") + " connect_timeout=5", min_size=1, max_size=1
        ) as pool:
            async with pool.connection() as conn:
                await conn.set_autocommit(True)
                await conn.execute("SET statement_timeout = '200ms'")
            with pytest.raises(LogBusy):
                await Appender(pool).append(organisation, [tell()])
    with psycopg.connect(database_url) as conn:
        row = conn.execute(
            "SELECT position FROM log.heads WHERE organisation = %s", (organisation,)
        ).fetchone()
        assert row == (0,)


async def test_a_caller_who_gives_up_takes_nobody_along(appender: Appender, organisation: str, tell: Tell):
    asked = [asyncio.ensure_future(appender.append(organisation, [tell()])) for _ in range(5)]
    await asyncio.sleep(0)
    asked[0].cancel()
    asked[3].cancel()
    others = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(o) for o in others] == [asyncio.CancelledError, list, list, asyncio.CancelledError, list]


@pytest.mark.parametrize(
    "seen", [{}, {"project/A": 1}, {"project/A": 3}, {"project/A": 9}, {"project/A": -9}]
)
async def test_whoever_says_where_to_look_for_the_newest_version_is_not_believed(
    appender: Appender,
    pool: AsyncConnectionPool[Any],
    organisation: str,
    tell: Tell,
    seen: dict[str, int],
):
    await appender.append(organisation, [tell("project/A") for _ in range(3)])
    batch = msgspec.json.encode([tell("project/B"), tell("project/A"), tell("project/A")]).decode()
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "SELECT head, versions FROM log.append_plain(%s, %s::jsonb, %s::jsonb)",
            (organisation, batch, msgspec.json.encode(seen | {"project/B": 7}).decode()),
        )
        assert await cursor.fetchone() == (3, [1, 4, 5])


async def test_what_is_not_plain_leaves_nothing_behind(
    appender: Appender, pool: AsyncConnectionPool[Any], organisation: str, tell: Tell
):
    """The plain part answers with nothing at all: then the batch is judged."""
    first = tell()
    await appender.append(organisation, [first])
    async with pool.connection() as conn:
        for batch in ([tell(), first], [tell(), tell(expected=7)], [tell(id="twice"), tell(id="twice")]):
            cursor = await conn.execute(
                "SELECT head, recorded_at, versions, leaves FROM log.append_plain(%s, %s::jsonb)",
                (organisation, msgspec.json.encode(batch).decode()),
            )
            assert await cursor.fetchone() == (None, None, None, None)
        assert (await head(conn, organisation)).position == 1


@pytest.mark.parametrize(
    "changes", [{"body": '{"title":\n"x"}'}, {"body": '{"title":"a\nb"}'}, {"type": "project.\nstarted"}]
)
async def test_a_record_of_more_than_one_line_is_refused_to_those_who_speak_sql(
    pool: AsyncConnectionPool[Any], organisation: str, tell: Tell, changes: dict[str, str]
):
    """No export could be written of a log that held one: its lines are the records."""
    broken = [{**msgspec.to_builtins(tell()), **changes}]
    async with pool.connection() as conn:
        with pytest.raises(psycopg.errors.CheckViolation, match="records_of_one_line"):
            await conn.execute(
                "SELECT * FROM log.append(%s, %s::jsonb)",
                (organisation, msgspec.json.encode(broken).decode()),
            )
        await conn.rollback()
        assert (await head(conn, organisation)).position == 0


async def test_line_ends_that_are_escaped_are_kept_as_they_were_told(
    appender: Appender, pool: AsyncConnectionPool[Any], organisation: str, tell: Tell
):
    told = msgspec.structs.replace(tell(), body='{"title":"two\\nlines"}')
    await appender.append(organisation, [told])
    async with pool.connection() as conn:
        kept = await record_at(conn, organisation, 1)
    assert kept is not None
    assert kept.body == told.body


async def test_versions_go_on_when_another_process_told_of_the_same_stream(
    appender: Appender, pool: AsyncConnectionPool[Any], organisation: str, tell: Tell
):
    other = Appender(pool)
    versions = []
    for one in (appender, other, other, appender, appender, other):
        versions += [r.version for r in receipts(await one.append(organisation, [tell()]))]
    assert versions == [1, 2, 3, 4, 5, 6]


async def test_logs_that_are_busy_share_one_connection_in_turn(
    database_url: str, tell: Tell, monkeypatch: pytest.MonkeyPatch
):
    """Neither waits until the other is done: its turn ends after a few calls, whatever waits."""
    monkeypatch.setattr("events.log.gathering.CALLS_MAX", 2)
    logs = ["S" + uuid.uuid4().hex[:8].upper() for _ in range(2)]
    done: list[str] = []
    with psycopg.connect(database_url, autocommit=True) as conn:
        for log in logs:
            conn.execute("SELECT log.open(%s, 'A trust')", (log,))

    async def caller(log: str) -> None:
        for _ in range(8):
            receipts(await appender.append(log, [tell()]))
            done.append(log)

    async with AsyncConnectionPool(as_role(database_url, "qiledger_api"), min_size=1, max_size=1) as pool:
        appender = Appender(pool)
        await asyncio.gather(*(caller(log) for log in logs))
        await appender.close()
    assert set(done[:8]) == set(logs)
    assert sorted(done) == sorted(logs * 8)


async def test_a_busy_log_is_told_in_calls_that_overlap(
    appender: Appender, organisation: str, tell: Tell, monkeypatch: pytest.MonkeyPatch
):
    """The next is on its way while one is answered: positions are those of the order of asking all the same."""
    monkeypatch.setattr("events.log.gathering.EVENTS_MAX", 7)
    monkeypatch.setattr("events.log.gathering.AHEAD_FROM", 2)
    asked = [asyncio.ensure_future(appender.append(organisation, [tell()])) for _ in range(100)]
    positions = [receipts(outcomes)[0].position for outcomes in await asyncio.gather(*asked)]
    assert positions == list(range(1, 101))


async def test_what_is_judged_meanwhile_keeps_nobody_from_an_answer(
    appender: Appender, organisation: str, tell: Tell, monkeypatch: pytest.MonkeyPatch
):
    """Every other batch is not plain: it is asked about again while others are under way."""
    monkeypatch.setattr("events.log.gathering.EVENTS_MAX", 3)
    monkeypatch.setattr("events.log.gathering.AHEAD_FROM", 1)
    first = tell()
    await appender.append(organisation, [first])
    told = [[first, tell()] if n % 2 else [tell(), tell()] for n in range(30)]
    answers = await asyncio.gather(*(appender.append(organisation, one) for one in told))
    duplicates = [r.duplicate for outcomes in answers for r in receipts(outcomes)]
    assert duplicates == [False, False, True, False] * 15
    assert sorted(r.position for o in answers for r in receipts(o) if not r.duplicate) == list(range(2, 47))


async def test_pages_hold_every_record_in_order(
    appender: Appender, pool: AsyncConnectionPool[Any], organisation: str, tell: Tell
):
    await appender.append(organisation, [tell(f"project/P-{n % 3}") for n in range(10)])
    async with pool.connection() as conn:
        first = await records_after(conn, organisation, 0, limit=7)
        rest = await records_after(conn, organisation, first.scanned, limit=7)
        assert [r.position for r in first.records + rest.records] == list(range(1, 11))
        assert (first.caught_up, rest.caught_up) == (False, True)
        assert (await head(conn, organisation)).position == 10
        assert [r.version for r in await stream_records(conn, organisation, "project/P-0", limit=9)] == [
            1,
            2,
            3,
            4,
        ]
        third = await record_at(conn, organisation, 3)
        assert third is not None
        assert third.stream == "project/P-2"
        assert await record_at(conn, organisation, 11) is None


async def test_a_filtered_page_says_how_far_it_looked(
    appender: Appender,
    pool: AsyncConnectionPool[Any],
    organisation: str,
    tell: Tell,
    monkeypatch: pytest.MonkeyPatch,
):
    await appender.append(
        organisation, [tell(type="aim.set" if n == 8 else "cycle.tested") for n in range(10)]
    )
    monkeypatch.setattr("events.log.read.SCANNED_MAX", 5)
    async with pool.connection() as conn:
        empty = await records_after(conn, organisation, 0, limit=3, types=["aim.set"])
        assert (empty.records, empty.scanned, empty.caught_up) == ([], 5, False)
        found = await records_after(conn, organisation, empty.scanned, limit=3, types=["aim.set"])
        assert ([r.position for r in found.records], found.scanned) == ([9], 10)
        by_kind = await records_after(conn, organisation, 0, limit=3, stream="forum/")
        assert (by_kind.records, by_kind.scanned) == ([], 5)


async def test_a_page_of_large_records_ends_before_it_is_too_large(
    appender: Appender,
    pool: AsyncConnectionPool[Any],
    organisation: str,
    tell: Tell,
    monkeypatch: pytest.MonkeyPatch,
):
    """As many as fit and one more, so that there always is one; whoever goes on reads every record once."""
    monkeypatch.setattr("events.log.read.PAGE_BYTES_MAX", 3_000)
    monkeypatch.setattr("events.log.read.FEW", 5)
    sizes = [10, 1_000, 1_000, 1_500, 10, 9_000, 10, 10, 2_980, 10]
    told = [tell(body='{"t":"%s"}' % ("x" * (size - 8)), type=f"t.{n % 2}") for n, size in enumerate(sizes)]
    await appender.append(organisation, told)
    pages: list[list[int]] = []
    after = 0
    async with pool.connection() as conn:
        while after < len(told):
            page = await records_after(conn, organisation, after, limit=6)
            pages.append([record.position for record in page.records])
            after = page.scanned
        page = await records_after(conn, organisation, 0, limit=6, types=["t.1"])
        odd = [record.position for record in page.records]
        few = await records_after(conn, organisation, 0, limit=5)
    assert pages == [[1, 2, 3, 4], [5, 6], [7, 8, 9], [10]]
    assert (odd, page.scanned) == ([2, 4, 6], 6)
    assert len(few.records) == 5, "few are no more than fit, by their number alone"


def test_few_records_are_no_more_bytes_than_a_page_may_have():
    from events.log.read import FEW, PAGE_BYTES_MAX
    from services.api.admission import RECORD_BYTES_MAX

    assert FEW * RECORD_BYTES_MAX <= PAGE_BYTES_MAX


async def test_a_page_of_a_long_log_reads_its_own_records_and_no_others(fresh_database_url: str, tell: Tell):
    """By the index of positions, wherever it stands, with plans that were made when the log was young."""
    with psycopg.connect(fresh_database_url, autocommit=True) as conn:
        conn.execute("SELECT log.open('RWK', 'A trust')")
        url = as_role(fresh_database_url, "qiledger_api")
        async with AsyncConnectionPool(url, min_size=1, max_size=1) as pool:
            appender = Appender(pool)
            await appender.append("RWK", [tell()])
            async with pool.connection() as reader:
                for _ in range(10):  # enough for plans to be kept
                    await records_after(reader, "RWK", 0, limit=500)
                    await records_after(reader, "RWK", 0, limit=50)
            for n in range(6):
                await appender.append("RWK", [tell(f"project/{n}-{m}") for m in range(1_000)])
            await appender.close()
            async with pool.connection() as reader:
                await reader.execute("SELECT pg_stat_force_next_flush()")
            before = _rows_read(conn)
            async with pool.connection() as reader:
                for after in (0, 2_500, 5_400):
                    assert len((await records_after(reader, "RWK", after, limit=500)).records) == 500
                    assert len((await records_after(reader, "RWK", after, limit=50)).records) == 50
                await reader.execute("SELECT pg_stat_force_next_flush()")
        assert _rows_read(conn) - before <= 3 * (500 + 50)


def _rows_read(conn: psycopg.Connection[Any]) -> int:
    row = conn.execute(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'records'"
    ).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_young_log_is_looked_up_by_its_own_indexes(fresh_database_url: str, tell: Tell):
    """Plans made while the table is empty are kept: through the wrong index each look-up would read the whole log."""
    with psycopg.connect(fresh_database_url, autocommit=True) as conn:
        conn.execute("SELECT log.open('RWK', 'A trust')")
        async with AsyncConnectionPool(
            as_role(fresh_database_url, "qiledger_api"), min_size=1, max_size=1
        ) as pool:
            appender = Appender(pool)
            for n in range(60):  # enough for the plan to be kept, each with a twin that was told before
                events = [tell(f"project/{n}-{m}", id=f"{n // 2}-{m}") for m in range(20)]
                await appender.append("RWK", events)
            async with pool.connection() as used:
                await used.execute("SELECT pg_stat_force_next_flush()")
        read = dict(
            conn.execute(
                "SELECT indexrelname, idx_tup_read FROM pg_stat_user_indexes WHERE relname = 'records'"
            )
        )
    assert read["records_once"] > 0
    assert max(read.values()) < 10 * 60 * 20
