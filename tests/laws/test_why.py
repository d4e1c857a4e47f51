"""The law of reasons: the steps of every row of every projection lead to that row."""

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.engine.found import found
from projections.engine.memory import data_of, fold_in_memory
from projections.engine.projection import Projection
from projections.engine.spool import stream_of
from projections.engine.why import why
from tests.effort import examples
from tests.laws.plausible_histories import plausible_histories, records_of

ROWS_MAX = 5  # of a history: each is folded step by step

every_projection = pytest.mark.parametrize("projection", found().values(), ids=lambda each: each.name)


@every_projection
@given(data=st.data())
@settings(max_examples=examples(5), deadline=None, suppress_health_check=list(HealthCheck))
def test_the_last_step_of_a_row_leaves_the_row(projection: Projection[Any], data: st.DataObject) -> None:
    records = records_of(data.draw(plausible_histories(projection)))
    for key, row in list(fold_in_memory(projection, records).items())[:ROWS_MAX]:
        reasons = why(projection, key, [one for one in records if one.stream == stream_of(key)])
        assert reasons.row == data_of(row)
        assert reasons.steps
        changed = [step for step in reasons.steps if step.before != step.after]
        assert changed[-1].after == data_of(row)
        assert all(one.after == two.before for one, two in itertools.pairwise(changed))
