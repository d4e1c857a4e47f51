"""One POST to a stranger: fifteen seconds for all of it, little read of what is answered, nothing followed.

A receiver may answer a byte a second, never stop, or lie about lengths. A timeout of the socket bounds only each wait,
so a watch shuts the connection down when the whole attempt has had its time.
"""

import contextlib
import heapq
import itertools
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
import requests
import urllib3
from AntiSSRF import AntiSSRFError
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from services.webhooks.addresses import Guard, WrongAddress, reason
from services.webhooks.retrying import retry_after_s

WITHIN_S = 15.0
CONNECT_WITHIN_S = 5.0
SAID_BYTES_MAX = 512  # of an answer that are kept …
READ_BYTES_MAX = 65_536  # … and that are read, so that the connection can be used again
POOLS, POOL_CONNECTIONS = 256, 96
IDLE_MAX_S = 30.0  # a connection unused for longer may have been dropped on the way, and is not trusted

Outcome = Literal["delivered", "failed", "throttled", "gone", "unreachable", "forbidden", "given_up"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one attempt."""

    outcome: Outcome
    ms: int
    status: int | None = None
    said: str
    retry_after_s: float | None = None

    @property
    def is_of_the_endpoint(self) -> bool:
        """Whether it says something of the endpoint as a whole, not of the one record."""
        return self.outcome in ("throttled", "unreachable", "forbidden")


class CutOff(Exception):
    """We ended the attempt ourselves, before its time: that says nothing of the receiver."""


_THROTTLES = (429, 502, 503, 504)
_now_in = threading.local()


class _Lifeline(HTTPConnection):
    """A connection that another thread can shut down, even in the middle of a handshake."""

    lifeline: socket.socket | None = None
    used_at = 0.0

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        self.let_go()
        self.lifeline = sock.dup()
        self.tell()
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None and time.monotonic() - self.used_at > IDLE_MAX_S:
            self.close()
        self.tell()
        super().request(*args, **kwargs)

    def putheader(self, header: Any, *values: Any) -> None:
        if header in ("Host", "host"):
            values = (_host(values[0], self.port, self.default_port),)
        super().putheader(header, *values)

    def close(self) -> None:
        super().close()
        self.let_go()

    def tell(self) -> None:
        """The attempt that this thread is at uses this connection."""
        self.used_at = time.monotonic()
        attempt: _Attempt | None = getattr(_now_in, "attempt", None)
        if attempt is not None:
            attempt.connection = self

    def let_go(self) -> None:
        if self.lifeline is not None:
            self.lifeline.close()
            self.lifeline = None

    def shut(self) -> None:
        """Called by the watch. The socket may be closed at this very moment: then there is nothing to shut."""
        lifeline = self.lifeline
        if lifeline is not None:
            with contextlib.suppress(OSError):
                lifeline.shutdown(socket.SHUT_RDWR)


def _host(host: str, port: int | None, default: int) -> str:
    """A Host header as it has to be: with the port where it is not the usual one."""
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return name if port in (None, default) else f"{name}:{port}"


class _SecureConnection(_Lifeline, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Lifeline


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Attempt:
    """One attempt, as the watch sees it."""

    def __init__(self) -> None:
        self.connection: _Lifeline | None = None
        self.over = False
        self.cut = False
        self.ours = False  # whether we shortened its time


class Watch:
    """A thread that shuts down the connections of attempts that have had their time."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, _Attempt]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        threading.Thread(target=self._look_on, name="watch", daemon=True).start()

    @contextlib.contextmanager
    def watching(self, within_s: float) -> Iterator[_Attempt]:
        """An attempt of this thread, cut off after so long. Raises CutOff if none may begin any more."""
        attempt = _Attempt()
        with self._changed:
            if self._closed:
                raise CutOff
            heapq.heappush(self._due, (time.monotonic() + within_s, next(self._numbers), attempt))
            self._changed.notify()
        _now_in.attempt = attempt
        try:
            yield attempt
        finally:
            attempt.over = True
            _now_in.attempt = None

    def cut_all(self, *, within_s: float) -> None:
        """Nothing on its way takes longer than so long from now, and nothing more begins."""
        soon = time.monotonic() + within_s
        with self._changed:
            self._closed = True
            for due, _, attempt in self._due:
                attempt.ours = soon < due
            self._due = [(min(soon, due), number, attempt) for due, number, attempt in self._due]
            heapq.heapify(self._due)
            self._changed.notify()

    def _look_on(self) -> None:
        with self._changed:
            while True:
                while self._due and (self._due[0][2].over or self._due[0][0] <= time.monotonic()):
                    _, _, attempt = heapq.heappop(self._due)
                    if not attempt.over:
                        attempt.cut = True
                        if attempt.connection is not None:
                            attempt.connection.shut()
                self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)


class Poster:
    """Posts, from many threads at once, over connections that are used again."""

    def __init__(self, guard: Guard, *, ca: str | None = None, within_s: float = WITHIN_S) -> None:
        self._guard = guard
        self._verify: str | bool = ca or True
        self._within_s = within_s
        self.watch = Watch()
        for adapter in guard.adapters:
            adapter.init_poolmanager(POOLS, POOL_CONNECTIONS, block=False)
            adapter.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Sends a body. Whatever comes of it is an answer, but for what we end ourselves: raises CutOff."""
        began = time.monotonic()
        with self.watch.watching(self._within_s) as attempt:
            try:
                self._guard.check_written(url)
                request = requests.Request("POST", url, headers=dict(headers), data=body).prepare()
                status, said, after = self._exchange(url, request, began, attempt)
            except WrongAddress as wrong:
                return Answer(outcome="forbidden", ms=_ms(began), said=str(wrong))
            except AntiSSRFError as refused:
                return Answer(outcome="forbidden", ms=_ms(began), said=reason(refused))
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as failure:
                if attempt.cut and attempt.ours:
                    raise CutOff from failure
                said = "no whole answer in time" if attempt.cut else in_words(failure)
                return Answer(outcome="unreachable", ms=_ms(began), said=said)
        return Answer(
            outcome=outcome_of(status),
            ms=_ms(began),
            status=status,
            said=said,
            retry_after_s=retry_after_s(after),
        )

    def _exchange(
        self, url: str, request: requests.PreparedRequest, began: float, attempt: _Attempt
    ) -> tuple[int, str, str | None]:
        left_s = max(0.1, self._within_s - (time.monotonic() - began))
        answer = self._guard.adapter(url).send(
            request,
            stream=True,
            timeout=(min(CONNECT_WITHIN_S, left_s), left_s),
            verify=self._verify,
            proxies={},
        )
        if attempt.cut:  # before the headers had come whole, whatever their first line says
            raise TimeoutError
        try:
            said = _read(answer.raw)
        finally:
            answer.close()
        return answer.status_code, said, answer.headers.get("retry-after")


def _read(raw: urllib3.BaseHTTPResponse) -> str:
    """The first bytes of an answer, as text that is safe to show. The status counts, whatever becomes of the body."""
    read = b""
    with contextlib.suppress(urllib3.exceptions.HTTPError, OSError, ValueError):
        read = raw.read(READ_BYTES_MAX, decode_content=False) or b""
    text = read[:SAID_BYTES_MAX].decode("utf-8", "replace")
    return "".join(character if character.isprintable() else " " for character in text)


def outcome_of(status: int) -> Outcome:
    """What a status means for the delivery."""
    if 200 <= status < 300:
        return "delivered"
    if status == 410:
        return "gone"
    return "throttled" if status in _THROTTLES else "failed"


def in_words(failure: BaseException) -> str:
    """Why nobody answered: the innermost reason, without what may hold an address of ours."""
    names: list[str] = []
    seen: set[int] = set()
    inner: BaseException | None = failure
    while inner is not None and id(inner) not in seen:
        seen.add(id(inner))
        names.append(type(inner).__name__)
        args = [arg for arg in inner.args if isinstance(arg, BaseException)]
        cause = inner.__cause__ or inner.__context__
        why = getattr(inner, "reason", None)
        inner = why if isinstance(why, BaseException) else (args[0] if args else cause)
    return f"no answer: {names[-1]}"


def _ms(began: float) -> int:
    return round((time.monotonic() - began) * 1_000)
