"""A load of HTTP requests over kept connections, each waiting for its answer before it sends the next."""

import asyncio
import time
from collections.abc import Callable

import msgspec

Ask = Callable[[], bytes]


class Load(msgspec.Struct, frozen=True):
    """What came of a load: answers counted, how long each took in seconds, and those that were not 2xx."""

    answers: int
    seconds: float
    latencies: list[float]
    refused: int

    @property
    def rate(self) -> float:
        return self.answers / self.seconds

    def percentile(self, share: float) -> float:
        """The latency, in seconds, that this share of the answers did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class _Caller(asyncio.Protocol):
    """One connection. As little as can be between an answer and the next request."""

    def __init__(self, ask: Ask, until: float, done: asyncio.Future[None], load: "_Counts") -> None:
        self._ask = ask
        self._until = until
        self._done = done
        self._load = load
        self._buffer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._ask())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found or len(rest) < _length(head):
            return
        now = time.perf_counter()
        self._load.latencies.append(now - self._sent_at)
        self._load.refused += head[9:10] != b"2"
        self._buffer = b""
        if now < self._until:
            self._send()
        else:
            self._transport.close()
            self._done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionError("the server hung up") if exc is None else exc)


class _Counts:
    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.refused = 0


def _length(head: bytes) -> int:
    """The Content-Length of an answer."""
    lowered = head.lower()
    begin = lowered.index(b"content-length:") + 15
    end = lowered.find(b"\r\n", begin)
    return int(lowered[begin : end if end >= 0 else len(lowered)])


async def _press(port: int, ask: Ask, connections: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    counts = _Counts()
    began = time.perf_counter()
    until = began + seconds
    done: list[asyncio.Future[None]] = [loop.create_future() for _ in range(connections)]
    for future in done:
        await loop.create_connection(
            lambda future=future: _Caller(ask, until, future, counts), "127.0.0.1", port
        )
    await asyncio.gather(*done)
    return Load(len(counts.latencies), time.perf_counter() - began, counts.latencies, counts.refused)


def press(port: int, ask: Ask, *, connections: int, seconds: float) -> Load:
    """Sends what `ask` gives, over so many connections, for so long."""
    return asyncio.run(_press(port, ask, connections, seconds))


def post(path: str, body: bytes, *, key: str, content_type: str) -> bytes:
    """The bytes of a request."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
