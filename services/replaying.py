"""What a replay reads (an export that holds, or a live log whose leaves do), and asking questions of what it folds."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from events.log import taking
from events.log.export_file import Damaged, lines_of
from events.log.exported import Head
from events.log.exporting import BrokenRecord
from events.log.lines import NotCanonical, canonical, moments_of, read_line
from events.log.merkle import leaf_hash
from events.log.migrate import migrate
from events.log.verdict import Verdict
from events.log.verifying import Verifier
from projections.engine.ask import ROWS_MAX, answer
from projections.engine.builds import begin, make, show
from projections.engine.projection import Projection
from projections.engine.question import Question
from projections.engine.reading import for_organisation
from projections.engine.replay import Replay
from projections.engine.rows import save
from projections.engine.tables import Tables
from projections.moments import LONDON
from services.embedded import Postgres
from services.embedded.places import throwaway_directory
from services.operating import make_database, open_organisation

DATABASE = "replay"
PAGES_MAX = 10_000
DOCTOR = "`qiledger doctor --proof` finds all that was changed in the log"
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}

_REACHED = """
    UPDATE projections.checkpoints SET position = %(position)s
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s
"""


class DoesNotHold(ValueError):
    """What is not as it was sealed is not replayed. The message names the first that is wrong, and where."""

    def __init__(self, path: Path, verdict: Verdict) -> None:
        first = verdict.findings[0]
        super().__init__(
            f"the export does not hold ({first}). `qiledger verify {path}` says all that is wrong with it; take "
            "another copy, or another export"
        )


def head_of_file(path: Path) -> Head:
    """The first line of an export. Raises DoesNotHold."""
    with Verifier(unsigned=True) as verifier:
        try:
            for text in lines_of(path):
                verifier.take(text)
                break
        except Damaged as wrong:
            verifier.damaged(str(wrong))
        if verifier.head is None:
            raise DoesNotHold(path, verifier.finish())
        return verifier.head


def read_file(path: Path, replay: Replay) -> Verdict:
    """Puts every record of an export into a replay, and verifies it meanwhile. Raises DoesNotHold."""
    with Verifier(
        unsigned=True, on_line=lambda text, line, _: replay.add_line(line.stream, text)
    ) as verifier:
        try:
            verdict = verifier.take_all(lines_of(path))
        except Damaged as wrong:
            verifier.damaged(str(wrong))
            verdict = verifier.finish()
    if not verdict.holds:
        raise DoesNotHold(path, verdict)
    return verdict


def read_log(
    conn: psycopg.Connection[Any], organisation: str, replay: Replay, *, after: int = 0, until: int
) -> None:
    """Puts the records of a live log into a replay, each with its leaf made anew. Raises BrokenRecord."""
    expected = after
    for page in taking.records(conn, organisation, after=after, until=until):
        for record in page:
            expected += 1
            text = canonical(record)
            if record.position != expected or leaf_hash(text) != record.leaf:
                raise BrokenRecord(expected, f"it is not what its leaf was made of; {DOCTOR}")
            try:
                moments_of(read_line(text))
            except NotCanonical as wrong:
                raise BrokenRecord(expected, f"{wrong}, though its leaf is made of that; {DOCTOR}") from None
            replay.add_line(record.stream, text)


@contextmanager
def throwaway_database(organisation: str) -> Iterator[str]:
    """An empty database of our own, with nothing in it but our schema; gone afterwards. Raises NoServerFound."""
    with (
        throwaway_directory("qiledger-replay-") as directory,
        Postgres(directory / "postgres", settings=FAST) as server,
    ):
        make_database(server.url(), DATABASE)
        url = server.url(DATABASE)
        migrate(url)
        with psycopg.connect(url) as conn:
            open_organisation(conn, organisation, organisation)
        yield url


def ask_replay(
    url: str,
    replay: Replay,
    projection: Projection[Any],
    question: Question[Any, Any],
    asks: msgspec.Struct,
    *,
    organisation: str,
    position: int,
) -> list[Any]:
    """All rows of the answer to a question, asked of the rows that a replay folds."""
    with psycopg.connect(url, autocommit=True) as conn, conn.transaction():
        for_organisation(conn, organisation)
        build = make(conn, projection, kind="live")
        tables = Tables(projection, build.build)
        for streams in replay.streams(projection.name):
            save(conn, tables, organisation, streams, new=True)
        tables.index(conn)
        tables.analyse(conn)
        begin(conn, organisation, build)
        named = {"organisation": organisation, "projection": projection.name, "build": build.build}
        conn.execute(_REACHED, named | {"position": position})
        show(conn, organisation, build)
    return asyncio.run(_all_rows(url, projection, question, asks, organisation))


async def _all_rows(
    url: str,
    projection: Projection[Any],
    question: Question[Any, Any],
    asks: msgspec.Struct,
    organisation: str,
) -> list[Any]:
    rows: list[Any] = []
    cursor: str | None = None
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        for _ in range(PAGES_MAX):
            page = await answer(conn, projection, question, organisation, asks, limit=ROWS_MAX, cursor=cursor)
            rows += page.rows
            cursor = page.next_cursor
            if cursor is None:
                break
    return rows


def asks_of(question: Question[Any, Any], given: dict[str, str], on: date) -> msgspec.Struct:
    """The parameters of a question from texts; `on`, where it must know the day. Raises msgspec.ValidationError."""
    fields = {field.name: field for field in msgspec.structs.fields(question.asks)}
    if "on" in fields and fields["on"].required and "on" not in given:
        given = given | {"on": on.isoformat()}
    return msgspec.convert(given, question.asks, strict=False)  # type: ignore[no-any-return]


def day_of(moment: datetime | None, now: datetime) -> date:
    """The day to judge on, as the API has it: that of the past that is asked of, else that of `now` in London."""
    return (moment or now.astimezone(LONDON)).date()
