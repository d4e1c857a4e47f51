"""The doorbell: after a commit, whoever waits for news is told. A hint, never a fact.

Two things ring on Redis: the new head is published (for long-polls, streams and warm workers), and a worker is woken
by an RQ job. Both may be lost, doubled or late without harm: the log and the checkpoints in Postgres say what there is
to do, and a sweep driven by them rings again.

A wake-up is coalesced by a short-lived key of its own, not by the id of the job: RQ holds the id of a killed job for
minutes, and would turn later wake-ups away all that time (`docs/decisions/0002-wake-ups.md`).
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import cast

import redis
import redis.asyncio
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

# Queues by urgency. A worker listens to one: RQ loses jobs of those who listen to several.
FRESH, LONG, PAST, DELIVER = "fresh", "long", "past", "deliver"
REBUILD_CALLED_FOR_S = 120  # a slice of a rebuild, and the wait for it
RUNG_FOR_S = 5  # a wake-up that nobody answered is forgotten after this, and may be rung again
FORGOTTEN_AFTER_S = 60  # a job that no worker took; more were rung for since
FOLLOWED_FOR_S = 3  # a follower that does not renew its claim is gone after this
ANSWER_WITHIN_S = 1.0
BREATH_S = 0.01  # between two rings of one process: under load one ring speaks for many commits
CANCEL_AGAIN_AFTER_S = 0.1
COMPLAIN_EVERY_S = 30.0
KEEP_FRESH = "services.worker.jobs.keep_fresh.keep_fresh"
SPEAK = "services.worker.jobs.speak.speak"
REBUILD = "services.worker.jobs.rebuild_outdated.rebuild_outdated"
DELIVER_MESSAGES = "services.worker.jobs.deliver_messages.deliver_messages"
CHANNELS = "qiledger:head:*"

log = structlog.get_logger(__name__)


def channel(organisation: str) -> str:
    """Where the heads of an organisation's log are published."""
    return f"qiledger:head:{organisation}"


def _rung(organisation: str) -> str:
    return f"qiledger:rung:{organisation}"


def connect(url: str) -> redis.Redis:
    """A Redis that answers soon or not at all: redis-py by itself would try eleven times."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=ANSWER_WITHIN_S,
        socket_timeout=ANSWER_WITHIN_S,
        retry=Retry(NoBackoff(), 1),  # the connection may be one to a server that was restarted
    )


def queue(connection: redis.Redis, name: str) -> Queue:
    """A queue whose jobs are JSON: whoever can write to Redis can name a job, and not bring code of his own."""
    return Queue(name, connection=connection, serializer=JSONSerializer)


def wake(connection: redis.Redis, organisation: str) -> bool:
    """Wakes a worker for an organisation, unless one was rung for just now or follows it. Says whether it rang."""
    if not connection.set(_rung(organisation), "rung", nx=True, ex=RUNG_FOR_S):
        return False
    queue(connection, FRESH).enqueue(
        KEEP_FRESH,
        organisation,
        job_timeout=120,
        ttl=FORGOTTEN_AFTER_S,
        result_ttl=0,
        failure_ttl=3600,
        description=f"keep {organisation} fresh",
    )
    return True


def call_for_rebuild(connection: redis.Redis, organisation: str, *, again: bool = False) -> bool:
    """Calls for a rebuild of what the code would make otherwise now, unless it was called for. Says whether it called.

    `again` is said by the rebuild itself, when it has come to the end of a slice.
    """
    called = f"qiledger:rebuild:{organisation}"
    if not connection.set(called, "called", nx=not again, ex=REBUILD_CALLED_FOR_S):
        return False
    queue(connection, LONG).enqueue(
        REBUILD,
        organisation,
        job_timeout=REBUILD_CALLED_FOR_S,
        result_ttl=0,
        failure_ttl=3600,
        description=f"rebuild what is outdated of {organisation}",
    )
    return True


def call_to_speak(connection: redis.Redis, organisation: str) -> bool:
    """Calls for somebody to say what there is to say to people, unless it was called for. Says whether it called."""
    return _call(connection, SPEAK, organisation)


def answer_speaking(connection: redis.Redis, organisation: str) -> None:
    """Says that somebody has come to speak: what happens from now on may be called for again."""
    connection.delete(_called(SPEAK, organisation))


def call_for_delivery(connection: redis.Redis, organisation: str) -> bool:
    """Calls for the messages of an organisation to be delivered, unless it was called for. Says whether it called."""
    return _call(connection, DELIVER_MESSAGES, organisation)


def answer_delivery(connection: redis.Redis, organisation: str) -> None:
    """Says that somebody has come to deliver: what falls due from now on may be called for again."""
    connection.delete(_called(DELIVER_MESSAGES, organisation))


def _call(connection: redis.Redis, job: str, organisation: str) -> bool:
    """Rings once for a job that tells people, until it is answered or forgotten."""
    if not connection.set(_called(job, organisation), "called", nx=True, ex=RUNG_FOR_S):
        return False
    queue(connection, DELIVER).enqueue(
        job,
        organisation,
        job_timeout=120,
        ttl=FORGOTTEN_AFTER_S,
        result_ttl=0,
        failure_ttl=3600,
        description=f"{job.rpartition('.')[2]} for {organisation}",
    )
    return True


def _called(job: str, organisation: str) -> str:
    return f"qiledger:{job.rpartition('.')[2]}:{organisation}"


def ring(connection: redis.Redis, organisation: str, position: int) -> None:
    """Publishes a head, and wakes a worker."""
    connection.publish(channel(organisation), position)
    wake(connection, organisation)


class Follower:
    """A worker that stays with an organisation while there is news: nobody else need be woken for it meanwhile."""

    def __init__(self, connection: redis.Redis, organisation: str) -> None:
        self._connection = connection
        self._organisation = organisation
        self._heads: redis.client.PubSub = connection.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]

    @contextlib.contextmanager
    def following(self) -> Iterator[None]:
        """From before the first look at the log until after the last: no wake-up falls between."""
        with contextlib.closing(self._heads):
            self._heads.subscribe(channel(self._organisation))
            self._heads.get_message(timeout=ANSWER_WITHIN_S)  # heard: from now on nothing is missed
            self.renew()
            try:
                yield
            finally:
                self._connection.delete(_rung(self._organisation))

    def renew(self) -> None:
        """Says that the follower is still there."""
        self._connection.set(_rung(self._organisation), "followed", ex=FOLLOWED_FOR_S)

    def news(self, *, within_s: float) -> bool:
        """Waits for a head to be published."""
        if self._heads.get_message(timeout=within_s) is None:
            return False
        while self._heads.get_message(timeout=0) is not None:
            pass  # a later head says all that the earlier ones did
        return True


class Doorbell:
    """The API's end: rings without keeping a request waiting, and lets long-polls wait for others' rings."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._due: dict[str, int] = {}
        self._something_due = asyncio.Event()
        self._heads: defaultdict[str, int] = defaultdict(int)
        self._waiting: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._tasks: list[asyncio.Task[None]] = []
        self._complained_at = -COMPLAIN_EVERY_S

    async def open(self) -> None:
        """Starts ringing and listening."""
        if self._url is not None:
            loop = asyncio.get_running_loop()
            self._tasks = [loop.create_task(self._ring_on()), loop.create_task(self._listen_on())]

    async def close(self) -> None:
        """Stops at once, and lets those who wait go. What was not rung yet, the sweep finds."""
        left = set(self._tasks)
        while left:  # redis-py swallows a cancellation that meets it while it connects
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_AFTER_S)
        for organisation in list(self._waiting):
            self._let_go(organisation)

    def ring(self, organisation: str, position: int) -> None:
        """Says that the log has come to `position`. Never waits, never fails."""
        self._tell(organisation, position)
        self._due[organisation] = max(position, self._due.get(organisation, 0))
        self._something_due.set()

    async def wait(self, organisation: str, *, after: int, within_s: float) -> None:
        """Returns when the log may have gone beyond `after`, or after `within_s` seconds. Look, then wait again."""
        if self._heads[organisation] > after:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._waiting[organisation].wait(), within_s)

    def _tell(self, organisation: str, position: int) -> None:
        if position > self._heads[organisation]:  # our own ring comes back to us: that is no news
            self._heads[organisation] = position
            self._let_go(organisation)

    def _let_go(self, organisation: str) -> None:
        if (waiting := self._waiting.pop(organisation, None)) is not None:
            waiting.set()

    async def _ring_on(self) -> None:
        connection = connect(cast(str, self._url))
        while True:
            await self._something_due.wait()
            self._something_due.clear()
            due, self._due = self._due, {}
            try:
                await asyncio.to_thread(_ring_all, connection, due)
                await asyncio.sleep(BREATH_S)
            except redis.RedisError as failure:
                self._complain(failure)

    async def _listen_on(self) -> None:
        while True:
            try:
                await self._listen()
            except (redis.RedisError, OSError) as failure:
                self._complain(failure)
                await asyncio.sleep(ANSWER_WITHIN_S)

    async def _listen(self) -> None:
        async with (
            redis.asyncio.Redis.from_url(cast(str, self._url)) as connection,
            connection.pubsub() as heads,
        ):
            await heads.psubscribe(CHANNELS)
            async for message in heads.listen():
                if message["type"] == "pmessage":
                    with contextlib.suppress(ValueError):  # what is no head is somebody else's
                        organisation = message["channel"].decode().rpartition(":")[2]
                        self._tell(organisation, int(message["data"]))

    def _complain(self, failure: Exception) -> None:
        """Once in a while: without Redis everything goes on, a little later."""
        if time.monotonic() - self._complained_at >= COMPLAIN_EVERY_S:
            self._complained_at = time.monotonic()
            log.warning(
                "the doorbell is out of order; the sweep takes its place", reason=type(failure).__name__
            )


def _ring_all(connection: redis.Redis, due: dict[str, int]) -> None:
    for organisation, position in due.items():
        ring(connection, organisation, position)
