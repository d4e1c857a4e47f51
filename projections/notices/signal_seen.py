"""The chart of a measure shows a signal that it did not show before. Once for each signal.

Lead and coach hear it at once, and the sponsor too if it is of concern; of an improvement the sponsor reads in the
weekly digest. A chart is read by the rules of its measure. A signal that was there before the record is nobody's news,
nor is one that the new point is no part of. What is put right may bring one to light as well.
"""

from collections.abc import Iterator

import msgspec

from events.corrections import EventCorrected, EventRetracted
from events.measures import MeasurementCorrected, MeasurementRecorded
from projections.charts.drawn import Signal
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import EVERY_WINDOW, Notice, Rule
from projections.notices.engine.signals import changed_points, chart_now, gone, new_signals, window_of
from projections.notices.engine.words import name_of

signal_seen = Rule("signal_seen", doc=__doc__, urgency="at_once")


@signal_seen.on(MeasurementRecorded)
def recorded(event: MeasurementRecorded, at: Moment) -> Iterator[Notice]:
    return _new(at)


@signal_seen.on(MeasurementCorrected)
@signal_seen.on(EventCorrected)
@signal_seen.on(EventRetracted)
def brought_to_light(
    event: MeasurementCorrected | EventCorrected | EventRetracted, at: Moment
) -> Iterator[Notice]:
    """What a mistake had hidden. It is told even if it was seen before: people may have been told that it is gone."""
    for notice in _new(at):
        yield msgspec.structs.replace(notice, window=f"{notice.window}/{at.record.position}")


@signal_seen.clears(MeasurementCorrected)
@signal_seen.clears(EventRetracted)
@signal_seen.clears(EventCorrected)
def put_right(event: MeasurementCorrected | EventRetracted | EventCorrected, at: Moment) -> list[str]:
    """A signal of which nothing is left holds no more, however it was seen."""
    windows = [window for _, windows in gone(at) for window in windows]
    return [*windows, *(f"{window}/{EVERY_WINDOW}" for window in windows)]


def _new(at: Moment) -> Iterator[Notice]:
    for measure, points in changed_points(at).items():
        for signal in new_signals(at, measure, points):
            yield from _told(measure, signal, at)


def _told(measure: str, signal: Signal, at: Moment) -> Iterator[Notice]:
    said = chart_now(at, measure)
    assert said is not None, "a signal stands in a chart"
    series, better = said.series, said.direction.sign * signal.direction
    what = {1: "improvement", -1: "concern"}.get(better, "something other than chance")
    first, last = series.labels[signal.first], series.labels[signal.last]
    facts = {"measure": measure, "rule_set": signal.rule_set, "rule": signal.rule, "from": first, "to": last}
    title = f"A signal of {what} in {series.title or measure}, of {name_of(at.project, at.record.stream)}"
    window = window_of(measure, signal.rule, first)
    if better < 0:
        yield Notice(to=("lead", "coach", "sponsor"), title=title, window=window, facts=facts)
    else:
        yield Notice(to=("lead", "coach"), title=title, window=window, facts=facts)
        yield Notice(to=("sponsor",), title=title, window=window, urgency="weekly", facts=facts)
