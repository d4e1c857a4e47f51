from typing import Any

import pytest

from events.charts import (
    BaselineSet,
    ChartAnnotated,
    LimitsRecalculated,
    MeasurementExcluded,
    SignalAcknowledged,
)
from events.comments import VisibilitySet
from events.corrections import EventRetracted
from events.cycles import CycleActed, CycleTested
from events.measures import (
    ChartKind,
    MeasureDefined,
    MeasurementCorrected,
    MeasurementRecorded,
    MeasureRetired,
    MeasureRevised,
)
from projections.charts.chart_type import ChartType
from projections.charts.series import CannotDraw
from projections.measure_charts import MeasureChart, chart_of
from projections.measure_series import series
from tests.projections.history import History

P = "project/P-1"
WAITS = MeasureDefined(
    measure="M-1", name="Seen within 28 days", chart="p", unit="%", direction="increase", target=80
)


def reading(number: int, **told: Any) -> MeasurementRecorded:
    year, month = 2022 + number // 12, 1 + number % 12
    return MeasurementRecorded(measure="M-1", period=f"{year}-{month:02}", **told)


async def ask(database_url: str, history: History, question: str, **asked: Any) -> list[Any]:
    return await history.ask(database_url, series, question, project="P-1", **asked)


async def drawn(database_url: str, history: History, **how: Any) -> MeasureChart:
    [measure] = await ask(database_url, history, "measures")
    return chart_of(measure, await ask(database_url, history, "series", measure="M-1"), **how)


async def test_points_stand_in_the_order_of_their_periods_and_are_right_after_corrections(
    database_url: str,
) -> None:
    history = History()
    history.tell(P, "2024-01", WAITS)
    history.tell(P, "2024-02", reading(2, numerator=30, denominator=60), id_="c")
    history.tell(P, "2024-02", reading(0, numerator=31, denominator=52), id_="a")
    history.tell(P, "2024-02", reading(1, numerator=1, denominator=2), id_="b")
    history.tell(P, "2024-03", MeasurementCorrected(of="a", numerator=34, denominator=52))
    history.tell(P, "2024-03", EventRetracted(of="b"))
    history.tell(P, "2024-03", reading(2, numerator=29, denominator=60))
    points = await ask(database_url, history, "series", measure="M-1")
    assert [(p.period, p.numerator, p.denominator, p.told) for p in points] == [
        ("2022-01", 34, 52, 1),
        ("2022-03", 29, 60, 2),
    ]
    [measure] = await ask(database_url, history, "measures")
    assert (measure.name, measure.points, measure.last_period, measure.revisions) == (
        WAITS.name,
        2,
        "2022-03",
        0,
    )


async def test_a_measure_is_known_by_its_latest_definition_and_by_its_data_alone(database_url: str) -> None:
    history = History()
    history.tell(P, "2024-01", WAITS)
    history.tell(P, "2024-02", MeasureRetired(measure="M-1"))
    history.tell(P, "2024-03", MeasureRevised(measure="M-1", name="Seen within 21 days"))
    history.tell(P, "2024-03", MeasurementRecorded(measure="M-2", period="2024-03", value=1))
    told = await ask(database_url, history, "measures")
    assert [(m.measure, m.name, m.revisions, m.retired, m.points) for m in told] == [
        ("M-1", "Seen within 21 days", 1, None, 0),
        ("M-2", None, 0, None, 1),
    ]


async def test_what_a_team_keeps_to_itself_is_no_dashboards_business(database_url: str) -> None:
    history = History()
    history.tell(P, "2024-01", WAITS)
    history.tell(P, "2024-02", reading(0, value=1))
    history.tell(P, "2024-03", VisibilitySet(audience="team"))
    assert await ask(database_url, history, "measures") == []
    assert await ask(database_url, history, "series", measure="M-1") == []
    assert len(await ask(database_url, history, "series", measure="M-1", reader="team")) == 1


async def test_a_chart_is_drawn_in_the_unit_of_its_target_with_signals_by_a_named_rule_set(
    database_url: str,
) -> None:
    history = History()
    history.tell(P, "2024-01", WAITS)
    for number in range(24):
        history.tell(P, "2024-02", reading(number, numerator=40 if number < 12 else 80, denominator=100))
    found = await drawn(database_url, history)
    assert (found.chart.chart, found.instead_of) == (ChartType.P, None)
    assert (found.chart.points[0].value, found.chart.target, found.chart.rule_set) == (40, 80, "anhoej-1")
    assert {signal.rule_set for signal in found.chart.signals} == {"anhoej-1"}
    assert found.chart.signals
    by_limits = await drawn(database_url, history, rules="making-data-count-1")
    assert {signal.rule_set for signal in by_limits.chart.signals} == {"making-data-count-1"}


async def test_people_decide_on_phases_baselines_and_points_left_out(database_url: str) -> None:
    history = History()
    history.tell(
        P, "2024-01", MeasureDefined(measure="M-1", name="Length of stay", chart="i", direction="decrease")
    )
    for number in range(24):
        history.tell(P, "2024-02", reading(number, value=50 + number % 3 - (20 if number >= 12 else 0)))
    history.tell(
        P, "2024-03", LimitsRecalculated(measure="M-1", since="2023", reason="Plans from the first day")
    )
    history.tell(
        P, "2024-03", BaselineSet(measure="M-1", since="2022-02", until="2022-10", reason="Before tests")
    )
    history.tell(P, "2024-03", MeasurementExcluded(measure="M-1", period="2022-05", reason="Half a month"))
    history.tell(P, "2022-06", ChartAnnotated(measure="M-1", on="2022-06", text="A new ward round"))
    history.tell(P, "2022-08-15", CycleTested(cycle="C-1"))
    history.tell(P, "2022-09-15", CycleActed(cycle="C-1", decision="adopt"))
    history.tell(
        P,
        "2024-04",
        SignalAcknowledged(measure="M-1", rule_set="making-data-count-1", rule="shift-7", since="2023"),
    )
    chart = (await drawn(database_url, history)).chart
    assert (chart.chart, chart.rule_set) == (ChartType.XMR, "making-data-count-1")
    assert [(phase.first, phase.last, phase.reason) for phase in chart.phases] == [
        (0, 11, ""),
        (12, 23, "Plans from the first day"),
    ]
    assert [point.point for point in chart.points if not point.included] == [5]
    assert [point.in_baseline for point in chart.points] == [False] + [True] * 9 + [False] * 2 + [True] * 12
    assert [(note.at, note.text) for note in chart.series.annotations] == [(5, "A new ward round")]
    assert [(cycle.at, cycle.decision) for cycle in chart.series.cycles] == [(9, "adopt")]
    sorts = {part.sort for part in await ask(database_url, history, "series", measure="M-1")}
    assert sorts == {"point", "note", "baseline", "phase", "signal", "cycle"}


async def test_a_chart_that_does_not_fit_the_data_gives_way_to_a_run_chart_and_says_so(
    database_url: str,
) -> None:
    history = History()
    history.tell(P, "2024-01", WAITS)
    for number in range(6):
        history.tell(P, "2024-02", reading(number, value=40 + number))
    found = await drawn(database_url, history)
    assert (found.chart.chart, found.instead_of) == (ChartType.RUN, ChartType.P)
    assert found.because == "Not every point has a denominator"
    assert [point.value for point in found.chart.points] == [40, 41, 42, 43, 44, 45]
    with pytest.raises(CannotDraw, match="no rule set"):
        await drawn(database_url, history, rules="tea-leaves")


async def test_subgroups_of_a_period_are_one_point_of_an_x_bar_chart(database_url: str) -> None:
    history = History()
    history.tell(P, "2024-01", MeasureDefined(measure="M-1", name="Minutes to answer", chart="xbar"))
    for number in range(6):
        for subgroup in ("a", "b", "c"):
            history.tell(
                P, "2024-02", reading(number, value=10 + number + ord(subgroup) % 3, subgroup=subgroup)
            )
    chart = (await drawn(database_url, history)).chart
    assert [point.label for point in chart.points] == [f"2022-0{month}" for month in range(1, 7)]
    assert chart.points[0].value == 11


@pytest.mark.parametrize("kind", ["xbar", "s"])
async def test_a_measurement_that_was_left_out_moves_no_chart_of_subgroups(
    database_url: str, kind: ChartKind
) -> None:
    history = History()
    history.tell(P, "2024-01", MeasureDefined(measure="M-1", name="Minutes to answer", chart=kind))
    for number in range(6):
        for subgroup in ("1", "2", "3"):
            history.tell(P, "2024-02", reading(number, value=10 + int(subgroup), subgroup=subgroup))
    before = (await drawn(database_url, history)).chart
    history.tell(P, "2024-02", reading(2, value=400, subgroup="4"))
    history.tell(P, "2024-02", MeasurementExcluded(measure="M-1", period="2022-03", subgroup="4", reason="-"))
    after = (await drawn(database_url, history)).chart
    assert [(p.value, p.centre, p.upper) for p in after.points] == [
        (p.value, p.centre, p.upper) for p in before.points
    ]
    for subgroup in ("1", "2", "3"):
        excluded = MeasurementExcluded(measure="M-1", period="2022-03", subgroup=subgroup, reason="-")
        history.tell(P, "2024-02", excluded)
    alone = (await drawn(database_url, history)).chart
    assert [point.value is None for point in alone.points] == [number == 2 for number in range(6)]


async def test_numbered_measurements_of_a_day_stand_in_the_order_of_their_numbers(database_url: str) -> None:
    history = History()
    history.tell(P, "2024-01", MeasureDefined(measure="M-1", name="Minutes to answer", chart="i"))
    for number in range(12, 0, -1):
        history.tell(P, "2024-02", reading(0, value=float(number), subgroup=str(number)))
    chart = (await drawn(database_url, history)).chart
    assert [point.value for point in chart.points] == list(range(1, 13))


async def test_a_measure_without_data_has_an_empty_chart(database_url: str) -> None:
    history = History()
    history.tell(P, "2024-01", WAITS)
    history.tell(P, "2024-02", ChartAnnotated(measure="M-1", on="2024", text="Nothing yet"))
    assert (await drawn(database_url, history)).chart.points == ()
