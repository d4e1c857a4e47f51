"""The process that sends: finds in Postgres which endpoints something is due to, and serves many of them at once.

No queue stands between: the log is the queue, and each endpoint's cursor says how far it was served. A head that is
published over Redis only makes the next look come sooner; without Redis it comes every half second. Any number of
such processes may run: each endpoint is served by one at a time.
"""

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg
import redis
import structlog
from psycopg_pool import ConnectionPool, PoolTimeout

from events.privacy.custody import NoMasterKey
from services.custody import entrust_by
from services.doorbell import CHANNELS, connect
from services.settings import Settings
from services.webhooks.addresses import Guard, networks_in
from services.webhooks.claims import Due, announce, due
from services.webhooks.keeping import Secrets
from services.webhooks.posting import Poster
from services.webhooks.turn import Tools, take_turn

ENDPOINTS_MAX = 32  # served at once by one process …
SLOW_MAX = 16  # … of which so many are slow or failing ones: they never take the places of the others
LANES_MAX = 64  # records on their way at once, of endpoints that are sent to by streams
CONNECTIONS_MAX = 8
LOOK_EVERY_S = 0.5
BREATH_S = 0.02  # between two looks, however often somebody rings
TURN_S = 5.0
STOPS_WITHIN_S = 5.0  # what is on its way then is cut off, and sent again under the same id
AGAIN_AFTER_S = 1.0
IN_PEACE_FOR_S = 60.0  # an endpoint that cannot be served: nobody foresaw why, or its secret cannot be opened
UNNOTED_AGAIN_AFTER_S = 5.0  # one that the database let down
AGENT = "qiledger (Standard Webhooks 1.0)"

log = structlog.get_logger(__name__)


def send_on(settings: Settings, *, stopping: Callable[[], bool]) -> None:
    """Sends until told to stop; outlives a database or a Redis that is away."""
    os.environ.setdefault("RES_OPTIONS", "timeout:2 attempts:2")  # a resolver that hangs holds up a thread
    entrust_by(settings)
    secrets = Secrets()  # what was unwrapped is known to the next sender as well
    while not stopping():
        try:
            with _sender(settings, secrets, stopping) as sender:
                sender.send_on()
        except (psycopg.OperationalError, PoolTimeout) as failure:
            log.warning("the sender waits for the database", reason=type(failure).__name__)
            _pause(stopping)
        except Exception:
            log.exception("the sender failed, and begins anew")
            _pause(stopping)


def _pause(stopping: Callable[[], bool]) -> None:
    until = time.monotonic() + AGAIN_AFTER_S
    while not stopping() and time.monotonic() < until:
        time.sleep(0.1)


@contextlib.contextmanager
def _sender(settings: Settings, secrets: Secrets, stopping: Callable[[], bool]) -> Iterator["Sender"]:
    ca = settings.webhook_ca
    guard = Guard(networks_in(settings.webhook_networks))
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(
            ConnectionPool(
                settings.database_url or "",
                min_size=1,
                max_size=CONNECTIONS_MAX,
                timeout=10,
                kwargs={"autocommit": True, "application_name": "qiledger webhooks"},
                open=True,
            )
        )
        conn = stack.enter_context(
            psycopg.connect(
                settings.database_url or "", autocommit=True, application_name="qiledger webhooks"
            )
        )
        tools = Tools(
            pool=pool,
            poster=Poster(guard, ca=None if ca is None else str(ca)),
            secrets=secrets,
            lanes=ThreadPoolExecutor(LANES_MAX, thread_name_prefix="lane"),
            agent=AGENT,
        )
        bell = None if settings.redis_url is None else connect(settings.redis_url)
        sender = Sender(tools, conn, bell, stopping=stopping)
        try:
            yield sender
        finally:
            sender.close()


class Sender:
    """Looks for what is due, and gives each endpoint to a thread."""

    def __init__(
        self,
        tools: Tools,
        conn: psycopg.Connection[Any],
        bell: redis.Redis | None,
        *,
        stopping: Callable[[], bool],
    ) -> None:
        self._tools = tools
        self._conn = conn
        self._stopping = stopping
        self._holder = random.randrange(1, 2**31)
        self._threads = ThreadPoolExecutor(ENDPOINTS_MAX, thread_name_prefix="endpoint")
        self._serving: dict[tuple[str, str], Due] = {}
        self._in_peace: dict[tuple[str, str], float] = {}
        self._crowded = False
        self._changed = threading.Event()
        self._closing = False
        self._hearing = _Hearing(bell, self._changed) if bell is not None else None

    def send_on(self) -> None:
        """Serves until told to stop. Raises what the database raises when it is looked for what is due."""
        announce(self._conn, self._holder)
        while not self._stopping():
            self._changed.clear()
            self._look()
            time.sleep(BREATH_S)
            self._wait()

    def close(self) -> None:
        """What is on its way gets a few seconds; then it is cut off, unnoted, and will be sent again."""
        self._closing = True
        if self._hearing is not None:
            self._hearing.close()
        self._tools.poster.watch.cut_all(within_s=STOPS_WITHIN_S)
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._tools.lanes.shutdown(wait=True)

    def _wait(self) -> None:
        until = time.monotonic() + LOOK_EVERY_S
        while not self._changed.is_set() and not self._stopping() and time.monotonic() < until:
            self._changed.wait(0.1)

    def _look(self) -> None:
        """One look at what is due; serves as many as there is room for."""
        self._crowded = False
        now = time.monotonic()
        for name in [name for name, until in list(self._in_peace.items()) if until <= now]:
            del self._in_peace[name]
        for found in due(self._conn, limit=4 * ENDPOINTS_MAX + len(self._in_peace)):
            name = (found.organisation, found.endpoint)
            if name in self._serving or name in self._in_peace:
                continue
            if not self._has_room(found):
                self._crowded = True
                continue
            self._serving[name] = found
            future = self._threads.submit(self._serve, found)
            future.add_done_callback(lambda done, name=name: self._served(name, done))  # type: ignore[misc]

    def _has_room(self, found: Due) -> bool:
        slow = sum(other.slow for other in list(self._serving.values()))
        return len(self._serving) < ENDPOINTS_MAX and not (found.slow and slow >= SLOW_MAX)

    def _serve(self, found: Due) -> None:
        until = time.monotonic() + TURN_S

        def may_go_on() -> bool:
            over = self._stopping() or self._closing or self._crowded
            return not over and time.monotonic() < until

        take_turn(self._tools, found, self._holder, may_go_on)

    def _served(self, name: tuple[str, str], done: "Future[None]") -> None:
        failure = None if done.cancelled() else done.exception()
        if failure is not None:
            self._leave_in_peace(name, failure)
        self._serving.pop(name, None)
        self._changed.set()

    def _leave_in_peace(self, name: tuple[str, str], failure: BaseException) -> None:
        """One endpoint's failure is no other's. A database that is away for all is met by the next look."""
        told = log.bind(organisation=name[0], endpoint=name[1])
        for_s = IN_PEACE_FOR_S
        match failure:
            case NoMasterKey():
                told.warning("a webhook cannot be signed", reason=str(failure))
            case psycopg.OperationalError() | PoolTimeout():
                told.warning("an endpoint waits for the database", reason=type(failure).__name__)
                for_s = UNNOTED_AGAIN_AFTER_S
            case _:
                told.error("an endpoint could not be served", exc_info=failure)
        self._in_peace[name] = time.monotonic() + for_s


class _Hearing:
    """A thread that hears of new heads. It may miss some: the next look finds them."""

    def __init__(self, bell: redis.Redis, changed: threading.Event) -> None:
        self._bell = bell
        self._changed = changed
        self._over = threading.Event()
        threading.Thread(target=self._hear_on, name="hearing", daemon=True).start()

    def close(self) -> None:
        self._over.set()

    def _hear_on(self) -> None:
        while not self._over.is_set():
            try:
                with contextlib.closing(self._bell.pubsub(ignore_subscribe_messages=True)) as heads:  # type: ignore[no-untyped-call]
                    heads.psubscribe(CHANNELS)
                    while not self._over.is_set():
                        if heads.get_message(timeout=LOOK_EVERY_S) is not None:
                            self._changed.set()
            except redis.RedisError:
                self._over.wait(AGAIN_AFTER_S)
