"""Keeping fresh: everything that is behind is found and fed; what fails does not stop the rest."""

import time
from typing import Any

import structlog

from projections.engine.advance import advance, behind
from projections.engine.builds import ensure
from projections.engine.checkpoint import take
from projections.engine.compare import rows_kept
from projections.engine.projection import Projection
from tests.projections.engine.huddles import HuddleNoted, boards, huddles, timeline
from tests.projections.engine.telling import Here, of, open_log


def soon() -> float:
    return time.monotonic() + 30


def lags(here: Here, *projections: Projection[Any]) -> dict[str, tuple[int, int]]:
    return {
        lag.projection: (lag.position, lag.head)
        for lag in behind(here.conn, projections=projections)
        if lag.organisation == here.organisation
    }


def test_what_was_never_fed_and_what_fell_behind_is_found(here: Here) -> None:
    assert lags(here, huddles(), boards()) == {}  # nothing was told yet
    here.told(of(HuddleNoted(words="a")), of(HuddleNoted(words="b")))
    assert lags(here, huddles(), boards()) == {"huddles": (0, 2), "boards": (0, 2)}
    here.rows(huddles())
    assert lags(here, huddles(), boards()) == {"boards": (0, 2)}


def test_what_needs_a_rebuild_is_not_called_behind(here: Here) -> None:
    ensure(here.conn, huddles(name="aged"), here.organisation)
    here.told(of(HuddleNoted(words="a")))
    assert lags(here, huddles(name="aged")) == {"aged": (0, 1)}
    assert lags(here, huddles(name="aged", revision=2)) == {}


def test_what_is_behind_is_found_in_every_organisation(here: Here, database_url: str) -> None:
    other = Here(database_url, open_log(database_url), here.conn)
    for one in (here, other):
        one.told(of(HuddleNoted(words="a")))
    found = {lag.organisation for lag in behind(here.conn, projections=[huddles()])}
    assert {here.organisation, other.organisation} <= found


def test_advancing_feeds_every_projection(here: Here) -> None:
    projections = (huddles(), boards(), timeline())
    here.told(of(HuddleNoted(words="a")))
    assert advance(here.conn, here.organisation, deadline=soon(), projections=projections)
    assert lags(here, *projections) == {}


def test_a_projection_that_fails_stops_no_other(here: Here) -> None:
    broken: Projection[Any] = Projection("broken_b", revision=1, row=int)
    here.told(of(HuddleNoted(words="a")))
    with structlog.testing.capture_logs() as logged:
        advance(here.conn, here.organisation, deadline=soon(), projections=(broken, huddles()))
    assert [(line["event"], line["projection"]) for line in logged] == [
        ("a projection cannot be fed", "broken_b")
    ]
    assert lags(here, huddles()) == {}


def test_a_projection_that_somebody_else_feeds_is_left_to_them(here: Here) -> None:
    here.told(of(HuddleNoted(words="a")))
    take(here.conn, here.organisation, ensure(here.conn, huddles(), here.organisation))
    assert advance(here.conn, here.organisation, deadline=soon(), projections=(huddles(), boards()))
    assert lags(here, huddles(), boards()) == {"huddles": (0, 1)}


def test_an_older_revision_is_left_as_it_is(here: Here) -> None:
    here.told(of(HuddleNoted(words="a")))
    here.rows(huddles(name="older"))
    here.told(of(HuddleNoted(words="b")))
    newer = huddles(name="older", revision=2)
    assert advance(here.conn, here.organisation, deadline=soon(), projections=[newer])
    assert [row.words for _, row in rows_kept(here.conn, newer, here.organisation)] == [("a",)]


def test_what_is_told_while_the_claim_is_given_back_is_not_missed(here: Here) -> None:
    """The news comes after the last batch has read the head, and its bell rings while the claim is still held."""
    projection = huddles()
    here.told(of(HuddleNoted(words="a")))
    fold, part = projection.folds[HuddleNoted]

    def noted(row: Any, event: HuddleNoted, record: Any) -> Any:
        if record.position == 1:
            here.told(of(HuddleNoted(words="b"), minute=1))
        return fold(row, event, record)

    projection.folds[HuddleNoted] = (noted, part)
    assert advance(here.conn, here.organisation, deadline=soon(), projections=[projection])
    assert lags(here, projection) == {}


def test_time_that_ran_out_is_said(here: Here) -> None:
    here.told(*(of(HuddleNoted(words=str(n)), minute=n) for n in range(6_000)))
    assert not advance(here.conn, here.organisation, deadline=0.0, projections=[huddles()])
    assert lags(here, huddles()) == {"huddles": (5_000, 6_000)}
    assert advance(here.conn, here.organisation, deadline=soon(), projections=[huddles()])
