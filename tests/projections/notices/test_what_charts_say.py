"""What hearing takes a chart to say is what its page shows, of every kind of chart and whatever people decided."""

import random
from datetime import date
from typing import get_args

import pytest

from events.charts import BaselineSet, LimitsRecalculated, MeasurementExcluded
from events.cycles import CycleTested
from events.measures import ChartKind, MeasureDefined, MeasurementRecorded
from events.vocabulary import Event
from projections.charts.chart_type import ChartType
from projections.charts.series import CannotDraw
from projections.measure_charts import CHARTS, chart_of
from projections.measure_series import SeriesPart, ShownPart, series
from projections.notices.engine.moment import Moment
from projections.notices.engine.recall import Recall, Rows
from projections.notices.engine.signals import chart, measure_shown
from tests.projections.notices.trust import P1, Trust

POINTS = 40

every_kind = pytest.mark.parametrize("kind", get_args(ChartKind))


def told_at_random(kind: ChartKind, chance: random.Random) -> Rows:
    """A measure of a kind, its points, now and then with a level of their own, and what people decided."""
    trust = Trust()
    defined = MeasureDefined(measure="M-1", name="Falls", chart=kind, direction="decrease", target=3.0)
    events: list[Event] = [defined, *(_point(kind, n, chance) for n in range(POINTS))]
    if chance.random() < 0.5:
        events.append(
            LimitsRecalculated(measure="M-1", since=_period(chance.randrange(POINTS)), reason="Moved")
        )
    if chance.random() < 0.5:
        events.append(BaselineSet(measure="M-1", until=_period(15), reason="Before the bell"))
    if chance.random() < 0.5:
        events.append(
            MeasurementExcluded(
                measure="M-1", period=_period(chance.choice([7, POINTS + 1])), reason="A strike"
            )
        )
    events.append(CycleTested(cycle="C-1", tested="A bell"))
    trust.tell(P1, "2025-01-06", *events)
    recall = Recall(trust.matter_to, trust.names_of)
    return Moment(trust.records[-1], recall).rows(series)


def _period(n: int) -> str:
    return f"{2010 + n // 12}-{n % 12 + 1:02}"


def _point(kind: ChartKind, n: int, chance: random.Random) -> MeasurementRecorded:
    level = 9 if n > POINTS // 2 and chance.random() < 0.7 else 5
    value = max(1, level + chance.randrange(-2, 3))
    of = 20 if CHARTS[kind] in (ChartType.P, ChartType.P_PRIME) or chance.random() < 0.9 else 30
    subgroup = f"bay {chance.randrange(3)}" if kind in ("xbar", "s") else None
    if kind in ("p", "p_prime", "u", "u_prime", "i_prime"):
        return MeasurementRecorded(measure="M-1", period=_period(n), numerator=value, denominator=of)
    return MeasurementRecorded(
        measure="M-1", period=_period(n // 3 if subgroup else n), value=value, subgroup=subgroup
    )


def shown(part: str, row: SeriesPart) -> ShownPart:
    """The answer that readers of the page get."""
    same = {
        name: getattr(row, name)
        for name in SeriesPart.__struct_fields__
        if name in ShownPart.__struct_fields__
    }
    return ShownPart(part=part, rule_set=row.says.rule_set, rule=row.says.rule, **same)


def is_answered(row: SeriesPart) -> bool:
    """Whether the question `series` tells of a row when it is asked for the measure."""
    return row.measure == "M-1" and row.sort != "measure" and not (row.sort == "point" and row.told == 0)


@every_kind
@pytest.mark.parametrize("seed", range(8))
def test_a_chart_is_heard_as_it_is_drawn(kind: ChartKind, seed: int) -> None:
    rows = told_at_random(kind, random.Random(f"{kind}/{seed}"))
    answers = [shown(str(part), row) for part, row in rows.items() if is_answered(row)]
    answers.sort(key=lambda answer: (answer.at or date.min, answer.part))
    try:
        drawn = chart_of(measure_shown(rows, "M-1"), answers).chart
    except CannotDraw:
        assert chart(rows, "M-1") is None
        return
    heard = chart(rows, "M-1")
    assert heard is not None
    assert heard.signals == drawn.signals
    assert heard.series == drawn.series
    assert [point.label for point in drawn.points] == list(heard.series.labels)
    assert (heard.chart, heard.direction) == (drawn.chart, drawn.direction)
