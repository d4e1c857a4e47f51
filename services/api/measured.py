"""What charts are drawn from: the measures of a project, and every point of one with what stands beside it."""

from typing import Any

import msgspec

from projections.charts.series import POINTS_MAX, CannotDraw
from projections.engine.ask import ROWS_MAX, Snapshot
from projections.measure_series import OfMeasure, OfProject, ShownMeasure, ShownPart, series


async def measures_of(snap: Snapshot, of: OfProject) -> list[ShownMeasure]:
    """Every measure that a project's readers may see. Raises CannotDraw."""
    return await _every(snap, "measures", of)


async def points_of(snap: Snapshot, of: OfMeasure) -> list[ShownPart]:
    """Every point and note of a measure, from the first to the last. Raises CannotDraw."""
    return await _every(snap, "series", of)


async def _every(snap: Snapshot, question: str, params: msgspec.Struct) -> list[Any]:
    """Every row of an answer, page by page. Raises CannotDraw where they are more than a chart can have."""
    rows: list[Any] = []
    cursor: str | None = None
    while len(rows) <= POINTS_MAX:
        answered = await snap.ask(series.questions[question], params, limit=ROWS_MAX, cursor=cursor)
        rows += answered.rows
        cursor = answered.next_cursor
        if cursor is None:
            return rows
    raise CannotDraw(
        f"There are more than {POINTS_MAX} points and notes", "Draw a shorter time or wider steps"
    )
