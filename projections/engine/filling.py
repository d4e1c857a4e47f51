"""Filling new builds: each stream is read once, folded once for all of them, and its rows are written once.

So it does not matter in which order a log was told, nor how often it was put right: the work grows with the log and
with nothing else. The rows are those at the position where filling began (`filling_to`), all at once, when the last
stream is done; from there on a build is fed.

Builds that are filled together keep a place each, moved in the transaction that writes their rows. One that fails is
left out, and the others go on (`chunks.py`). What a crash leaves behind: the streams up to `filled_up_to`; the next to
come goes on after it, and where some have come further than others, with those that have not.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import Any, TypeAlias

from psycopg import Connection

from projections.engine.beside import Beside, work_of
from projections.engine.builds import Build
from projections.engine.checkpoint import Held, claimed
from projections.engine.chunks import RECORDS_MAX, Filling, Member, chunks
from projections.engine.feed import OnProgress, Progress
from projections.engine.folding import Here
from projections.engine.found import found
from projections.engine.making import Maker
from projections.engine.projection import Projection
from projections.engine.reading import Reader, Size, for_organisation, head

RECORDS_LEAST = 3_000  # folded in one transaction, however many builds are filled together …
FOLDS_BESIDE = 60_000  # with fewer, to start other processes takes longer than to fold
FOLDS_MEANT = 30_000  # … or else about so many for all of them: it must end well within a lease

Builds: TypeAlias = Sequence[tuple[Projection[Any], Build]]
Come: TypeAlias = Mapping[str, Progress | Exception]  # how each build stands, or why it does not go on


def filled(
    conn: Connection[Any],
    projection: Projection[Any],
    organisation: str,
    *,
    build: Build,
    until: int | None = None,
    occurred_until: datetime | None = None,
    batch_max: int = RECORDS_MAX,
    deadline: float | None = None,
    on_progress: OnProgress | None = None,
) -> Progress:
    """Fills one build, as `filled_together` does. Needs and raises what `feed` does."""
    come = filled_together(
        conn,
        [(projection, build)],
        organisation,
        until=until,
        occurred_until=occurred_until,
        batch_max=batch_max,
        deadline=deadline,
        on_progress=on_progress,
    )[projection.name]
    if isinstance(come, Exception):
        raise come
    return come


def filled_together(
    conn: Connection[Any],
    builds: Builds,
    organisation: str,
    *,
    until: int | None = None,
    occurred_until: datetime | None = None,
    batch_max: int = RECORDS_MAX,
    deadline: float | None = None,
    on_progress: OnProgress | None = None,
    processes: int = 0,
) -> Come:
    """Fills builds that nobody is shown up to the head, or to position `until`; goes on where an earlier call stopped.

    Progress is told in positions: that share of the log which the folded records are of it. A build that is filled
    already, or has been fed, is left as it is. One that is held, fenced or cannot be written is answered with its
    error. Needs a connection as `feed` does. Much is folded by `processes` others, if there are any to be.
    """
    come: dict[str, Progress | Exception] = {}
    with ExitStack() as stack:
        members = []
        for projection, build in builds:
            try:
                claim = stack.enter_context(claimed(conn, organisation, build))
            except Held as held:
                come[projection.name] = held
                continue
            if claim.position:
                come[projection.name] = Progress(claim.position, claim.position, 0, 0.0)
            else:
                members.append(Member(projection, build, claim))
        for to, group in _by_place(conn, organisation, members, until):
            projections = [member.projection for member in group]
            reader = Reader(*projections, organisation=organisation, occurred_until=occurred_until)
            filling = Filling(conn, reader, Here(Maker(conn, reader, projections, to)), group, to)
            sizes = _sizes(conn, filling, reader, organisation, to)
            if processes and _is_much(projections, filling.left(sizes)):
                work = work_of(conn, reader, [projection.name for projection in projections], to)
                filling.folding = Beside(filling.folding, work, processes)
            try:
                come |= _Run(filling, to, deadline, on_progress).through(sizes, batch_max)
            finally:
                filling.folding.close()
    return come


def _by_place(
    conn: Connection[Any], organisation: str, members: list[Member], until: int | None
) -> list[tuple[int, list[Member]]]:
    """Settles up to where each build is filled, the first time: all of them to the same place, if there is one yet."""
    with conn.transaction():
        for_organisation(conn, organisation)
        begun = [member.claim.filling_to for member in members if member.claim.filling_to is not None]
        place = max(begun, default=head(conn, organisation))
    place = place if until is None else min(place, until)
    for member in members:
        if member.claim.filling_to is None:
            member.claim.filling_to = place
    places = sorted({member.claim.filling_to or 0 for member in members})
    return [(to, [member for member in members if member.claim.filling_to == to]) for to in places]


def _sizes(conn: Connection[Any], filling: Filling, reader: Reader, organisation: str, to: int) -> list[Size]:
    """All the streams that the builds will hold. From here on their places are settled."""
    filling.settle()
    with conn.transaction():
        for_organisation(conn, organisation)
        return reader.sizes(conn, until=to)


def _is_much(projections: Sequence[Projection[Any]], left: Sequence[Size]) -> bool:
    """Whether there is enough to fold for other processes, which know what everybody knows."""
    known, records = found(), sum(size.records for size in left)
    return records * len(projections) >= FOLDS_BESIDE and all(
        known.get(projection.name) is projection for projection in projections
    )


class _Run:
    """One run of filling: tells how far it has come, and stops at its deadline."""

    def __init__(
        self, filling: Filling, to: int, deadline: float | None, on_progress: OnProgress | None
    ) -> None:
        self._filling = filling
        self._to = to
        self._deadline = deadline
        self._on_progress = on_progress
        self._began = time.monotonic()

    def through(self, sizes: list[Size], batch_max: int) -> dict[str, Progress | Exception]:
        """Fills stream by stream. Returns how each build stands."""
        members, to = self._filling.members, self._to
        left = self._filling.left(sizes)
        whole = sum(size.records for size in sizes)
        done = before = whole - sum(size.records for size in left)
        size = min(batch_max, max(RECORDS_LEAST, FOLDS_MEANT // max(1, len(members))))
        come, steps = self._come(done, before, whole), self._steps(left, size)
        for written in steps:
            done += written
            come = self._come(done, before, whole)
            if self._on_progress is not None:
                self._on_progress(come)
            if self._deadline is not None and time.monotonic() >= self._deadline and done < whole:
                return self._each(come)
        self._filling.end()
        events = to * (done - before) // max(1, whole)
        return self._each(Progress(to, to, events, time.monotonic() - self._began))

    def _steps(self, left: list[Size], size: int) -> Iterator[int]:
        cuts = {member.claim.filled_up_to for member in self._filling.members}
        return self._filling.steps(list(chunks(left, size, cuts)))

    def _come(self, done: int, before: int, whole: int) -> Progress:
        to, whole = self._to, max(1, whole)
        events = to * (done - before) // whole
        return Progress(
            min(to * done // whole, to - (done < whole)), to, events, time.monotonic() - self._began
        )

    def _each(self, come: Progress) -> dict[str, Progress | Exception]:
        return {member.projection.name: member.failure or come for member in self._filling.members}
