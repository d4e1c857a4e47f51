"""One endpoint's turn: claimed, sent to wave by wave while it takes what comes, given back."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime

import msgspec
from psycopg_pool import ConnectionPool

from services.cloud_event import CloudEventItem, cloudevent
from services.webhooks.choosing import Delivery, Wave, next_wave, wave
from services.webhooks.claims import LEASE_S, Claim, Due, claim, release
from services.webhooks.keeping import Secrets
from services.webhooks.noting import Fenced, Sent, is_over, note, note_test
from services.webhooks.posting import WITHIN_S, Answer, CutOff, Poster
from services.webhooks.signing import SigningSecret, headers, message_id

MEDIA_TYPE = "application/cloudevents+json; charset=utf-8"
TEST_TYPE = "webhook.tested"
TESTS_MAX = 10
BEGIN_WITHIN_S = (
    LEASE_S - WITHIN_S - 15.0
)  # of claiming or noting; later somebody else may have the endpoint soon

_TESTS = """
    SELECT message
      FROM webhooks.tests
     WHERE organisation = %(organisation)s AND endpoint = %(endpoint)s
     ORDER BY asked_at, message
     LIMIT %(limit)s
"""
_encode = msgspec.json.Encoder().encode


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """What every turn works with; all of it is shared by many threads."""

    pool: ConnectionPool
    poster: Poster
    secrets: Secrets
    lanes: Executor
    agent: str


class Turn:
    """A claim at work. `may_go_on` is asked before each wave but the first."""

    def __init__(self, tools: Tools, held: Claim, may_go_on: Callable[[], bool]) -> None:
        self._tools = tools
        self._claim = held
        self._may_go_on = may_go_on
        self._renewed_at = time.monotonic()

    def run(self) -> None:
        """Sends what there is to send, until there is nothing, or others' turn has come. Raises Fenced, CutOff."""
        with self._tools.pool.connection() as conn:
            alive = self._tools.secrets.alive(conn, self._claim.organisation, self._claim.endpoint)
        self._test(alive)
        before: Wave | None = None
        while self._claim.state == "enabled" and not self._claim.pausing:
            following = None if before is None else next_wave(self._claim, before)
            if following is None:
                with self._tools.pool.connection() as conn:
                    following = wave(conn, self._claim)
            sent, cut_off = self._send(following.deliveries, alive)
            if sent or following.position > self._claim.position:
                with self._tools.pool.connection() as conn:
                    note(conn, self._claim, sent, following.position, cut_off=cut_off)
                self._renewed_at = time.monotonic()
            if cut_off:
                return
            before = following if all(map(is_over, sent)) else None  # what waits now is not passed by
            if not following.more or not self._may_go_on():
                return

    def _send(
        self, deliveries: Sequence[Delivery], alive: Sequence[SigningSecret]
    ) -> tuple[list[Sent], list[Delivery]]:
        """What came of them; and those that we cut off. Raises CutOff if nothing came of any."""
        if time.monotonic() - self._renewed_at > BEGIN_WITHIN_S:  # we stood still, perhaps for minutes
            raise Fenced(f"{self._claim.endpoint}: the claim is too old to begin anything")
        if len(deliveries) == 1:
            return [self._deliver(deliveries[0], alive)], []
        tried = list(self._tools.lanes.map(lambda one: self._try(one, alive), deliveries))
        sent = [one for one in tried if one is not None]
        if deliveries and not sent:
            raise CutOff
        return sent, [one for one, came in zip(deliveries, tried, strict=True) if came is None]

    def _try(self, delivery: Delivery, alive: Sequence[SigningSecret]) -> Sent | None:
        """None for one that we cut off."""
        try:
            return self._deliver(delivery, alive)
        except CutOff:
            return None

    def _deliver(self, delivery: Delivery, alive: Sequence[SigningSecret]) -> Sent:
        message = message_id(self._claim.organisation, delivery.record.position, self._claim.endpoint)
        began_at = datetime.now(UTC)
        if delivery.given_up:
            answer = Answer(outcome="given_up", ms=0, said="passed over, as was asked for")
        else:
            answer = self._post(message, _encode(cloudevent(delivery.record)), alive, began_at)
        return Sent(delivery=delivery, message=message, began_at=began_at, answer=answer)

    def _post(self, message: str, body: bytes, alive: Sequence[SigningSecret], now: datetime) -> Answer:
        sent = {"content-type": MEDIA_TYPE, "user-agent": self._tools.agent}
        sent |= headers(message, int(now.timestamp()), body, alive)
        return self._tools.poster.post(self._claim.url, sent, body)

    def _test(self, alive: Sequence[SigningSecret]) -> None:
        """Sends the tests that were asked for, also to one that is paused or fails."""
        asked = {"organisation": self._claim.organisation, "endpoint": self._claim.endpoint}
        with self._tools.pool.connection() as conn:
            messages = [message for (message,) in conn.execute(_TESTS, asked | {"limit": TESTS_MAX})]
        for message in messages:
            began_at = datetime.now(UTC)
            answer = self._post(message, _encode(test_event(self._claim, message, began_at)), alive, began_at)
            with self._tools.pool.connection() as conn:
                note_test(
                    conn, self._claim, message=message, type_=TEST_TYPE, began_at=began_at, answer=answer
                )


def test_event(held: Claim, message: str, now: datetime) -> CloudEventItem:
    """What a test sends: it looks like a record, and is none. Its position is 0."""
    at = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return CloudEventItem(
        specversion="1.0",
        id=message,
        source="/qiledger",
        type=TEST_TYPE,
        subject=f"webhook/{held.endpoint}",
        time=at,
        datacontenttype="application/json",
        sequence="0",
        streamversion="0",
        recordedtime=at,
        leaf="",
        actor="qiledger",
        data=msgspec.Raw(b'{"test":true}'),
    )


def take_turn(tools: Tools, due: Due, holder: int, may_go_on: Callable[[], bool]) -> bool:
    """Serves an endpoint, if nobody else does. Says whether it was ours. Raises NoMasterKey, psycopg.Error."""
    with tools.pool.connection() as conn:
        held = claim(conn, due, holder)
    if held is None:
        return False
    try:
        Turn(tools, held, may_go_on).run()
    except (Fenced, CutOff):
        return False
    finally:
        with tools.pool.connection() as conn:
            release(conn, held)
    return True
