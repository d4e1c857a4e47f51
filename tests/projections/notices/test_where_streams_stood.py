"""A stream that is folded on from where it stood is what it is from its first record, whatever comes and whoever asks.

Told are measurements and scores, in order and late, put right and taken back, even of what never came; heard are they a
few at a time, each time by somebody who knows no more than what was kept.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from events.corrections import EventCorrected, EventRetracted
from events.log.record import Record
from events.measures import MeasurementCorrected, MeasurementRecorded
from events.projects import ProjectStarted
from events.scores import ProgressScored
from events.vocabulary import Event
from projections.duties import duties
from projections.engine.memory import streams_in_memory
from projections.engine.projection import Part, Projection
from projections.engine.stream import Kept, Stream, in_business_order
from projections.measure_series import SeriesPart, series
from projections.notices.engine import recall as recalling
from projections.notices.engine.counting import amended_by, as_they_count
from projections.notices.engine.recall import Recall, Stood
from projections.notices.engine.remembered import read, written
from projections.notices.engine.retold import Retold
from tests.projections.notices.trust import P1, Trust

RECORDS = 40
PROJECTIONS: tuple[Projection[Any], ...] = (series, duties)


class Shelf:
    """Where streams stood, kept as Postgres keeps it."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], tuple[int, int, bytes]] = {}
        self.given = 0

    def keep(self, recall: Recall) -> None:
        for projection, name, stood in recall.stands():
            rows = written(projection, stood.stream)
            assert rows is not None
            self.kept[projection.name, name] = (stood.position, stood.version, rows)

    def give(self, projection: Projection[Any], streams: Sequence[str]) -> Mapping[str, Stood]:
        found = {
            name: self.kept[projection.name, name] for name in streams if (projection.name, name) in self.kept
        }
        self.given += len(found)
        return {
            name: Stood(at, version, read(projection, rows)) for name, (at, version, rows) in found.items()
        }


def told_at_random(chance: random.Random, *, troubled: bool) -> Trust:
    """A project's stream. Troubled, it is told to put right what never came, or what cannot be put right so."""
    trust, points = Trust(), list[str]()
    trust.tell(P1, "2025-01-01", ProjectStarted(title="Sleep"))
    for n in range(2, RECORDS):
        late = chance.random() < 0.1
        day = chance.randrange(1, n) if late else n
        of = f"e-{chance.randrange(2, RECORDS + 5)}" if troubled or not points else chance.choice(points)
        event = _event(chance, n, of if points or troubled else None)
        trust.tell(P1, f"2025-{1 + day // 28:02}-{1 + day % 28:02}", event, id_=f"e-{n}")
        if isinstance(event, MeasurementRecorded):
            points.append(f"e-{n}")
    return trust


def _event(chance: random.Random, n: int, of: str | None) -> Event:
    kind = chance.choices(["point", "score", "right", "corrected", "retracted"], [8, 3, 1, 1, 1])[0]
    if kind == "score":
        return ProgressScored(score=chance.choice([1, 2, 3.5]), scale="life_qi", assessor="coach")
    if kind == "point" or of is None:
        return _point(n, chance.randrange(1, 29))
    if kind == "right":
        return MeasurementCorrected(of=of, value=chance.randrange(100))
    return EventCorrected(of=of, fields={"value": 7}) if kind == "corrected" else EventRetracted(of=of)


def _point(value: int, day: int | None = None) -> MeasurementRecorded:
    return MeasurementRecorded(measure="M-1", period=f"2025-01-{day or value:02}", value=value)


@pytest.mark.parametrize("seed", range(60))
def test_it_is_what_it_is_from_its_first_record(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance, troubled = random.Random(seed), seed % 3 == 0
    trust, shelf = told_at_random(chance, troubled=troubled), Shelf()
    monkeypatch.setattr(recalling, "LONG", chance.randrange(1, 8))
    heard = 0
    while heard < len(trust.records):
        now = trust.records[heard : heard + chance.randrange(1, 6)]
        recall = Recall(trust.matter_to, trust.names_of, stood=shelf.give)
        for record in now:
            for projection in chance.sample(PROJECTIONS, chance.randrange(3)):
                _assert_alike(recall, trust, projection, record.position)
            _assert_alike_had_it_been_told_right(recall, trust, record.position)
        shelf.keep(recall)
        heard += len(now)
    assert shelf.given > 0 or troubled


def rows(projection: Projection[Any], records: Sequence[Record]) -> dict[Part, Any]:
    """The rows of the project as anybody would make them of these records."""
    stream = streams_in_memory(projection, records).get(P1, Stream())
    return {part: kept.row for part, kept in stream.rows.items() if kept.row is not None}


def _assert_alike(recall: Recall, trust: Trust, projection: Projection[Any], position: int) -> None:
    around = recall.around(projection, P1, position)
    assert around.before == rows(projection, trust.records[: position - 1])
    assert around.after == rows(projection, trust.records[:position])


def _assert_alike_had_it_been_told_right(recall: Recall, trust: Trust, until: int) -> None:
    """What happened last stands as it does in the fold of all, in whatever order that came and was put right."""
    told = trust.records[:until]
    amended = amended_by(told)
    for projection in PROJECTIONS:
        if not streams_in_memory(projection, told)[P1].parked:
            retold = Retold(recall, P1, told, amended)
            last = in_business_order(as_they_count(told, amended))[-1]
            assert retold.around(projection, P1, last.position).after == rows(projection, told)


def test_somebody_who_asks_about_an_earlier_moment_is_told_of_that_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recalling, "LONG", 1)
    trust, shelf = told_at_random(random.Random(1), troubled=False), Shelf()
    recall = Recall(trust.matter_to, trust.names_of)
    recall.around(series, P1, len(trust.records))
    shelf.keep(recall)
    for position in (1, 5, len(trust.records) - 1):
        _assert_alike(Recall(trust.matter_to, trust.names_of, stood=shelf.give), trust, series, position)


def test_what_has_come_since_is_put_right_without_going_back_to_the_first_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recalling, "LONG", 5)
    trust, shelf = Trust(), Shelf()
    trust.tell(P1, "2025-01-01", ProjectStarted(title="Sleep"))
    for n in range(2, 10):
        trust.tell(P1, f"2025-01-{n:02}", _point(n), id_=f"e-{n}")
    recall = Recall(trust.matter_to, trust.names_of)
    recall.around(series, P1, 7)
    shelf.keep(recall)
    trust.tell(P1, "2025-01-10", MeasurementCorrected(of="e-9", value=90))
    trust.tell(P1, "2025-01-11", EventRetracted(of="e-8"))
    trust.tell(P1, "2025-01-12", _point(12), EventRetracted(of="e-3"))
    began: list[int] = []

    def read_after(projection: Projection[Any], after: Mapping[str, int]) -> Mapping[str, Sequence[Record]]:
        began.extend(after.values())
        return trust.matter_to(projection, after)

    recall = Recall(read_after, trust.names_of, stood=shelf.give)
    for position in (10, 11, 12):
        _assert_alike(recall, trust, series, position)
    assert began == [7]
    _assert_alike(recall, trust, series, 13)
    assert began == [7, 0], "it puts right what came before"


def test_a_stream_that_is_short_or_held_up_is_kept_nowhere() -> None:
    short, held_up = Trust(), Trust()
    for trust in (short, held_up):
        trust.tell(P1, "2025-01-01", ProjectStarted(title="Sleep"))
    points = [MeasurementRecorded(measure="M-1", period="2025-01-01", value=n) for n in range(recalling.LONG)]
    held_up.tell(P1, "2025-01-02", EventCorrected(of="e-3", fields={"value": "many"}), *points)
    for trust in (short, held_up):
        recall = Recall(trust.matter_to, trust.names_of)
        recall.around(series, P1, len(trust.records))
        assert list(recall.stands()) == []


def test_rows_that_would_not_be_read_back_as_they_are_are_not_kept() -> None:
    now = Trust()
    now.tell(P1, "2025-01-01", ProjectStarted(title="Sleep"))
    at = now.records[0].occurred_at
    for odd in (float("nan"), "seven", 2**70):
        row = SeriesPart(sort="point", measure="M-1", value=odd)  # type: ignore[arg-type]
        assert written(series, Stream({"point": Kept(row, at, 1)})) is None
