"""A small history told in the field's words: what happened to what, and when. Folded in memory, or kept and asked."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg

from events.fields import first_day
from events.log.record import PreciseTo, Record
from events.vocabulary import Event, canonical_body, tag_of
from projections.engine.ask import answer
from projections.engine.feed import feed
from projections.engine.memory import fold_in_memory
from projections.engine.projection import Projection

RECORDED = datetime(2026, 1, 1, tzinfo=UTC)
PAGES_MAX = 100

_PRECISION: dict[int, PreciseTo] = {4: "year", 7: "month", 10: "day"}


class History:
    """Records of one organisation, in the order in which they were told. Their ids are `e-1`, `e-2` …"""

    def __init__(self, *, source: str = "https://example.org/qi") -> None:
        self.records: list[Record] = []
        self.source = source

    def tell(
        self, stream: str, on: str, *events: Event, id_: str | None = None, source: str | None = None
    ) -> None:
        """These events happened to `stream` on a day, in a month or in a year (`2024-03-14`, `2024-03`, `2024`).

        Or at an instant, which names its zone: `2024-03-14T10:00Z`.
        """
        for event in events:
            position = len(self.records) + 1
            self.records.append(
                Record(
                    organisation="RWK",
                    position=position,
                    stream=stream,
                    version=1 + sum(record.stream == stream for record in self.records),
                    source=source or self.source,
                    id=id_ or f"e-{position}",
                    type=tag_of(type(event)),
                    occurred_at=_moment(on),
                    precise_to="instant" if "T" in on else _PRECISION[len(on)],
                    recorded_at=RECORDED + timedelta(seconds=position),
                    actor="client/tests",
                    body=canonical_body(event).decode(),
                    leaf=b"",
                )
            )

    def rows(self, projection: Projection[Any]) -> dict[str, Any]:
        """The rows of a projection by key, folded without a database."""
        return fold_in_memory(projection, self.records)

    def row(self, projection: Projection[Any], key: str) -> Any:
        """One row; fails if there is none."""
        return self.rows(projection)[key]

    async def ask(
        self,
        database_url: str,
        projection: Projection[Any],
        question: str,
        *,
        limit: int = 1_000,
        **asked: Any,
    ) -> list[Any]:
        """All answers to a question, `limit` on a page, after the history was told to a log of its own and fed."""
        organisation = f"T{uuid.uuid4().hex[:8].upper()}"
        with psycopg.connect(database_url, autocommit=True) as owner:
            owner.execute("SELECT log.open(%s, 'A trust')", (organisation,))
            batch = msgspec.json.encode([_as_told(record) for record in self.records]).decode()
            told = owner.execute("SELECT outcome FROM log.append(%s, %s::jsonb)", (organisation, batch))
            outcomes = {outcome for (outcome,) in told.fetchall()}
        assert outcomes <= {"appended"}, outcomes
        with psycopg.connect(database_url, options="-c role=qiledger_worker", autocommit=True) as worker:
            feed(worker, projection, organisation)
        params = msgspec.convert(asked, projection.questions[question].asks, strict=False)
        return await _every_page(database_url, projection, question, organisation, params, limit)


def _moment(on: str) -> datetime:
    if "T" in on:
        return datetime.fromisoformat(on).astimezone(UTC)
    return datetime.combine(first_day(on), datetime.min.time(), UTC)


async def _every_page(
    url: str,
    projection: Projection[Any],
    question: str,
    organisation: str,
    params: msgspec.Struct,
    limit: int,
) -> list[Any]:
    answers: list[Any] = []
    cursor: str | None = None
    of = projection.questions[question]
    options = "-c role=qiledger_api"
    async with await psycopg.AsyncConnection.connect(url, options=options, autocommit=True) as api:
        for _ in range(PAGES_MAX):
            page = await answer(api, projection, of, organisation, params, limit=limit, cursor=cursor)
            assert not page.parked, f"{page.parked} records could not be digested"
            answers += page.rows
            cursor = page.next_cursor
            if cursor is None:
                return answers
    raise AssertionError(f"more than {PAGES_MAX} pages")


def _as_told(record: Record) -> dict[str, Any]:
    told = ("stream", "source", "id", "type", "occurred_at", "precise_to", "actor", "body")
    return {name: getattr(record, name) for name in told}
