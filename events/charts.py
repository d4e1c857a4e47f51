"""What people decide about a chart: notes, baselines, new limits, points left out, signals understood.

What a chart itself says is computed from the measurements, and is no event; only people's answers to it are kept.
"""

from typing import Annotated, Literal

from msgspec import Meta

from events.fields import END, Label, MeasureId, Text, Title, WrittenDate
from events.measures import Subgroup
from events.streams import ProjectEvent
from events.vocabulary import example

RuleSetId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_.-]{0,63}" + END,
        description="The rules by which a chart is read, such as `making-data-count-1` or `anhoej-1`.",
    ),
]
Note = Literal["change", "cycle", "event", "astronomical"]


@example(measure="M-1", on="2024-11", text="The new booking system went live.", kind="change")
class ChartAnnotated(ProjectEvent, frozen=True, kw_only=True, tag="chart.annotated"):
    """Somebody wrote beside a point what a reader of the chart should know."""

    measure: MeasureId  # whose chart
    on: WrittenDate  # the day, month or year it stands at
    text: Title  # the note
    kind: Note | None = None  # what it is about; `astronomical`: the point is obviously different


@example(measure="M-1", since="2023-10", until="2024-09", reason="Twelve months before the first test.")
class BaselineSet(ProjectEvent, frozen=True, kw_only=True, tag="baseline.set"):
    """People decided which points show how things were; limits rest on them from now on."""

    measure: MeasureId  # whose chart
    since: WrittenDate | None = None  # the first point; the earliest of all if not given
    until: WrittenDate  # the last point
    reason: Text  # why these
    decided_by: Label | None = None  # the role that decided


@example(
    measure="M-1",
    since="2024-12",
    reason="Eight months above the old mean, since text messages go to everybody.",
    decided_by="Team with its coach",
    rule_set="making-data-count-1",
)
class LimitsRecalculated(ProjectEvent, frozen=True, kw_only=True, tag="limits.recalculated"):
    """People decided that a process has changed for good: from here on the chart has new limits (a step change)."""

    measure: MeasureId  # whose chart
    since: WrittenDate  # the first point of the new phase
    reason: Text  # the cause, as it is understood
    decided_by: Label | None = None  # the role that decided
    rule_set: RuleSetId | None = None  # the rules by which the change was seen


@example(measure="M-1", period="2024-08", reason="Half of the month was not recorded during the move.")
class MeasurementExcluded(ProjectEvent, frozen=True, kw_only=True, tag="measurement.excluded"):
    """People decided to leave a point out of the limits. It is still drawn."""

    measure: MeasureId  # whose chart
    period: WrittenDate  # the period of the point, as it was recorded
    subgroup: Subgroup | None = None  # its subgroup, if it has one
    reason: Text  # why
    decided_by: Label | None = None  # the role that decided


@example(
    measure="M-1",
    rule_set="making-data-count-1",
    rule="shift-7",
    since="2024-05",
    until="2024-11",
    cause="Text messages go to everybody since May.",
)
class SignalAcknowledged(ProjectEvent, frozen=True, kw_only=True, tag="signal.acknowledged"):
    """Somebody saw a signal of the chart and said what they think caused it."""

    measure: MeasureId  # whose chart
    rule_set: RuleSetId  # the rules by which it is a signal
    rule: Label  # the rule that it broke
    since: WrittenDate  # the first point of the signal
    until: WrittenDate | None = None  # the last point so far
    cause: Text | None = None  # what they think caused it
