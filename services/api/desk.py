"""What every door has at hand: the database, the appender, the doorkeeper, the doorbell, and the news that we stop."""

import asyncio
import contextlib
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from types import FrameType

from psycopg_pool import AsyncConnectionPool

from events.log.append import Appender, Pool
from services.api.backlog import Shelf
from services.api.doorkeeper import Doorkeeper
from services.api.examined import Examined
from services.api.journal import Journal
from services.api.live.channels import Live
from services.api.words import Words
from services.custody import custodian_by, entrust_by
from services.doorbell import Doorbell
from services.pasts import PastCaller
from services.settings import Settings
from services.webhooks.addresses import Guard, networks_in

CONNECTIONS_MAX = 10  # to the database, for each process
CONNECTION_WITHIN_S = 5.0
PATIENCE_WHEN_STOPPING_S = 2.0
SIGNAL_AGAIN_S = 1.0  # a server that was told has closed us by then; told twice at once, it may hang
PAUSE_S = 0.01
UNFINISHED_MAX = 64 * 1_048_576  # bytes of bodies that have not come whole
UNREAD_MAX = 512 * 1_048_576  # bytes of answers that importers have not taken
WAITING_MAX = 512  # long-polls at once; whoever comes later is answered without waiting


class Desk:
    """One for each process, opened when it starts to serve and closed when it stops."""

    def __init__(self, settings: Settings) -> None:
        if settings.database_url is None:
            raise ValueError("a server of the API needs a database: set QILEDGER_DATABASE_URL")
        entrust_by(settings)
        self.settings = settings
        self.stopping = asyncio.Event()
        self.waiting = 0
        self.exports: Counter[str] = Counter()  # under way, by organisation
        self.unfinished = 0
        self.shelf = Shelf(UNREAD_MAX)
        self._deadlines: set[asyncio.Timeout] = set()
        self.pool: Pool = AsyncConnectionPool(
            settings.database_url,
            min_size=2,
            max_size=CONNECTIONS_MAX,
            timeout=CONNECTION_WITHIN_S,
            kwargs={"autocommit": True, "application_name": "qiledger api"},
            open=False,
        )
        self.appender = Appender(self.pool)
        self.doorkeeper = Doorkeeper(self.pool)
        self.words = Words(self.pool)
        self.journal = Journal(self.appender, self.pool)
        self.doorbell = Doorbell(settings.redis_url)
        self.pasts = PastCaller(settings.redis_url)
        self.live = Live()
        self.guard = Guard(networks_in(settings.webhook_networks))
        self.custodian = custodian_by(settings)
        self.examined = Examined(self.pool)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Everything at hand; at the end every request taken is answered before the database is let go."""
        await self.pool.open(wait=False)  # a database that is away makes us unready, not dead
        await self.doorbell.open()
        noting = asyncio.gather(self.doorkeeper.note_uses(), self.journal.keep())
        try:
            with self._told_to_stop():
                yield
        finally:
            self.stopping.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_WHEN_STOPPING_S):
                    await self.journal.tell_counts()
            await self.appender.close()
            await self.doorbell.close()
            self.pasts.close()
            noting.cancel()
            await asyncio.gather(noting, return_exceptions=True)
            await self.doorkeeper.note_last_uses()
            await self.pool.close()

    @contextlib.contextmanager
    def _told_to_stop(self) -> Iterator[None]:
        """Hears SIGTERM and SIGINT beside the server, which waits for open requests but does not tell them.

        The server's own handler is called by the event loop, which reads the signal's number out of a pipe. Where a
        thousand readers hang up at that moment the pipe is full of their wake-ups, and the number is lost: so the
        signal is raised again until the server closes us.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        coming: asyncio.TimerHandle | None = None

        def hear(number: int, _frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(heard, number)

        def heard(number: int) -> None:
            nonlocal coming
            if not self.stopping.is_set():
                self.stop()
                coming = loop.call_later(SIGNAL_AGAIN_S, again, number)

        def again(number: int) -> None:
            nonlocal coming
            coming = loop.call_later(SIGNAL_AGAIN_S, again, number)
            signal.raise_signal(number)

        former = {number: signal.signal(number, hear) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            if coming is not None:
                coming.cancel()
            for number, handler in former.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """Ends what waits: long-polls are answered, streams end, bodies that still come have two seconds more."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        soon = asyncio.get_running_loop().time() + PATIENCE_WHEN_STOPPING_S
        for deadline in self._deadlines:
            deadline.reschedule(min(soon, deadline.when() or soon))

    async def news(self, organisation: str, *, after: int, within_s: float) -> None:
        """Returns when the log may have gone beyond `after`, when so long has passed, or when we stop."""
        began = asyncio.get_running_loop().time()
        ringing = asyncio.ensure_future(self.doorbell.wait(organisation, after=after, within_s=within_s))
        stopping = asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait((ringing, stopping), return_when=asyncio.FIRST_COMPLETED)
            if asyncio.get_running_loop().time() - began < PAUSE_S and not self.stopping.is_set():
                await asyncio.sleep(PAUSE_S)  # whoever rings for nothing must not make us run in circles
        finally:
            ringing.cancel()
            stopping.cancel()

    @contextlib.asynccontextmanager
    async def patience(self, seconds: float | None) -> AsyncIterator[asyncio.Timeout]:
        """At most so long (None: until we stop) for what a caller has still to send or to take. Raises TimeoutError."""
        if self.stopping.is_set():
            seconds = min(seconds or PATIENCE_WHEN_STOPPING_S, PATIENCE_WHEN_STOPPING_S)
        async with asyncio.timeout(seconds) as deadline:
            self._deadlines.add(deadline)
            try:
                yield deadline
            finally:
                self._deadlines.discard(deadline)
