"""What holds for every projection's past: a picture that is shown has every record that belongs in it, and no other."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.engine.as_at import as_at
from projections.engine.builds import ensure
from projections.engine.compare import differences, rows_kept
from projections.engine.feed import feed
from projections.engine.found import found
from projections.engine.memory import fold_in_memory
from projections.engine.past import Past, Picture, picture_of
from projections.engine.projection import Projection
from tests.effort import examples
from tests.laws.plausible_histories import plausible_histories
from tests.laws.projection_laws import Place, a_place
from tests.projections.engine.telling import Telling, as_role

every_projection = pytest.mark.parametrize("projection", found().values(), ids=found())
seldom = settings(max_examples=examples(2), deadline=None, suppress_health_check=list(HealthCheck))


async def found_by_a_reader(place: Place, projection: Projection[Any], past: Past) -> Picture | None:
    """What the API, which may not write, finds of that past."""
    reader = as_role(place.url, "qiledger_api")
    async with await psycopg.AsyncConnection.connect(reader, autocommit=True) as conn:
        return await picture_of(conn, projection, place.organisation, past)


def is_whole(place: Place, projection: Projection[Any], past: Past, picture: Picture) -> None:
    """The rows are the fold of just the records that had happened, and had been told, by then."""
    those = [
        record
        for record in place.records()
        if record.position <= picture.position
        and (past.occurred_until is None or record.occurred_at <= past.occurred_until)
        and (past.recorded_until is None or record.recorded_at <= past.recorded_until)
    ]
    kept = dict(rows_kept(place.conn, projection, place.organisation, build=picture.build))
    assert differences(kept, fold_in_memory(projection, those)) == []


def make(place: Place, projection: Projection[Any], past: Past) -> None:
    as_at(
        place.conn,
        projection,
        place.organisation,
        occurred_until=past.occurred_until,
        recorded_until=past.recorded_until,
    )


@every_projection
@seldom
@given(data=st.data())
async def test_a_picture_that_is_shown_is_the_fold_of_just_those_records(
    projection: Projection[Any], database_url: str, data: st.DataObject
) -> None:
    told: Sequence[Telling] = data.draw(plausible_histories(projection))
    by_then: datetime = data.draw(st.sampled_from(told)).occurred_at
    middle = data.draw(st.integers(1, len(told)))
    with a_place(database_url, projection) as place:
        place.tell(told[:middle])
        if shown_until := data.draw(st.integers(0, middle)):  # 0: readers are shown nothing yet
            ensure(place.conn, projection, place.organisation)
            feed(place.conn, projection, place.organisation, until=shown_until)
        known: datetime = place.records()[-1].recorded_at
        pasts = [Past(by_then), Past(None, known), Past(by_then, known)]
        for past in pasts:
            assert await found_by_a_reader(place, projection, past) is None, "nobody has made it"
            make(place, projection, past)
            picture = await found_by_a_reader(place, projection, past)
            assert picture is not None
            is_whole(place, projection, past, picture)
        place.tell(told[middle:])
        for past in pasts:  # found without anything being made: then nothing that belongs in it is missing
            if (picture := await found_by_a_reader(place, projection, past)) is not None:
                is_whole(place, projection, past, picture)
            else:
                assert past.recorded_until is None, "what was known does not change"
            make(place, projection, past)
            picture = await found_by_a_reader(place, projection, past)
            assert picture is not None
            is_whole(place, projection, past, picture)
            if past.recorded_until is None:
                assert picture.position == len(told), "all that belongs in it and has been told is in it"
