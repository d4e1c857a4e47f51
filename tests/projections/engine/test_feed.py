"""Feeding: what is new is folded once, in order, whatever arrives late or is put right."""

from datetime import timedelta

import pytest

from events.corrections import EventCorrected, EventRetracted
from projections.engine.builds import active_build
from projections.engine.checkpoint import Fenced, Held, claimed, move, take
from projections.engine.feed import feed
from projections.engine.memory import fold_in_memory
from projections.engine.projection import Projection
from projections.engine.rebuild import rebuild
from tests.projections.engine.huddles import (
    HuddleClosed,
    HuddleCounted,
    HuddleNamed,
    HuddleNoted,
    HuddleOpened,
    Huddle,
    boards,
    huddles,
    timeline,
)
from tests.projections.engine.telling import NOON, Connection, Telling, of, records_of, shown, tell
from projections.engine.compare import rows_kept


def rows(conn: Connection, projection: Projection, organisation: str) -> dict[str, object]:
    feed(conn, projection, organisation)
    return dict(rows_kept(conn, projection, organisation))


def test_a_row_tells_what_happened_to_its_stream(
    conn: Connection, organisation: str, database_url: str
) -> None:
    tell(
        database_url,
        organisation,
        [of(HuddleOpened(title="Safety")), of(HuddleNoted(words="calm"), minute=5)],
    )
    tell(database_url, organisation, [of(HuddleOpened(title="Flow"), "huddle/H-2")])
    kept = rows(conn, huddles(), organisation)
    assert set(kept) == {"huddle/H-1", "huddle/H-2"}
    row = kept["huddle/H-1"]
    assert isinstance(row, Huddle)
    assert (row.title, row.words, row.last_at) == ("Safety", ("calm",), NOON + timedelta(minutes=5))
