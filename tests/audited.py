"""A small organisation to audit: an event of every type, some put right, its projections fed, its log sealed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from events.corrections import EventCorrected, EventRetracted
from events.projects import ProjectStarted
from events.vocabulary import ANY_STREAM, Event, canonical_body, example_of, tag_of, vocabulary
from projections.engine.feed import feed
from projections.engine.found import found
from services.operating import open_organisation
from tests.events.log.sealing import as_worker, sealed_by

FIRST = datetime(2022, 5, 1, 9, tzinfo=UTC)
SOURCE = "/lifeqi"


class Audited:
    """One organisation in a database of the test's own."""

    def __init__(self, url: str, code: str = "RWK") -> None:
        self.url = url
        self.code = code
        self._number = 0
        with psycopg.connect(url) as conn:
            open_organisation(conn, code, "East London")

    def tell(self, stream: str, event: Event, *, id_: str | None = None, days: int | None = None) -> str:
        """One event; its id."""
        return self.tell_all([(stream, event, id_, days)])[0]

    def tell_all(self, told: list[tuple[str, Event, str | None, int | None]]) -> list[str]:
        """Events; each as stream, event, id if it matters, and day after the first if it matters."""
        batch, ids = [], []
        for stream, event, id_, days in told:
            self._number += 1
            ids.append(id_ or f"e-{self._number}")
            to_the_day = self._number % 3 == 0
            moment = FIRST + timedelta(days=self._number if days is None else days)
            batch.append(
                {
                    "stream": stream,
                    "source": SOURCE,
                    "id": ids[-1],
                    "type": tag_of(type(event)),
                    "occurred_at": moment.replace(hour=0) if to_the_day else moment,
                    "precise_to": "day" if to_the_day else "instant",
                    "actor": "client/lifeqi",
                    "body": canonical_body(event).decode(),
                }
            )
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute("SELECT count(*) FROM log.append(%s, %s::jsonb)", (self.code, _encoded(batch)))
        return ids

    def feed(self) -> None:
        """Brings every projection up to the head."""
        with as_worker(self.url) as conn:
            conn.execute("SET timezone = 'UTC'")
            for projection in found().values():
                feed(conn, projection, self.code)

    def seal(self) -> None:
        """Signs what is there."""
        sealed_by(self.url, self.code)

    def position(self) -> int:
        """How far the log has come."""
        with psycopg.connect(self.url) as conn:
            row = conn.execute(
                "SELECT position FROM log.heads WHERE organisation = %s", (self.code,)
            ).fetchone()
        assert row is not None
        return int(row[0])


def _encoded(batch: list[dict[str, Any]]) -> str:
    return json.dumps(batch, default=lambda moment: moment.isoformat())


def everything(rounds: int = 2) -> Iterator[tuple[str, Event, str | None, int | None]]:
    """An event of every type, so many times, to things of their own; and a correction and a retraction among them."""
    for n in range(1, rounds + 1):
        yield f"project/S-{n}", ProjectStarted(forum="city-hackney", title="Falls"), f"started-{n}", None
        for kind in vocabulary().values():
            if kind not in (EventCorrected, EventRetracted):
                yield _stream(kind, n), example_of(kind), None, None
        yield f"project/S-{n}", EventCorrected(of=f"started-{n}", fields={"title": "Fewer falls"}), None, None
    yield "project/P-9", ProjectStarted(forum="newham", title="Told by mistake"), "mistake", None
    yield "project/P-9", EventRetracted(of="mistake", reason="Another trust's"), None, None


def _stream(kind: type[Event], n: int) -> str:
    return f"{'project' if kind.stream == ANY_STREAM else kind.stream}/P-{n}"


def audited(url: str, *, rounds: int = 2, code: str = "RWK") -> Audited:
    """The organisation, told, fed and sealed."""
    organisation = Audited(url, code)
    organisation.tell_all(list(everything(rounds)))
    organisation.feed()
    organisation.seal()
    return organisation
