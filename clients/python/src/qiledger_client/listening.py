"""The live stream, however its bytes travel: what to ask for, what a piece says, how long to wait before the next try.

    listening = Listening(ledger, after="0")
    # open `listening.request()`; what is answered goes into `hear` if it `takes` it, and then it is `over`;
    # or else into `refused`; then wait `listening.pause_s()`

A stream is a place in the log, and no session: whoever is cut off asks again with the id of the last event.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from qiledger_client.answers import Record
from qiledger_client.flows import (
    PAUSE_FIRST_S,
    PAUSE_MAX_S,
    TRY_LATER,
    Ledger,
    Reply,
    Request,
    retry_after_s,
)
from qiledger_client.problems import LedgerError, Unreachable, problem_in, understanding

EVENT_STREAM = "text/event-stream"
SILENT_FOR_S = 45.0  # the ledger says something every 15 seconds
EVENT_BYTES_MAX = 1_048_576
FIELDS = frozenset({b"event", b"id", b"data", b"retry"})


class Listening:
    """One who listens, over any number of connections. Each record is told once, in order."""

    def __init__(
        self, ledger: Ledger, after: str | None, *, types: Sequence[str] = (), stream: str | None = None
    ) -> None:
        params = {"type": ",".join(types)} if types else {}
        params |= {"stream": stream} if stream else {}
        params |= {"after": after} if after is not None else {}
        self._ledger = ledger
        self._request = replace(
            ledger.asking_live(params), headers={"accept": EVENT_STREAM}, patience_s=SILENT_FOR_S
        )
        self._last: str | None = None
        self._left = b""
        self._fields: dict[bytes, bytes] = {}
        self._pause_s = self._asked_to_wait_s = 0.0
        self._spoke = False  # the ledger, on this connection
        self._failed = 0  # connections without a word, one after the other

    def request(self) -> Request:
        """What to ask for now: from the last event on, if there was one."""
        self._left, self._fields = b"", {}  # half an event is told again whole
        self._spoke = False
        if self._last is None:
            return self._request
        return replace(self._request, headers={**self._request.headers, "last-event-id": self._last})

    def hear(self, piece: bytes) -> Iterator[Record]:
        """The records that end in a piece of the stream, however it was cut."""
        *lines, self._left = (self._left + piece).split(b"\n")
        if len(self._left) > EVENT_BYTES_MAX:
            raise LedgerError(f"a line of the live stream is longer than {EVENT_BYTES_MAX} bytes")
        for line in lines:
            if (record := self._line(line.rstrip(b"\r"))) is not None:
                yield record

    def _line(self, line: bytes) -> Record | None:
        """A field of an event, or the empty line that ends it."""
        self._spoke, self._failed = True, 0
        if line:
            name, _, value = line.partition(b":")
            if name in FIELDS:
                self._fields[name] = value.removeprefix(b" ")
            return None
        told, self._fields = self._fields, {}
        self._note_pause(told.get(b"retry", b""))
        self._note_place(told.get(b"id", b""))
        if told.get(b"event") != b"record" or b"data" not in told:
            return None
        with understanding(self._ledger.base):
            return Record.of_cloudevent(json.loads(told[b"data"]))

    def _note_pause(self, milliseconds: bytes) -> None:
        if milliseconds.isdigit():
            self._pause_s = min(PAUSE_MAX_S, float(milliseconds) / 1_000)

    def _note_place(self, id_: bytes) -> None:
        """Where to go on: only what can be said in a header again."""
        if id_ and id_.isascii() and (text := id_.decode()).isprintable():
            self._last = text

    def takes(self, reply: Reply) -> bool:
        """Whether an answer is the stream; its body is not looked at."""
        kind = reply.headers.get("content-type", "").partition(";")[0].strip()
        if reply.status < 300 and kind != EVENT_STREAM:
            raise LedgerError(f"what {self._ledger.base} answered is no live stream of the ledger")
        return reply.status < 300

    def refused(self, reply: Reply) -> None:
        """The ledger answered with something else. Raises Problem for what will not be otherwise in a while."""
        problem = problem_in(self._ledger.base, reply.status, reply.body)
        if reply.status not in TRY_LATER:
            raise problem
        self.over(str(problem))
        self._asked_to_wait_s = retry_after_s(reply) or 0.0

    def over(self, reason: str) -> None:
        """The stream ended or broke, or nobody answered. Raises Unreachable after so many times without a word."""
        self._asked_to_wait_s = 0.0
        if self._spoke:
            return
        self._failed += 1
        if self._failed >= self._ledger.tries:
            raise Unreachable(f"{self._ledger.base} was asked {self._failed} times; the last time: {reason}")

    def pause_s(self) -> float:
        """How long to wait before the next connection: as the ledger says, longer each time that nobody answers."""
        if not self._failed:
            return max(PAUSE_FIRST_S, self._pause_s * self._ledger.chance.uniform(0.5, 1.0))
        return max(self._pause_s, self._asked_to_wait_s, self._ledger.pause_after(self._failed - 1))
