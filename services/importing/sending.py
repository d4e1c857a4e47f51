"""Telling the API many events, as any client would: NDJSON to `/import`, over one connection, in bounded batches.

What has no answer is sent again, for an event told twice is kept once. So a break costs a moment, and nothing else.
"""

import http.client
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec

from events.counted import counted
from services.importing.reading import Wire

BATCH_MAX = 500  # events in one request
TRIES_MAX = 8
TRIES_BEFORE_REACHED = 3  # an address that never answered is more likely wrong than restarting
PAUSE_FIRST_S = 0.25
PAUSE_MAX_S = 5.0
ANSWER_WITHIN_S = 60.0
TROUBLE_BYTES_MAX = 65_536
UNANSWERED = (408, 429, 500, 502, 503, 504)  # statuses after which the same may be sent again


class CannotTell(Exception):
    """The API cannot be told anything; the message says why, and what to do."""


class Receipt(msgspec.Struct, frozen=True):
    """Where the event stands in the log."""

    position: int
    version: int


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one event."""

    status: int
    line: int
    receipt: Receipt | None = None
    problem: Mapping[str, Any] | None = None

    @property
    def why(self) -> str:
        """The refusal in words, with the field it is about and what may have been meant."""
        said = dict(self.problem or {})
        words = " ".join(str(said[part]) for part in ("title", "detail") if part in said)
        if near := said.get("near"):
            words += f" Most like it: {', '.join(map(str, near))}."
        return f"{words} ({said['field']})" if "field" in said else words or f"status {self.status}"


_answer = msgspec.json.Decoder(Answer)


class Ledger:
    """The log of one organisation, as a client with a key of it sees it. A context manager, for one thread."""

    def __init__(self, url: str, organisation: str, key: str, *, dry_run: bool = False) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise CannotTell(f"{url} is no address of an API. Give http://host:port or https://host.")
        self.organisation = organisation
        self._parts = parts
        self._path = f"{parts.path.rstrip('/')}/v1/{organisation}/import{'?dry_run=true' if dry_run else ''}"
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
        self._connection: http.client.HTTPConnection | None = None
        self._reached = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets the connection go; a later telling opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def tell(self, events: Sequence[Wire]) -> list[Answer]:
        """Tells at most `BATCH_MAX` events; answers in their order. Raises CannotTell."""
        answers: dict[int, Answer] = {}
        trouble = ""
        for tried, pause_s in enumerate(_pauses(TRIES_MAX)):
            if tried >= TRIES_BEFORE_REACHED and not self._reached:
                break
            waiting = [index for index in range(len(events)) if index not in answers]
            if not waiting:
                break
            if trouble:
                time.sleep(pause_s)
            trouble = self._try([events[index].line for index in waiting], waiting, answers)
        if trouble:
            raise CannotTell(f"The API at {self._parts.netloc} does not take events: {trouble}")
        return [answers[index] for index in range(len(events))]

    def _try(self, lines: Sequence[bytes], waiting: Sequence[int], answers: dict[int, Answer]) -> str:
        """Sends these lines once and notes the answers that are final. Says what the trouble was, if any."""
        try:
            for answer in self._post(lines):
                if answer.status in UNANSWERED:
                    self.close()
                    return answer.why
                if not 1 <= answer.line <= len(waiting):
                    raise http.client.HTTPException(f"an answer to line {answer.line}, which was not sent")
                answers[waiting[answer.line - 1]] = answer
        except (http.client.HTTPException, OSError, msgspec.DecodeError) as broken:
            self.close()
            return str(broken) or type(broken).__name__
        missing = sum(index not in answers for index in waiting)
        return f"{counted(missing, 'line was', 'lines were')} not answered" if missing else ""

    def _post(self, lines: Sequence[bytes]) -> Iterator[Answer]:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.request("POST", self._path, body=b"\n".join(lines), headers=self._headers)
        response = self._connection.getresponse()
        self._reached = True
        if response.status != 200:
            words = _words(response.status, response.read(TROUBLE_BYTES_MAX))
            self.close()
            if response.status in UNANSWERED:
                raise http.client.HTTPException(words)
            raise CannotTell(f"The API refuses the import. {words}")
        for line in response:
            yield _answer.decode(line)

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=ANSWER_WITHIN_S, context=context)
        return http.client.HTTPConnection(host, port, timeout=ANSWER_WITHIN_S)


def _pauses(tries: int) -> Iterator[float]:
    pause_s = PAUSE_FIRST_S
    for _ in range(tries):
        yield pause_s
        pause_s = min(PAUSE_MAX_S, pause_s * 2)


def _words(status: int, body: bytes) -> str:
    """The problem document of a refusal in words."""
    try:
        said = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = {}
    return Answer(status=status, line=0, problem=said).why


def in_batches(events: Iterator[Wire]) -> Iterator[list[Wire]]:
    """The events, at most BATCH_MAX at a time."""
    batch: list[Wire] = []
    for event in events:
        batch.append(event)
        if len(batch) == BATCH_MAX:
            yield batch
            batch = []
    if batch:
        yield batch
