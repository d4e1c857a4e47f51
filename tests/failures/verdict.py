"""What must be true when it is over: nothing acknowledged lost, nothing twice, nothing that was not told; and the
projections are what a fresh fold of the log gives."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

import msgspec
import psycopg

from events.fields import SEALED
from events.log.read import record_of
from events.log.record import Record, written
from events.privacy.words import all_personal_fields
from projections.engine.compare import differences, rows_kept
from projections.engine.found import found
from projections.engine.memory import fold_in_memory
from tests.failures.callers import Journal
from tests.failures.tailing import Reader
from tests.standing_house import Organisation

_RECORDS = """
    SELECT organisation, position, stream, version, source, id, type,
           occurred_at, precise_to, recorded_at, actor, body, leaf
      FROM log.records
     WHERE organisation = %s
     ORDER BY position
"""
_LINES = "SELECT canonical, leaf FROM log.canonical_records WHERE organisation = %s ORDER BY position"


def judge(trust: Organisation, journals: Iterable[Journal], readers: Sequence[Reader]) -> int:
    """Asserts all of it for one organisation. Returns how many records there are."""
    with psycopg.connect(trust.home.ways.admin, autocommit=True) as conn:
        conn.execute("SET timezone = 'UTC'")
        records = [record_of(row) for row in conn.execute(_RECORDS, [trust.code]).fetchall()]
        lines = conn.execute(_LINES, [trust.code]).fetchall()
    the_log_is_whole(records, lines)
    journals = list(journals)
    for journal in journals:
        assert journal.surprises == []
        what_was_promised_is_kept(journal, {record.id: record for record in records})
    told = set().union(*(journal.told for journal in journals))
    assert {record.id for record in records} <= told, "nothing is kept that nobody told"
    for reader in readers:
        assert reader.leaps == []
        assert reader.seen == [(record.id, record.leaf.hex()) for record in records]
    projections_are_a_fresh_fold(trust, records)
    return len(records)


def the_log_is_whole(records: Sequence[Record], lines: Sequence[tuple[str, bytes]]) -> None:
    """Positions and versions without gaps, each event once, each leaf the hash of its line."""
    assert [record.position for record in records] == list(range(1, len(records) + 1))
    versions: dict[str, int] = {}
    for record in records:
        versions[record.stream] = versions.get(record.stream, 0) + 1
        assert record.version == versions[record.stream], record
    assert len({(record.source, record.id) for record in records}) == len(records)
    moments = [record.recorded_at for record in records]
    assert moments == sorted(moments)
    for line, leaf in lines:
        assert sha256(b"\x00" + line.encode()).digest() == leaf


def what_was_promised_is_kept(journal: Journal, kept: dict[str, Record]) -> None:
    """Each acknowledgement is true, they came in the order of the log, and what was refused is not there."""
    for id_, promised in journal.acknowledged.items():
        record = kept.get(id_)
        assert record is not None, f"{id_} was acknowledged at {promised.position}, and is lost"
        assert promised == msgspec.structs.replace(
            promised,
            position=record.position,
            version=record.version,
            recorded=written(record.recorded_at),
            leaf=record.leaf.hex(),
            stream=record.stream,
        )
        assert record.type == journal.told[id_]["type"]
        body, data = msgspec.json.decode(record.body), journal.told[id_]["data"]
        assert is_as_told(body, data), f"fields of {id_}: {body} for {data}"
    assert journal.in_order == sorted(journal.in_order)
    assert journal.refused.isdisjoint(kept)


def is_as_told(kept: Any, told: Any, name: str = "") -> bool:
    """A person's words are kept encrypted, also in a correction; here it is enough that they are."""
    if isinstance(kept, dict) and isinstance(told, dict):
        return kept.keys() == told.keys() and all(is_as_told(kept[each], told[each], each) for each in kept)
    words = name in all_personal_fields() and isinstance(kept, str) and kept.startswith(SEALED)
    return bool(words or kept == told)


def projections_are_a_fresh_fold(trust: Organisation, records: Sequence[Record]) -> None:
    """Every row of every projection, and nothing parked."""
    with psycopg.connect(trust.home.ways.worker, autocommit=True) as conn:
        conn.execute("SET timezone = 'UTC'")
        parked = conn.execute(
            "SELECT projection, key, error FROM projections.parked WHERE organisation = %s", [trust.code]
        ).fetchall()
        assert parked == []
        for projection in found().values():
            shown: dict[str, Any] = dict(rows_kept(conn, projection, trust.code))
            assert differences(shown, fold_in_memory(projection, records)) == [], projection
