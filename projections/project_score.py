"""Which score a project has, where several people score it.

Each assessor's scores on a scale are a series of their own: a team that sees 3.0 and an advisor who sees 2.5 each month
have not made it rise and fall twelve times. Of the scale told of last, the score shown is the forum's, or else the
improvement advisor's, the coach's, the team's own. One that was last given more than half a year (183 days) before the
latest of that scale stands back: nobody's old judgement hides a new one. Since when it has that score, and what came
before, is told of the same assessor on the same scale; when it was last scored, of anybody.
"""

from datetime import date, timedelta
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from events.log.record import Record
from events.scores import Assessor, ProgressScored
from projections.moments import as_written, last_day_of, last_day_so_far
from projections.project_life import Changes
from projections.project_team import WithTeam

PRECEDENCE: tuple[Assessor, ...] = ("forum", "advisor", "coach", "self")
STANDS_FOR = timedelta(days=183)
SCORES_MAX = 20  # series of scores that a row remembers; those told of last


class Judged(msgspec.Struct, frozen=True, gc=False):
    """The latest score that one assessor gave on one scale."""

    assessor: Assessor
    scale: str
    score: float
    until: date  # the last day on which it may last have been given
    since: str  # since when it is this one, as written
    held_from: date  # the last day on which it may have begun to be this one
    before: float | None = None  # the one before


Scores: TypeAlias = tuple[Judged, ...]


class WithScore(WithTeam, frozen=True, kw_only=True):
    """A project with its team, and how far it is judged to have come."""

    scores: Scores = ()  # the latest of each assessor on each scale
    assessor: Assessor | None = None  # whose score is shown; the next five are of that assessor on that scale
    score: float | None = None  # the latest progress score
    scale: str | None = None  # the scale that it is on
    score_since: str | None = None  # since when it has had this score, as written
    score_held_from: date | None = None  # the last day on which it may have begun to have it
    score_before: float | None = None  # the score before that
    scored: str | None = None  # when anybody last scored it, as written
    scored_until: date | None = None  # the last day on which that may have been


def score_after(row: WithScore, event: ProgressScored, record: Record) -> Changes:
    """What a score changes in a row."""
    known = judged_by(row.scores, event)
    new = _judged(known, event, record)
    scores = (*(one for one in row.scores if one is not known), new)[-SCORES_MAX:]
    shown = _shown([one for one in scores if one.scale == event.scale])
    return {
        "scores": scores,
        "assessor": shown.assessor,
        "score": shown.score,
        "scale": shown.scale,
        "score_since": shown.since,
        "score_held_from": shown.held_from,
        "score_before": shown.before,
        "scored": as_written(record),
        "scored_until": last_day_so_far(row.scored_until, record),
    }


def judged_by(scores: Scores, event: ProgressScored) -> Judged | None:
    """The score before this one, of the same assessor on the same scale."""
    for one in scores:
        if one.assessor == event.assessor and one.scale == event.scale:
            return one
    return None


def _judged(known: Judged | None, event: ProgressScored, record: Record) -> Judged:
    """Risen, fallen, or said again."""
    until = last_day_of(record)
    if known is not None and known.score == event.score:
        return replace(known, until=max(known.until, until), held_from=min(known.held_from, until))
    before = None if known is None else known.score
    return Judged(event.assessor, event.scale, event.score, until, as_written(record), until, before)


def _shown(scores: list[Judged]) -> Judged:
    latest = max(one.until for one in scores)
    standing = [one for one in scores if latest - one.until <= STANDS_FOR]
    return min(standing, key=lambda one: PRECEDENCE.index(one.assessor))
