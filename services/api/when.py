"""Of which moment an answer is to be: of now, of a position at least, or of the past.

`as_at` is business time: what had happened by then. `as_known` is recorded time: what had been told by then. Days,
months and years end with their last day in UTC, in which rows are dated; "today", where a question has to know it,
is the day in London, or the day that is asked of.
"""

import asyncio
import time
from datetime import UTC, date, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from events.fields import END
from projections.engine.ask import reached
from projections.engine.builds import Build
from projections.engine.past import Past, Picture, is_settled, picture_of
from projections.engine.projection import Projection
from projections.moments import LONDON, last_moment
from services.api.answers import ASK_AGAIN, FOREVER
from services.api.desk import Desk
from services.api.kept import POSITION_MAX
from services.api.problems import Problem, kinds

WAIT_S, WAIT_S_MAX = 5.0, 30.0
LOOK_FIRST_S, LOOK_MAX_S = 0.02, 0.25
CALL_AGAIN_S = 1.0
ASK_PAST_AGAIN_S = 2
EARLIEST, LATEST = 1900, 2199
_EXAMPLES = "2022-05-20, 2022-05, 2022 or 2022-05-20T09:30:00Z"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
_FORM = rf"^[0-9]{{4}}(-[0-9]{{2}}(-[0-9]{{2}}(T{_TIME})?)?)?{END}"

Moment = Annotated[str, Meta(max_length=32, pattern=_FORM)]


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of which moment an answer is wanted."""

    as_at: (
        Annotated[
            Moment,
            Meta(
                description="Of what had happened by the end of this day, month or year, or by this instant: "
                + _EXAMPLES
                + "."
            ),
        ]
        | None
    ) = None
    as_known: (
        Annotated[
            Moment,
            Meta(
                description="Of what had been told by the end of this day, month or year, or by this instant. "
                "Such an answer never changes."
            ),
        ]
        | None
    ) = None
    at_least: Annotated[
        int,
        Meta(ge=0, le=POSITION_MAX, description="Wait until the answer reflects this position of the log."),
    ] = 0
    wait: Annotated[
        float,
        Meta(
            ge=0,
            le=WAIT_S_MAX,
            description="How many seconds to wait for that, or for an answer of the past.",
        ),
    ] = WAIT_S


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask for that moment: an as-at build or, without one, what readers are shown."""

    build: Build | None = None
    position: int = 0  # every record up to here that belongs in the answer is in it
    settled: bool = False  # nothing can be told any more that would change it


def moment(written: str, *, field: str) -> datetime:
    """The last moment of a written day, month or year (in UTC), or the instant. Raises Problem."""
    try:
        instant = last_moment(written)
    except (ValueError, OverflowError):
        instant = datetime.min.replace(tzinfo=UTC)
    if not EARLIEST <= instant.year <= LATEST:
        raise Problem(
            kinds.WRONG_PARAMETER, f"There is no such moment; write it as {_EXAMPLES}.", field=field
        )
    return instant


def today(when: When, now: datetime) -> date:
    """The day to judge on: that of the past which is asked of, else that of `now` in London. Raises Problem."""
    written, field = (when.as_at, "as_at") if when.as_at else (when.as_known, "as_known")
    if written is None:
        return now.astimezone(LONDON).date()
    instant = moment(written, field=field)
    return instant.astimezone(LONDON).date() if "T" in written else instant.date()


async def source(desk: Desk, projection: Projection[Any], organisation: str, when: When) -> Source:
    """What to ask, once it is there and has come far enough. Raises Problem when that takes too long."""
    past = Past(
        None if when.as_at is None else moment(when.as_at, field="as_at"),
        None if when.as_known is None else moment(when.as_known, field="as_known"),
    )
    if past.recorded_until is not None:
        async with desk.pool.connection() as conn:
            if not await is_settled(conn, organisation, past.recorded_until):
                past = Past(past.occurred_until)  # nothing was told later: all that is known was known
    if past == Past():
        return await _present(desk, projection, organisation, when)
    picture = await _picture(desk, projection, organisation, past, when)
    settled = past.recorded_until is not None
    if picture.position < when.at_least:
        if settled:
            detail = f"What was known by then ends at position {picture.position}."
            raise Problem(kinds.WRONG_PARAMETER, detail, field="at_least")
        raise Problem(kinds.NOT_THERE_YET, position=picture.position)
    return Source(build=picture.build, position=picture.position, settled=settled)


def reflected(position: int, moment: Source, when: When) -> int:
    """What part of the log an answer reflects whose rows have come to `position`. Raises Problem if that is too little.

    Of the past, nothing that belongs in the answer was told since its rows were made. Of the present, readers may have
    been switched to other rows since `source` looked.
    """
    if moment.build is not None:
        return max(position, moment.position)
    if position < when.at_least:
        raise Problem(kinds.NOT_THERE_YET, position=position)
    return position


def cached(moment: Source, parked: int) -> str:
    """How long an answer holds: what was known by a moment does not change, unless a mend brings parked records in."""
    return FOREVER if moment.settled and not parked else ASK_AGAIN


async def _present(desk: Desk, projection: Projection[Any], organisation: str, when: When) -> Source:
    """What readers are shown, once it reflects the position that was asked for."""
    if when.at_least == 0:
        return Source()
    until = time.monotonic() + when.wait
    pause = LOOK_FIRST_S
    while True:
        async with desk.pool.connection() as conn:
            position = await reached(conn, organisation, projection)
        left = until - time.monotonic()
        if position >= when.at_least:
            return Source(position=position)
        if left <= 0 or desk.stopping.is_set():
            raise Problem(kinds.NOT_THERE_YET, position=position)
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, LOOK_MAX_S)


async def _picture(
    desk: Desk, projection: Projection[Any], organisation: str, past: Past, when: When
) -> Picture:
    """The picture of that past; a worker is called to make it, and called again in case the call is lost."""
    until = time.monotonic() + when.wait
    pause, call_at = LOOK_FIRST_S, 0.0
    while True:
        async with desk.pool.connection() as conn:
            picture = await picture_of(conn, projection, organisation, past)
        if picture is not None:
            return picture
        now = time.monotonic()
        if now >= call_at:
            called = await desk.pasts.call(organisation, projection.name, past)
            call_at = now + CALL_AGAIN_S
            if called != "called":
                raise _not_yet(kinds.PASTS_CROWDED if called == "crowded" else kinds.PAST_AWAY)
        left = until - time.monotonic()
        if left <= 0 or desk.stopping.is_set():
            raise _not_yet(kinds.PAST_NOT_READY)
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, LOOK_MAX_S)


def _not_yet(kind: kinds.Kind) -> Problem:
    return Problem(kind, headers={"retry-after": str(ASK_PAST_AGAIN_S)})
