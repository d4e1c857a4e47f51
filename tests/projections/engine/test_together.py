"""Near the head, all projections of an organisation are fed by one transaction; what is not plain is left alone."""

from typing import Any

import psycopg
import pytest

from projections.engine.builds import ensure
from projections.engine.checkpoint import Fenced, move, take
from projections.engine.projection import Projection
from projections.engine.together import feed_together
from tests.projections.engine.huddles import HuddleNoted, boards, huddles, timeline
from tests.projections.engine.telling import Here, of

HUDDLES, BOARDS, LINES = huddles().name, boards().name, timeline().name
ALL = tuple(sorted((HUDDLES, BOARDS, LINES)))


def begun(here: Here) -> tuple[Projection[Any], ...]:
    """Projections that have come as far as the log: one record."""
    projections = (huddles(), boards(), timeline())
    here.told(of(HuddleNoted(words="a")))
    for projection in projections:
        here.rows(projection)
    return projections


def places(here: Here) -> list[tuple[Any, ...]]:
    return here.conn.execute(
        "SELECT projection, position, xmin::text FROM projections.checkpoints WHERE organisation = %s"
        " AND projection = ANY (%s) ORDER BY projection",
        (here.organisation, list(ALL)),
    ).fetchall()


def test_one_transaction_feeds_them_all(here: Here) -> None:
    projections = begun(here)
    here.told(of(HuddleNoted(words="b")), of(HuddleNoted(words="c")))
    assert feed_together(here.conn, here.organisation, projections) == set(ALL)
    kept = places(here)
    assert [(name, position) for name, position, _ in kept] == [(name, 3) for name in ALL]
    assert len({transaction for *_, transaction in kept}) == 1


def test_what_is_at_the_head_already_is_not_touched(here: Here) -> None:
    projections = begun(here)
    before = places(here)
    assert feed_together(here.conn, here.organisation, projections) == set(ALL)
    assert [place[:2] for place in places(here)] == [place[:2] for place in before]


def test_what_somebody_holds_is_left_to_them(here: Here) -> None:
    projections = begun(here)
    here.told(of(HuddleNoted(words="b")))
    take(here.conn, here.organisation, ensure(here.conn, projections[0], here.organisation))
    assert feed_together(here.conn, here.organisation, projections) == {BOARDS, LINES}


def test_whoever_claimed_one_before_is_fenced(here: Here) -> None:
    projections = begun(here)
    claim = take(here.conn, here.organisation, ensure(here.conn, projections[0], here.organisation))
    here.conn.execute("UPDATE projections.checkpoints SET lease_until = now() - interval '1 s'")
    here.told(of(HuddleNoted(words="b")))
    assert HUDDLES in feed_together(here.conn, here.organisation, projections)
    with pytest.raises(Fenced):
        move(here.conn, claim, 2)


def test_two_at_once_do_not_wait_for_each_other(here: Here, database_url: str) -> None:
    projections = begun(here)
    here.told(of(HuddleNoted(words="b")))
    with psycopg.connect(database_url) as other:
        other.execute(
            "SELECT FROM projections.checkpoints WHERE organisation = %s AND projection = 'boards' FOR UPDATE",
            (here.organisation,),
        )
        assert feed_together(here.conn, here.organisation, projections) == {HUDDLES, LINES}


def test_one_that_cannot_be_written_takes_the_others_back(here: Here) -> None:
    projections = begun(here)
    here.told(of(HuddleNoted(words="b")))
    build = ensure(here.conn, projections[1], here.organisation)
    here.conn.execute(f"ALTER TABLE {build.schema}.boards_rows RENAME TO elsewhere")  # type: ignore[arg-type]
    with pytest.raises(psycopg.errors.UndefinedTable):
        feed_together(here.conn, here.organisation, projections)
    assert [position for _, position, _ in places(here)] == [1, 1, 1]
    here.conn.execute(f"ALTER TABLE {build.schema}.elsewhere RENAME TO boards_rows")  # type: ignore[arg-type]
