"""What the log says of a stream before and with a record: the fold of just those records, whoever asks when."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pytest

from events.corrections import EventCorrected, EventRetracted
from events.projects import ProjectPaused, ProjectStarted
from events.scores import ProgressScored
from projections.duties import Duties, duties
from projections.engine.memory import fold_in_memory
from projections.engine.projection import Projection
from projections.notices.engine.recall import Recall
from tests.projections.notices.trust import P1, Trust


def scored(score: float) -> ProgressScored:
    return ProgressScored(score=score, scale="life_qi", assessor="coach")


@pytest.fixture(scope="module")
def trust() -> Trust:
    """In order, late, corrected, and taken back."""
    told = Trust()
    told.tell(P1, "2025-01-06", ProjectStarted(title="Sleep"))
    told.tell(P1, "2025-03-03", scored(3), id_="three")
    told.tell(P1, "2025-02-03", scored(2))
    told.tell(P1, "2025-03-10", ProjectPaused(), id_="paused")
    told.tell(P1, "2025-03-11", EventCorrected(of="three", fields={"score": 4}))
    told.tell(P1, "2025-03-12", EventRetracted(of="paused"))
    return told


def row(trust: Trust, until: int) -> Duties | None:
    found: Duties | None = fold_in_memory(duties, trust.records[:until]).get(P1)
    return found


def test_it_is_the_fold_of_the_records_before_and_with_it_whatever_was_asked_before(trust: Trust) -> None:
    positions = range(1, len(trust.records) + 1)
    for asked in (*((one,) for one in positions), *combinations(positions, 2), tuple(positions)):
        recall = Recall(trust.matter_to, trust.names_of)
        for position in asked:
            around = recall.around(duties, P1, position)
            assert around.before.get("") == row(trust, position - 1), (asked, position)
            assert around.after.get("") == row(trust, position), (asked, position)


def test_which_streams_there_are_of_a_kind_is_asked_once(trust: Trust) -> None:
    asked: list[str] = []

    def names(projection: Projection[Any], kind: str) -> Sequence[str]:
        asked.append(kind)
        return trust.names_of(projection, kind)

    recall = Recall(trust.matter_to, names)
    for position in (1, 2, 3):
        assert recall.every(duties, "project", position) == [{"": row(trust, position)}]
    assert asked == ["project"]
