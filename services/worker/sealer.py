"""The sealer's process: seals whatever is new, within a second of its commit, and has it witnessed.

It alone has the sealing key. The doorbell tells it of news at once; without Redis it looks for itself, so losing Redis
costs half a second. Several may run: the lease and the epoch in `proof.logs` see to it that one seals a log at a time.
"""

import threading
import time
from collections.abc import Callable, Sequence

import psycopg
import redis
import structlog

from events.log.seal import due, seal
from events.log.sealing_key import Signer
from services.doorbell import CHANNELS, connect
from services.sealing import Witness, is_named, signer_of, witnesses_of
from services.settings import Settings
from services.worker.duty import Connection, connected
from services.worker.examining_proofs import examine_on
from services.worker.witnessing import witness_on

LOOK_EVERY_S = 0.5
BREATH_S = 0.25  # between two checkpoints of a busy log: each is a row that is kept for ever
SLICE_S = 5.0  # for one log at a time, while others wait
AGAIN_AFTER_S = 1.0
STOPS_WITHIN_S = 5.0

log = structlog.get_logger(__name__)


def seal_on(settings: Settings, *, stopping: Callable[[], bool]) -> None:
    """Seals until told to stop; outlives a database or a Redis that is away. Raises WrongSettings."""
    signer = signer_of(settings)
    witnesses = witnesses_of(settings)
    if signer is None or not is_named(settings):
        missing = "key" if signer is None else "name for the logs"
        log.warning(
            "nothing is sealed", missing=missing, cure="QILEDGER_SEALING_KEY_FILE, QILEDGER_LOG_ORIGIN"
        )
        while not stopping():
            time.sleep(LOOK_EVERY_S)
        return
    if signer.directory is None and not witnesses:
        log.warning(
            "nothing outside the database remembers what was signed",
            cure="QILEDGER_SEAL_DIRECTORY on another disk, QILEDGER_WITNESSES",
        )
    beside = _beside(settings, signer, witnesses, stopping)
    while not stopping():
        try:
            _seal_on(settings, signer, stopping)
        except psycopg.OperationalError as failure:
            log.warning("the sealer waits for the database", reason=type(failure).__name__)
            time.sleep(AGAIN_AFTER_S)
        except Exception:  # a house that loses its sealer again and again would fall with it
            log.exception("the sealer failed, and begins anew")
            time.sleep(AGAIN_AFTER_S)
    until = time.monotonic() + STOPS_WITHIN_S  # what is not back then is asked, or looked at, another time
    for thread in beside:
        thread.join(max(0.0, until - time.monotonic()))


def _seal_on(settings: Settings, signer: Signer, stopping: Callable[[], bool]) -> None:
    with connected(settings, name="sealer") as conn:
        news = News(settings.redis_url)
        while not stopping():
            seal_what_is_due(conn, signer, stopping=stopping)
            time.sleep(BREATH_S)
            news.wait(LOOK_EVERY_S - BREATH_S)


def _beside(
    settings: Settings, signer: Signer, witnesses: Sequence[Witness], stopping: Callable[[], bool]
) -> list[threading.Thread]:
    """What the same process does meanwhile: it looks at everything at night, and asks witnesses."""
    work: dict[str, Callable[[], None]] = {"examining": lambda: examine_on(settings, signer, stopping)}
    if witnesses:
        work["witnesses"] = lambda: witness_on(settings, witnesses, stopping)
    threads = [threading.Thread(target=does, name=name, daemon=True) for name, does in work.items()]
    for thread in threads:
        thread.start()
    return threads


def seal_what_is_due(
    conn: Connection, signer: Signer, *, stopping: Callable[[], bool] = lambda: False
) -> None:
    """A slice of each log that is not sealed to its head; the next round goes on with what is left."""
    for name in due(conn):
        if stopping():
            return
        try:
            seal(conn, name, signer, deadline=time.monotonic() + SLICE_S)
        except psycopg.OperationalError:
            raise
        except Exception:  # one log keeps no other waiting
            log.exception("a log could not be sealed", log=name)
            time.sleep(BREATH_S)


class News:
    """The heads that the doorbell publishes, as a wait that ends early."""

    def __init__(self, url: str | None) -> None:
        self._connection = None if url is None else connect(url)
        self._heads: redis.client.PubSub | None = None

    def wait(self, seconds: float) -> None:
        """Returns when a head was published, or after so long. A Redis that is away is waited for."""
        until = time.monotonic() + seconds
        try:
            if self._connection is not None and self._heard(seconds):
                return
        except redis.RedisError:
            self._heads = None
        time.sleep(max(0.0, until - time.monotonic()))

    def _heard(self, seconds: float) -> bool:
        if self._connection is None:
            return False
        if self._heads is None:
            self._heads = self._connection.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
            self._heads.psubscribe(CHANNELS)
        if self._heads.get_message(timeout=seconds) is None:
            return False
        while self._heads.get_message(timeout=0) is not None:
            pass  # the heads stand in Postgres
        return True
