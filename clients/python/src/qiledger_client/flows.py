"""What is done, without saying how bytes travel: the part that both clients share.

A flow is a generator. It yields a `Request` and is sent the `Reply` or `NoReply`; it yields a `Pause` to wait; it
returns its result. `Client` and `AsyncClient` are the two ways to run one.
"""

import json
import random
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote

from qiledger_client.answers import Answer, Outcome, Page, Receipt, Record, Tried, outcome_of
from qiledger_client.problems import LedgerError, Unreachable, problem_in, understanding
from qiledger_client.telling import Telling

BATCH_EVENTS_MAX = 1_000
BATCH_BYTES_MAX = 1_048_576
TRY_LATER = frozenset({408, 429, 500, 502, 503, 504})
PAUSE_FIRST_S = 0.25
PAUSE_MAX_S = 30.0
ASK_AGAIN_S = 1.0  # a follower of the feed, when there was nothing
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to ask of the ledger. `patience_s` is added to the time-out, for an answer that may be long in coming."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    patience_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the ledger answered."""

    status: int
    headers: Mapping[str, str]  # names in small letters
    body: bytes


@dataclass(frozen=True, kw_only=True)
class NoReply:
    """Nobody answered: refused, cut off, or too late."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Pause:
    """Wait so long."""

    seconds: float


Flow: TypeAlias = Generator[Request | Pause, Reply | NoReply | None, T]


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Which log is spoken to, and how patiently. Every request may be sent again: an id names one event for ever."""

    base: str
    organisation: str
    source: str | None = None
    tries: int = 6
    chance: random.Random = field(default_factory=random.Random, repr=False)

    def telling(self, telling: Telling, *, dry_run: bool = False) -> Flow[Receipt | Tried]:
        """One event. Raises Problem or Unreachable."""
        request = Request(
            method="POST",
            path=self._path("events"),
            params={"dry_run": "1"} if dry_run else {},
            headers={"content-type": STRUCTURED},
            body=telling.encoded(),
        )
        reply = yield from self.answered(request)
        with understanding(self.base):
            told = json.loads(reply.body)
            return Tried(would_keep=told) if dry_run else Receipt.read(told, status=reply.status)

    def telling_many(
        self, tellings: Sequence[Telling], *, all_or_nothing: bool = False
    ) -> Flow[list[Outcome]]:
        """Any number, in batches; an outcome for each, in order. Raises Problem or Unreachable for a whole batch.

        `all_or_nothing` wants them in one batch.
        """
        batches = list(in_batches([telling.encoded() for telling in tellings]))
        if all_or_nothing and len(batches) > 1:
            raise ValueError(
                f"all or nothing is for one batch: {BATCH_EVENTS_MAX} events, {BATCH_BYTES_MAX} bytes"
            )
        outcomes: list[Outcome] = []
        for batch in batches:
            outcomes += yield from self.telling_batch(batch, all_or_nothing=all_or_nothing)
        return outcomes

    def telling_batch(self, events: Sequence[bytes], *, all_or_nothing: bool = False) -> Flow[list[Outcome]]:
        """One batch of encoded events."""
        request = Request(
            method="POST",
            path=self._path("events"),
            params={"all_or_nothing": "1"} if all_or_nothing else {},
            headers={"content-type": BATCH},
            body=b"[" + b",".join(events) + b"]",
        )
        reply = yield from self.answered(request)
        with understanding(self.base):
            outcomes = [outcome_of(self.base, told) for told in json.loads(reply.body)]
        if len(outcomes) != len(events):
            raise LedgerError(f"{len(events)} events were told and {len(outcomes)} answered for")
        return [outcome for outcome in outcomes if not isinstance(outcome, Tried)]

    def page(
        self, after: str, *, types: Sequence[str], stream: str | None, limit: int, wait_s: float
    ) -> Flow[Page]:
        """A page of the feed."""
        params = {"after": after, "limit": str(limit)}
        params |= {"type": ",".join(types)} if types else {}
        params |= {"stream": stream} if stream else {}
        params |= {"wait": f"{wait_s:g}"} if wait_s else {}
        request = Request(method="GET", path=self._path("events"), params=params, patience_s=wait_s)
        reply = yield from self.answered(request)
        with understanding(self.base):
            told = json.loads(reply.body)
            return Page(
                records=[Record.read(item) for item in told["items"]],
                next=told["next"],
                head=told["head"],
                caught_up=told["caught_up"],
            )

    def stream(self, name: str, *, after: int = 0) -> Flow[list[Record]]:
        """All that happened to one thing after a version."""
        records: list[Record] = []
        version: int | None = after
        while version is not None:
            params = {"after": str(version), "limit": "1000"}
            path = self._path("streams", *name.split("/", 1))
            reply = yield from self.answered(Request(method="GET", path=path, params=params))
            with understanding(self.base):
                told = json.loads(reply.body)
                records += [Record.read(item) for item in told["items"]]
                version = told["next"]
        return records

    def question(self, projection: str, question: str, params: Mapping[str, str]) -> Flow[Answer]:
        """A page of an answer."""
        path = self._path("projections", projection, question)
        patience_s = float(params.get("wait", 30.0))
        reply = yield from self.answered(
            Request(method="GET", path=path, params=params, patience_s=patience_s)
        )
        with understanding(self.base):
            told = json.loads(reply.body)
            return Answer(
                rows=told["rows"],
                position=told["position"],
                parked=told["parked"],
                next=told["next"],
                unheard_of=told.get("unheard_of", ()),
            )

    def answered(self, request: Request) -> Flow[Reply]:
        """The answer to a request; asked again while nobody answers or the ledger is busy."""
        trouble = "it was never asked"
        for tried in range(self.tries):
            reply = yield request
            if isinstance(reply, Reply):
                if reply.status < 300:
                    return reply
                if reply.status not in TRY_LATER:
                    raise problem_in(self.base, reply.status, reply.body)
                trouble = str(problem_in(self.base, reply.status, reply.body))
            elif isinstance(reply, NoReply):
                trouble = reply.reason
            if tried + 1 < self.tries:
                yield Pause(seconds=self._pause_s(tried, reply))
        raise Unreachable(f"{self.base} was asked {self.tries} times; the last time: {trouble}")

    def _pause_s(self, tried: int, reply: Reply | NoReply | None) -> float:
        """As long as the ledger says; else longer each time, and never as long as everybody else."""
        asked_for = None if not isinstance(reply, Reply) else retry_after_s(reply)
        return self.pause_after(tried) if asked_for is None else asked_for

    def pause_after(self, tried: int) -> float:
        """How long to wait after so many tries, if the ledger says nothing of it."""
        return float(min(PAUSE_MAX_S, PAUSE_FIRST_S * 2**tried) * self.chance.uniform(0.5, 1.0))

    def asking_live(self, params: Mapping[str, str]) -> Request:
        """For the live stream, whose answer goes on: see `Listening`."""
        return Request(method="GET", path=self._path("live"), params=params)

    def _path(self, *words: str) -> str:
        return "/".join(["", "v1", *(quote(word, safe="~") for word in (self.organisation, *words))])


def retry_after_s(reply: Reply) -> float | None:
    """How long the ledger asks us to wait, if it does; no longer than we ever do."""
    asked_for = reply.headers.get("retry-after", "")
    if not (asked_for.isascii() and asked_for.isdigit()):
        return None
    return min(PAUSE_MAX_S, float(asked_for))


def idle_s(page: Page, took_s: float) -> float:
    """How long one who follows waits before he asks again: a ledger that very many wait for answers without waiting."""
    return 0.0 if page.records or not page.caught_up else max(0.0, ASK_AGAIN_S - took_s)


def in_batches(events: Sequence[bytes]) -> Generator[list[bytes], None, None]:
    """Encoded events in batches that the ledger takes: bounded in number and bytes."""
    batch: list[bytes] = []
    size = 2
    for event in events:
        if batch and (len(batch) == BATCH_EVENTS_MAX or size + len(event) + 1 > BATCH_BYTES_MAX):
            yield batch
            batch, size = [], 2
        batch.append(event)
        size += len(event) + 1
    if batch:
        yield batch


def parameters(given: Mapping[str, Any]) -> dict[str, str]:
    """Parameters of a question as they stand in an address; what is None is left out."""
    return {name: _parameter(value) for name, value in given.items() if value is not None}


def _parameter(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
