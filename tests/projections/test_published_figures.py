"""Published figures, asked of the loaded history as at their dates: every line of `docs/published-history.md`."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import psycopg
import pytest

import services.api.when as when
from events.log.record import Record
from events.vocabulary import vocabulary
from projections.engine.as_at import as_at
from projections.engine.ask import answer
from projections.engine.builds import drop
from projections.engine.compare import differences, rows_kept
from projections.engine.found import found
from projections.engine.memory import fold_in_memory
from projections.moments import last_day
from services.api.question_parameters import TODAY, needs_today
from tests.projections.engine.telling import as_role, records_of
from tests.services.importing.test_public_history import TOLD

PAGE = Path(__file__).parents[2] / "docs" / "published-history.md"
_ROW = re.compile(
    r"^\| (RWK|RV3) \| ([0-9-]+) \| ([^|]+) \| `([^`]+)` \| ([^|]+) \|(?: ([^|]+) \|)?$", re.MULTILINE
)
ROWS = [match.groups() for match in _ROW.finditer(PAGE.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def history(database_url: str) -> dict[str, str]:
    """The published history, told to a log for each of the two trusts."""
    logs = {}
    for trust in ("RWK", "RV3"):
        code = logs[trust] = f"PUB{trust}"
        told = [submission for fact, submission in TOLD if fact["organisation"] == trust]
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute("SELECT log.open(%s, 'A trust')", (code,))
            conn.execute(
                "SELECT 1 FROM log.append(%s, %s::jsonb)", (code, msgspec.json.encode(told).decode())
            )
    return logs


async def asked(database_url: str, organisation: str, written: str, question: str) -> list[Any]:
    """The answer as at the end of a written date."""
    path, _, query = question.partition("?")
    projection = found()[path.partition("/")[0]]
    of = projection.questions[path.partition("/")[2]]
    given = dict(parse_qsl(query))
    if needs_today(of):
        given[TODAY] = last_day(written).isoformat()
    until = when.moment(written, field="as_at")
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as worker:
        build = as_at(worker, projection, organisation, occurred_until=until)
        async with await psycopg.AsyncConnection.connect(
            as_role(database_url, "qiledger_api"), autocommit=True
        ) as api:
            params = msgspec.convert(given, of.asks, strict=False)
            page = await answer(api, projection, of, organisation, params, limit=1_000, build=build)
        assert drop(worker, build)
    return page.rows


@pytest.mark.parametrize(
    ("trust", "written", "question", "said"), [(row[0], row[1], row[3], row[4]) for row in ROWS]
)
async def test_the_page_says_what_is_answered(
    history: dict[str, str],
    database_url: str,
    trust: str,
    written: str,
    question: str,
    said: str,
) -> None:
    rows = await asked(database_url, history[trust], written, question)
    if rows_said := re.fullmatch(r"(\d+) rows", said):
        assert len(rows) == int(rows_said[1])
    elif figure := re.fullmatch(r"a line of which `(\w+)` is (\d+)", said):
        records = {record.position: record for record in records_of(database_url, history[trust])}
        assert int(figure[2]) in {_figures(records[row.position]).get(figure[1]) for row in rows}
        assert all(row.occurred_at <= when.moment(written, field="as_at") for row in rows)
    else:
        column = re.fullmatch(r"`(\w+)` is (\d+)", said)
        assert column is not None, said
        assert int(column[2]) in {getattr(row, column[1]) for row in rows}


def test_every_date_of_a_published_figure_is_spoken_of() -> None:
    dates = {written for _, written, *_ in ROWS}
    assert dates >= {
        "2016-04",
        "2017-10-03",
        "2018-10-04",
        "2020-01-27",
        "2022-05-20",
        "2022-04",
        "2025-09",
    }
    assert len(ROWS) == 19


def _figures(record: Record) -> dict[str, Any]:
    event: Any = msgspec.json.decode(record.body, type=vocabulary()[record.type])
    return event.published.figures if event.published is not None else {}


def test_the_same_answer_is_given_of_a_fold_of_just_those_records(
    history: dict[str, str], database_url: str
) -> None:
    until = datetime(2022, 5, 20, 23, 59, 59, 999999, UTC)
    organisation = history["RWK"]
    records = [r for r in records_of(database_url, organisation) if r.occurred_at <= until]
    assert len(records) > 200
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as worker:
        for projection in found().values():
            build = as_at(worker, projection, organisation, occurred_until=until)
            kept = dict(rows_kept(worker, projection, organisation, build=build))
            assert differences(kept, fold_in_memory(projection, records)) == [], projection.name
            assert drop(worker, build)
