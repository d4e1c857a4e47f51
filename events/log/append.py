"""The appender: many callers, one commit.

While one batch is on its way to the database, the requests that come in gather into the next. So one head lock,
one round trip and one fsync serve as many events as happen to wait, and a lone event waits for nobody. An outcome
is handed to its caller only after the commit that makes it true; a crash before that leaves the caller without an
answer, and telling the same event again gets the receipt it would have had.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

from events.log.gathering import Gathering, Pool, Request
from events.log.outcomes import LogBusy, Outcome
from events.log.record import Submission

__all__ = ["Appender", "Pool"]

WAITING_MAX = 20_000  # events gathered for one organisation before callers are told that the log is busy


class Appender:
    """Appends to the logs of any number of organisations, over a pool whose role may execute `log.append_plain`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._gatherings: dict[str, Gathering] = {}
        self._draining: set[asyncio.Task[None]] = set()

    async def append(
        self, organisation: str, submissions: Sequence[Submission], *, all_or_nothing: bool = False
    ) -> list[Outcome]:
        """Keeps the events, and answers for each in the order given, once that is durable.

        Raises UnknownOrganisation, or LogBusy when the log is behind, locked or away: then nothing was
        acknowledged and telling the same events again is safe.
        """
        if not submissions:
            return []
        gathering = self._gatherings.get(organisation)
        if gathering is None:
            gathering = self._gatherings[organisation] = Gathering(organisation, self._pool)
        if gathering.events + len(submissions) > WAITING_MAX:
            raise LogBusy(f"{gathering.events} events are waiting for the log of {organisation}")
        request = Request(submissions, all_or_nothing)
        gathering.add(request)
        if not gathering.drains:
            gathering.drains = True
            draining = asyncio.get_running_loop().create_task(gathering.drain())
            self._draining.add(draining)
            draining.add_done_callback(partial(self._drained, organisation, gathering))
        return await request.answer

    def _drained(self, organisation: str, gathering: Gathering, draining: "asyncio.Task[None]") -> None:
        """One that remembers nothing is dropped: else whoever makes names of organisations up fills the memory."""
        self._draining.discard(draining)
        if not gathering.drains and not gathering.remembers:
            self._gatherings.pop(organisation, None)

    async def close(self) -> None:
        """Waits until every request taken so far is answered."""
        while self._draining:
            await asyncio.wait(self._draining)
