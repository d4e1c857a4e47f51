"""The client that waits for its answers."""

import time
from collections.abc import Iterator, Mapping, Sequence
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


class Client(Way):
    """The log of one organisation, as one who holds a key of it sees it. A context manager; for one thread.

        with Client("https://ledger.example", "RWK", key=key, source="https://lifeqi.example/") as ledger:
            tested = CycleTested(cycle="C-1", tested="A text message the day before")
            receipt = ledger.tell(tested, about="project/P-17", at=date(2026, 3, 20), id="P-17-C-1")

    `source` is who you are: the `source` of what you tell, which the key must cover. A request that nobody answers is
    sent again up to `tries` times, which is safe: an id names one event for ever.
    """

    def __init__(
        self,
        url: str,
        organisation: str,
        *,
        key: str,
        source: str | None = None,
        tries: int = 6,
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(url, organisation, key=key, source=source, tries=tries, timeout_s=timeout_s)
        self._http = httpx.Client(**settings_of(url), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets the connections go."""
        self._http.close()

    def tell(
        self, event: Event | Mapping[str, Any] | Telling, *, about: str = "", at: When = "", **more: Any
    ) -> Receipt:
        """Tells one event; the receipt comes once it is on disk. Raises Problem, Unreachable."""
        receipt = self.run(self.ledger.telling(self._told(event, about, at, **more)))
        assert isinstance(receipt, Receipt)
        return receipt

    def try_out(self, telling: Telling) -> Tried:
        """What the door would keep; nothing is, and the log is not asked. Raises Problem, Unreachable."""
        tried = self.run(self.ledger.telling(telling, dry_run=True))
        assert isinstance(tried, Tried)
        return tried

    def tell_many(self, tellings: Sequence[Telling], *, all_or_nothing: bool = False) -> list[Outcome]:
        """Tells any number, in batches; a receipt or a problem for each, in order. Raises Problem, Unreachable."""
        return self.run(self.ledger.telling_many(tellings, all_or_nothing=all_or_nothing))

    def page(
        self,
        after: str | int = "0",
        *,
        types: Sequence[str] = (),
        stream: str | None = None,
        limit: int = 500,
        wait_s: float = 0.0,
    ) -> Page:
        """A page of the feed after a cursor or position; at the end of the log it waits up to `wait_s` (30 at most)."""
        return self.run(self.ledger.page(str(after), types=types, stream=stream, limit=limit, wait_s=wait_s))

    def pages(self, after: str | int = "0", *, follow: bool = False, **which: Any) -> Iterator[Page]:
        """Page after page to the end of the log; with `follow`, for ever. Keep each page's `next`."""
        cursor, ended = str(after), False
        while not ended:
            asked_at = time.monotonic()
            page = self.page(cursor, wait_s=25.0 if follow else 0.0, **which)
            idle_s = flows.idle_s(page, time.monotonic() - asked_at) if follow else 0.0
            yield page
            time.sleep(idle_s)
            cursor, ended = page.next, page.caught_up and not follow

    def feed(self, after: str | int = "0", *, follow: bool = False, **which: Any) -> Iterator[Record]:
        """Record after record, none missed, none twice. Go on after the `position` of the last you dealt with."""
        for page in self.pages(after, follow=follow, **which):
            yield from page.records

    def live(
        self, after: str | int | None = None, *, types: Sequence[str] = (), stream: str | None = None
    ) -> Iterator[Record]:
        """Record after record as they are kept, for ever; without `after`, what is told from now on.

        None is missed and none comes twice while it goes on, over broken connections and restarts of the ledger. Go on
        after the `position` of the last you dealt with. Raises LedgerError, such as a Problem for what will not be
        otherwise in a while, and Unreachable after `tries` tries in silence.
        """
        listening = Listening(self.ledger, None if after is None else str(after), types=types, stream=stream)
        while True:
            try:
                with self._http.stream(**self._opened(listening.request())) as response:
                    if listening.takes(head_of(response)):
                        for piece in response.iter_bytes():
                            yield from listening.hear(piece)
                        listening.over("it ended")
                    else:
                        response.read()
                        listening.refused(reply_of(response))
            except httpx.RequestError as failure:
                listening.over(f"{type(failure).__name__}: {failure}")
            time.sleep(listening.pause_s())

    def stream(self, name: str, *, after: int = 0) -> list[Record]:
        """All that happened to one thing, such as `project/P-17`. Raises NotFound."""
        return self.run(self.ledger.stream(name, after=after))

    def ask(self, projection: str, question: str, **parameters: Any) -> Answer:
        """A page of what a projection answers: `ask("projects", "one", project="P-17", at_least=receipt.position)`."""
        return self.run(self.ledger.question(projection, question, flows.parameters(parameters)))

    def ask_all(self, projection: str, question: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
        """Every row of an answer, page by page."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.ask(projection, question, **parameters | ({"cursor": cursor} if cursor else {}))
            yield from page.rows
            cursor = page.next

    def run(self, flow: Flow[T]) -> T:
        """Runs a flow to its end."""
        reply: Reply | NoReply | None = None
        try:
            while True:
                step = flow.send(reply)
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                    reply = None
                else:
                    reply = self._send(step)
        except StopIteration as end:
            result: T = end.value
            return result

    def _send(self, request: Request) -> Reply | NoReply:
        try:
            return reply_of(self._http.request(**self._opened(request)))
        except httpx.RequestError as failure:
            return NoReply(reason=f"{type(failure).__name__}: {failure}")
