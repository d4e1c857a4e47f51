"""What holds for every projection and every history. Each law is a function: give it a projection and what was told.

The laws leave no build behind. `Place` is where they are tried: a database, an organisation, a worker's connection.
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg

from events.corrections import EventRetracted, Revision
from events.log.record import Record
from events.vocabulary import canonical_body, read_body, tag_of, vocabulary
from projections.engine.as_at import as_at
from projections.engine.builds import Build, active_build, drop, ensure
from projections.engine.compare import differences, rows_kept
from projections.engine.feed import feed
from projections.engine.memory import fold_in_memory, streams_in_memory
from projections.engine.parked import parked, retry_parked
from projections.engine.projection import Projection
from projections.engine.rebuild import Rebuilt, rebuild, rebuild_together
from tests.projections.engine.telling import Telling, as_role, open_log, records_of, shown, tell


class Place(msgspec.Struct, frozen=True):
    """Where a law is tried."""

    url: str
    conn: Any
    organisation: str

    def tell(self, tellings: Sequence[Telling]) -> None:
        if tellings:
            tell(self.url, self.organisation, tellings)

    def records(self) -> list[Record]:
        return records_of(self.url, self.organisation)


@contextlib.contextmanager
def a_place(url: str, projection: Projection[Any]) -> Iterator[Place]:
    """A new organisation, and afterwards no build of the projection."""
    with psycopg.connect(as_role(url, "qiledger_worker"), autocommit=True) as conn:
        try:
            yield Place(url, conn, open_log(url))
        finally:
            forget(conn, projection)


def forget(conn: psycopg.Connection[Any], projection: Projection[Any]) -> None:
    """Drops every build of a projection, whoever is shown it."""
    conn.execute("DELETE FROM projections.active WHERE projection = %s", (projection.name,))
    builds = conn.execute("SELECT build FROM projections.builds WHERE projection = %s", (projection.name,))
    for (build,) in builds.fetchall():
        assert drop(conn, Build(projection.name, build, projection.revision, "live"))


def live(
    place: Place, projection: Projection[Any], *, sizes: Iterable[int] = ()
) -> tuple[list[Any], list[Any]]:
    """What readers are shown after feeding in runs of these sizes, and then to the end."""
    position = 0
    ensure(place.conn, projection, place.organisation)
    for size in sizes:
        position += size
        feed(place.conn, projection, place.organisation, until=position)
    feed(place.conn, projection, place.organisation)
    return shown(place.conn, projection, place.organisation)


def rebuilt_is_live(url: str, projection: Projection[Any], told: Sequence[Telling]) -> None:
    """A rebuild gives the rows that are there, and the same records are parked."""
    with a_place(url, projection) as place:
        place.tell(told)
        before = live(place, projection, sizes=[3] * (len(told) // 3))
        old = active_build(place.conn, projection, place.organisation)
        assert rebuild(place.conn, projection, place.organisation).done
        assert active_build(place.conn, projection, place.organisation) != old
        assert shown(place.conn, projection, place.organisation) == before


def rebuilt_together_is_live(
    url: str, projections: Sequence[Projection[Any]], told: Sequence[Telling], *, size: int, stops: bool
) -> None:
    """One pass over the log for all of them, in chunks of any size, broken off or not, gives what feeding each gave."""
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(a_place(url, projections[0]))
        for other in projections[1:]:
            stack.callback(forget, place.conn, other)
        place.tell(told)
        before = [live(place, projection, sizes=[3] * (len(told) // 3)) for projection in projections]
        old = [active_build(place.conn, projection, place.organisation) for projection in projections]
        deadline = 0.0 if stops else None
        for _ in range(2 * len(told)):
            rebuilt = rebuild_together(
                place.conn, projections, place.organisation, batch_max=size, deadline=deadline
            )
            if all(how.done for how in rebuilt.values() if isinstance(how, Rebuilt)):
                break
        assert [how for how in rebuilt.values() if not isinstance(how, Rebuilt) or not how.done] == []
        assert [active_build(place.conn, each, place.organisation) for each in projections] != old
        assert [shown(place.conn, each, place.organisation) for each in projections] == before


def any_batch_size_is_the_same(
    url: str, projection: Projection[Any], told: Sequence[Telling], sizes: Sequence[int] = (1, 2, 5)
) -> None:
    """How many records are folded in one transaction makes no difference."""
    with a_place(url, projection) as place:
        place.tell(told)
        at_once = live(place, projection)
        for size in sizes:
            forget(place.conn, projection)
            ensure(place.conn, projection, place.organisation)
            feed(place.conn, projection, place.organisation, batch_max=size)
            assert shown(place.conn, projection, place.organisation) == at_once, f"batches of {size}"


def any_restart_is_the_same(
    url: str, projection: Projection[Any], told: Sequence[Telling], restarts: Sequence[int]
) -> None:
    """Where feeding stops and begins anew makes no difference."""
    with a_place(url, projection) as place:
        place.tell(told)
        at_once = live(place, projection)
        forget(place.conn, projection)
        assert live(place, projection, sizes=restarts) == at_once


def twice_is_once(url: str, projection: Projection[Any], told: Sequence[Telling]) -> None:
    """Feeding again, and folding again what is parked, changes nothing."""
    with a_place(url, projection) as place:
        place.tell(told)
        once = live(place, projection)
        feed(place.conn, projection, place.organisation)
        retry_parked(place.conn, projection, place.organisation)
        assert shown(place.conn, projection, place.organisation) == once


def any_order_of_arrival_is_the_same(
    url: str, projection: Projection[Any], told: Sequence[Telling], shuffled: Sequence[Telling]
) -> None:
    """In which order the log heard of things that happened at different moments makes no difference."""
    pictures = []
    for order in (told, shuffled):
        with a_place(url, projection) as place:
            place.tell(order)
            live(place, projection, sizes=[2] * (len(order) // 2))
            pictures.append(_without_positions(place, projection))
    assert pictures[0] == pictures[1]


def in_memory_is_in_postgres(url: str, projection: Projection[Any], told: Sequence[Telling]) -> None:
    """The fold without a database gives the rows that are kept in one, and parks the same."""
    with a_place(url, projection) as place:
        place.tell(told)
        live(place, projection, sizes=[3] * (len(told) // 3))
        kept = dict(rows_kept(place.conn, projection, place.organisation))
        assert differences(kept, fold_in_memory(projection, place.records())) == []
        folded = streams_in_memory(projection, iter(place.records()))
        waiting = {name: stream.parked for name, stream in folded.items() if stream.parked}
        listed = parked(place.conn, place.organisation, projection=projection.name)
        assert {p.key: (p.position, p.error, p.records) for p in listed} == {
            key: (p.position, p.error, p.records) for key, p in waiting.items()
        }


def as_at_is_just_those_records(
    url: str, projection: Projection[Any], told: Sequence[Telling], occurred_until: datetime, kept_until: int
) -> None:
    """A picture of the past is the fold of the records that had happened, and been kept, by then."""
    with a_place(url, projection) as place:
        for telling in told:
            place.tell([telling])
        records = place.records()
        recorded_until = records[min(kept_until, len(records) - 1)].recorded_at
        for occurred, recorded in (
            (occurred_until, None),
            (None, recorded_until),
            (occurred_until, recorded_until),
        ):
            build = as_at(
                place.conn, projection, place.organisation, occurred_until=occurred, recorded_until=recorded
            )
            those = [
                record
                for record in records
                if (occurred is None or record.occurred_at <= occurred)
                and (recorded is None or record.recorded_at <= recorded)
            ]
            pictured = dict(rows_kept(place.conn, projection, place.organisation, build=build))
            assert differences(pictured, fold_in_memory(projection, those)) == []


def retracted_is_never_told(projection: Projection[Any], records: Sequence[Record]) -> None:
    """With a record that is retracted, the rows are those of a history without it and without the retraction.

    (For projections that make nothing of a retraction itself.)
    """
    retraction = tag_of(EventRetracted)
    taken_back = {
        (record.stream, revision.of_source or record.source, revision.of): record
        for record in records
        if record.type == retraction and isinstance(revision := record.event(), EventRetracted)
    }
    revisions = {tag for tag, way in projection.ways.items() if way.revision}
    left = [
        record
        for record in records
        if record.type != retraction
        and ((record.stream, record.source, record.id) not in taken_back or record.type in revisions)
    ]
    assert fold_in_memory(projection, records) == fold_in_memory(projection, left)


def corrected_was_told_so(projection: Projection[Any], records: Sequence[Record]) -> None:
    """With corrections, the rows are those of a history in which the right events had been told, and no correction.

    (For projections that make nothing of a correction itself, and corrections that fit what they correct.)
    """
    corrections = [record for record in records if hasattr(vocabulary()[record.type], "mend")]
    right = {(record.stream, record.source, record.id): record for record in records}
    for record in sorted(corrections, key=lambda one: (one.occurred_at, one.position)):
        correction: Any = record.event()
        told = (record.stream, correction.of_source or record.source, correction.of)
        wrong = right.get(told)
        if wrong is None or issubclass(vocabulary()[wrong.type], Revision):
            continue
        try:
            body = canonical_body(correction.mend(read_body(wrong.type, wrong.body))).decode()
        except msgspec.ValidationError:
            return
        right[told] = msgspec.structs.replace(wrong, body=body)
    left = [right[one.stream, one.source, one.id] for one in records if one not in corrections]
    assert fold_in_memory(projection, records) == fold_in_memory(projection, left)


def parked_heals(url: str, broken: Projection[Any], mended: Projection[Any], told: Sequence[Telling]) -> None:
    """After the mend, a retry gives the rows of a projection that was never broken; other streams never waited."""
    with a_place(url, mended) as place:
        place.tell(told)
        whole, _ = live(place, mended)
        kept = dict(rows_kept(place.conn, mended, place.organisation))
        forget(place.conn, mended)
        live(place, broken, sizes=[2] * (len(told) // 2))
        stuck = {waiting.key for waiting in parked(place.conn, place.organisation, projection=broken.name)}
        others = {
            k: row for k, row in rows_kept(place.conn, broken, place.organisation) if _stream(k) not in stuck
        }
        assert others == {k: row for k, row in kept.items() if _stream(k) not in stuck}
        retry_parked(place.conn, mended, place.organisation)
        assert shown(place.conn, mended, place.organisation)[0] == whole


def _stream(key: str) -> str:
    return "/".join(key.split("/")[:2])


def _without_positions(place: Place, projection: Projection[Any]) -> tuple[Any, Any]:
    """Rows and parked streams, without what tells in which order records came."""
    kept = dict(rows_kept(place.conn, projection, place.organisation))
    rows = sorted(map(repr, kept.values())) if projection.shape == "lines" else kept
    waiting = parked(place.conn, place.organisation, projection=projection.name)
    return rows, [(one.key, one.records) for one in waiting]
