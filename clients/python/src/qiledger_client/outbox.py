"""An outbox on disk, for when the ledger is away: what is put in it is told sooner or later, once, in order.

    outbox = Outbox("/var/lib/lifeqi/outbox.db")
    outbox.put(ledger.telling(CycleTested(cycle="C-1"), about="project/P-17", at=today, id="P-17-C-1"))
    flushed = outbox.flush(ledger)

`put` returns when the event is on disk. `flush` tells what waits, oldest first, and removes what the ledger has given
a receipt for. A crash between the two leaves the event in the box; telling it again gets the receipt it would have
had. So several processes may put and flush at once: no lock is needed where a repeat does no harm. What the ledger
will never take is set aside with its problem; what it cannot take just now, or not by this key, waits; and neither
holds anybody up.
"""

import contextlib
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qiledger_client.answers import Outcome
from qiledger_client.async_client import AsyncClient
from qiledger_client.box import Box, OutboxFull, SetAside, Waiting, waits
from qiledger_client.client import Client
from qiledger_client.flows import TRY_LATER, Flow, Ledger, in_batches
from qiledger_client.problems import LedgerError, Problem, Unfit, Unreachable

__all__ = ["Flushed", "Outbox", "OutboxFull", "SetAside", "Waiting"]

log = logging.getLogger(__name__)

PAUSE_MAX_S = 60.0  # between two tries of a thread that cannot flush
TOO_LARGE = 413


@dataclass(frozen=True, kw_only=True)
class Flushed:
    """What a flush came to: told now, set aside, still waiting. `away` says why it ended early, if it did."""

    told: int
    set_aside: int
    waiting: int
    away: Unreachable | None = None


class Outbox(Box):
    """A file of events that wait to be told (SQLite, every commit on the disk). Safe for threads and processes."""

    def flush(self, client: Client) -> Flushed:
        """Tells what waits. A ledger that is away ends it early and leaves the rest.

        Raises NotAllowed for a key that may not tell some of it, once the rest is told: what it may not waits for one
        that may. Raises another Problem for what stands between us and the ledger and does not let all of it through.
        """
        return client.run(self._flushing(client.ledger))

    async def aflush(self, client: AsyncClient) -> Flushed:
        """The same over an `AsyncClient`."""
        return await client.run(self._flushing(client.ledger))

    @contextlib.contextmanager
    def flushing(self, client: Client, *, every_s: float = 5.0) -> Iterator[None]:
        """Flushes in a thread every few seconds, and once more at the end. The client is the thread's meanwhile.

        What goes wrong, such as a key that has expired, is said by `logging` and tried again, after longer each time.
        """
        over = threading.Event()

        def flush_on() -> None:
            pause_s = every_s
            while not over.wait(pause_s):
                went_well = self._try_to_flush(client)
                pause_s = every_s if went_well else max(every_s, min(PAUSE_MAX_S, pause_s * 2))

        thread = threading.Thread(target=flush_on, name="qiledger outbox", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self._try_to_flush(client)

    def _try_to_flush(self, client: Client) -> bool:
        try:
            trouble: Exception | None = self.flush(client).away
        except Exception as failure:  # a disk that is full for a while must not end the thread
            trouble = failure
        if trouble is not None:
            unforeseen = None if isinstance(trouble, LedgerError) else trouble
            said = " ".join([str(trouble), *getattr(trouble, "__notes__", ())])
            log.warning("the outbox %s was not flushed: %s", self._path, said, exc_info=unforeseen)
        return trouble is None

    def _flushing(self, ledger: Ledger) -> Flow[Flushed]:
        told = refused = place = 0
        away: Unreachable | None = None
        stuck: Problem | None = None
        while away is None and (waiting := self._next(place)):
            for batch in in_batches([event for _, event in waiting]):
                part, waiting = waiting[: len(batch)], waiting[len(batch) :]
                try:
                    outcomes = yield from _told(ledger, batch)
                except Unreachable as trouble:
                    away = trouble
                    break
                told_now, refused_now = self._note(part, outcomes)
                told, refused = told + told_now, refused + refused_now
                stuck = stuck or _first_stuck(part, outcomes)
                place = part[-1][0]
        if stuck is not None:
            raise stuck
        return Flushed(told=told, set_aside=refused, waiting=len(self), away=away)


def _first_stuck(part: Sequence[tuple[int, bytes]], outcomes: Sequence[Outcome]) -> Problem | None:
    """What somebody has to mend before all of it can be told: the key, or what stands between us and the ledger."""
    for (place, event), outcome in zip(part, outcomes, strict=True):
        if isinstance(outcome, Problem) and waits(outcome) and outcome.status not in TRY_LATER:
            outcome.add_note(f"The first that waits for that is {json.loads(event)['id']}, at place {place}.")
            return outcome
    return None


def _told(ledger: Ledger, batch: Sequence[bytes]) -> Flow[list[Outcome]]:
    """An outcome for each event, also where one of them makes the ledger refuse the whole batch: found by halves."""
    try:
        return (yield from ledger.telling_batch(batch))
    except Unfit as problem:
        if (
            not problem.slug and problem.status != TOO_LARGE
        ):  # not the ledger's word: something stands between
            raise
        if len(batch) == 1:
            return [problem]
    half = len(batch) // 2
    first = yield from _told(ledger, batch[:half])
    return first + (yield from _told(ledger, batch[half:]))
