"""The client for programs that wait for many things at once. What it does is said at `Client`, method for method."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from qiledger_client import flows
from qiledger_client.answers import Answer, Outcome, Page, Receipt, Record, Tried
from qiledger_client.flows import Flow, NoReply, Pause, Reply, Request
from qiledger_client.listening import Listening
from qiledger_client.telling import Event, Telling, When
from qiledger_client.way import Way
from qiledger_client.wire import head_of, reply_of, settings_of

T = TypeVar("T")


class AsyncClient(Way):
    """The log of one organisation, as one who holds a key of it sees it. An async context manager; for one loop."""

    def __init__(
        self,
        url: str,
        organisation: str,
        *,
        key: str,
        source: str | None = None,
        tries: int = 6,
        timeout_s: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(url, organisation, key=key, source=source, tries=tries, timeout_s=timeout_s)
        self._http = httpx.AsyncClient(**settings_of(url), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Lets the connections go."""
        await self._http.aclose()

    async def tell(
        self, event: Event | Mapping[str, Any] | Telling, *, about: str = "", at: When = "", **more: Any
    ) -> Receipt:
        """Tells one event; the receipt comes once it is on disk."""
        receipt = await self.run(self.ledger.telling(self._told(event, about, at, **more)))
        assert isinstance(receipt, Receipt)
        return receipt

    async def try_out(self, telling: Telling) -> Tried:
        """What the door would keep; nothing is, and the log is not asked."""
        tried = await self.run(self.ledger.telling(telling, dry_run=True))
        assert isinstance(tried, Tried)
        return tried

    async def tell_many(self, tellings: Sequence[Telling], *, all_or_nothing: bool = False) -> list[Outcome]:
        """Tells any number, in batches."""
        return await self.run(self.ledger.telling_many(tellings, all_or_nothing=all_or_nothing))

    async def page(
        self,
        after: str | int = "0",
        *,
        types: Sequence[str] = (),
        stream: str | None = None,
        limit: int = 500,
        wait_s: float = 0.0,
    ) -> Page:
        """A page of the feed."""
        return await self.run(
            self.ledger.page(str(after), types=types, stream=stream, limit=limit, wait_s=wait_s)
        )

    async def pages(
        self, after: str | int = "0", *, follow: bool = False, **which: Any
    ) -> AsyncIterator[Page]:
        """Page after page to the end of the log; with `follow`, for ever."""
        cursor, ended = str(after), False
        while not ended:
            asked_at = time.monotonic()
            page = await self.page(cursor, wait_s=25.0 if follow else 0.0, **which)
            idle_s = flows.idle_s(page, time.monotonic() - asked_at) if follow else 0.0
            yield page
            await asyncio.sleep(idle_s)
            cursor, ended = page.next, page.caught_up and not follow

    async def feed(
        self, after: str | int = "0", *, follow: bool = False, **which: Any
    ) -> AsyncIterator[Record]:
        """Record after record, none missed and none twice."""
        async for page in self.pages(after, follow=follow, **which):
            for record in page.records:
                yield record

    async def live(
        self, after: str | int | None = None, *, types: Sequence[str] = (), stream: str | None = None
    ) -> AsyncIterator[Record]:
        """Record after record as they are kept, for ever."""
        listening = Listening(self.ledger, None if after is None else str(after), types=types, stream=stream)
        while True:
            try:
                async with self._http.stream(**self._opened(listening.request())) as response:
                    if listening.takes(head_of(response)):
                        async for piece in response.aiter_bytes():
                            for record in listening.hear(piece):
                                yield record
                        listening.over("it ended")
                    else:
                        await response.aread()
                        listening.refused(reply_of(response))
            except httpx.RequestError as failure:
                listening.over(f"{type(failure).__name__}: {failure}")
            await asyncio.sleep(listening.pause_s())

    async def stream(self, name: str, *, after: int = 0) -> list[Record]:
        """All that happened to one thing."""
        return await self.run(self.ledger.stream(name, after=after))

    async def ask(self, projection: str, question: str, **parameters: Any) -> Answer:
        """A page of what a projection answers."""
        return await self.run(self.ledger.question(projection, question, flows.parameters(parameters)))

    async def ask_all(
        self, projection: str, question: str, **parameters: Any
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Every row of an answer, page by page."""
        cursor: str | None = ""
        while cursor is not None:
            page = await self.ask(projection, question, **parameters | ({"cursor": cursor} if cursor else {}))
            for row in page.rows:
                yield row
            cursor = page.next

    async def run(self, flow: Flow[T]) -> T:
        """Runs a flow to its end."""
        reply: Reply | NoReply | None = None
        try:
            while True:
                step = flow.send(reply)
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                    reply = None
                else:
                    reply = await self._send(step)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _send(self, request: Request) -> Reply | NoReply:
        try:
            response = await self._http.request(**self._opened(request))
            return reply_of(response)
        except httpx.RequestError as failure:
            return NoReply(reason=f"{type(failure).__name__}: {failure}")
