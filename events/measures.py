"""Measures of a project and their data: what is measured, each measurement, and measurements put right."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from events.corrections import Revision
from events.fields import Citation, Direction, Label, MeasureId, Number, Size, Text, Title, WrittenDate
from events.streams import ProjectEvent
from events.vocabulary import Event, example, tag_of

MeasureKind = Literal["outcome", "process", "balancing"]
Interval = Literal["daily", "weekly", "fortnightly", "monthly", "quarterly", "yearly", "irregular"]
ChartKind = Literal[
    "run", "i", "mr", "i_prime", "xbar", "s", "p", "p_prime", "u", "u_prime", "c", "g", "t"
]  # I is the chart also called XmR
Subgroup = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._~:+-]*(?![\s\S])",
        description="A subgroup, where one day, month or year has several: an hour, a batch, a running number.",
    ),
]


@example(
    measure="M-1",
    name="Seen within 28 days",
    kind="outcome",
    definition="Of those referred in the month, the share whose first appointment was within 28 days",
    unit="%",
    numerator="People first seen within 28 days of referral",
    denominator="People referred",
    chart="p",
    interval="monthly",
    direction="increase",
    target=80,
    owner="Data lead",
)
class MeasureDefined(ProjectEvent, frozen=True, kw_only=True, tag="measure.defined"):
    """A project said what it measures, so that two people who measure it would get the same number."""

    measure: MeasureId  # which measure
    name: Title  # what it is called
    kind: MeasureKind | None = None  # whether it shows the outcome, the process, or harm done elsewhere
    definition: Text | None = None  # the operational definition
    unit: Label | None = None  # what a value is counted in
    numerator: Title | None = None  # what is counted above the line, if it is a share or rate
    denominator: Title | None = None  # what is counted below the line
    multiply: Size | None = None  # shown times this: 1000 for a rate per 1,000 bed days
    chart: ChartKind | None = None  # the chart that fits the data
    interval: Interval | None = None  # how often it is measured
    direction: Direction | None = None  # which way is better
    target: Number | None = None  # the value to reach, in the unit shown
    owner: Label | None = None  # the role that collects it
    published: Citation | None = None  # where this was read


@example(
    measure="M-1",
    name="Seen within 28 days",
    definition="As before, without people referred by mistake",
    chart="p",
    direction="increase",
    target=80,
    reason="Mistaken referrals hid the change.",
)
class MeasureRevised(MeasureDefined, frozen=True, kw_only=True, tag="measure.revised"):
    """A measure was defined anew. It is told in full; values before and after may not compare."""

    reason: Text | None = None  # why the measure changed


@example(measure="M-1", reason="The service counts it for everybody now.")
class MeasureRetired(ProjectEvent, frozen=True, kw_only=True, tag="measure.retired"):
    """A measure is no longer collected. Its data stay."""

    measure: MeasureId  # which measure
    reason: Text | None = None  # why


def _check_reading(value: float | None, numerator: float | None, denominator: float | None) -> None:
    """A reading is a value, or a numerator with its denominator, or both; never half of a fraction."""
    if (numerator is None) != (denominator is None):
        raise ValueError("`numerator` and `denominator` belong together: give both or neither")
    if value is None and numerator is None:
        raise ValueError("a reading is a `value`, or a `numerator` and a `denominator`")


@example(measure="M-1", period="2024-11", numerator=31, denominator=52)
class MeasurementRecorded(ProjectEvent, frozen=True, kw_only=True, tag="measurement.recorded"):
    """One measurement: a value, or a numerator and a denominator, for a period.

    A measure has one value for each period and subgroup; another is put right by `measurement.corrected`.
    """

    measure: MeasureId  # which measure
    period: WrittenDate  # the day, month or year that it is of; the first day of any other period
    until: WrittenDate | None = None  # the last day of the period, where that is not plain
    subgroup: Subgroup | None = None  # which of several measurements of the period
    value: Number | None = None  # the value, in the measure's unit
    numerator: Number | None = None  # what was counted above the line
    denominator: Size | None = None  # what was counted below the line
    n: Size | None = None  # how many people, cases or days a value rests on
    note: Text | None = None  # what a reader of this point should know

    def __post_init__(self) -> None:
        _check_reading(self.value, self.numerator, self.denominator)


@example(of="M-1-2024-11", numerator=34, denominator=52, reason="Three people were counted late.")
class MeasurementCorrected(Revision, frozen=True, kw_only=True, tag="measurement.corrected"):
    """A measurement was wrong. It counts as though this reading had been recorded: the right one, told in full."""

    stream = ProjectEvent.stream

    value: Number | None = None  # the right value
    numerator: Number | None = None  # the right count above the line
    denominator: Size | None = None  # the right count below the line
    n: Size | None = None  # how many people, cases or days it rests on, if that was wrong as well
    note: Text | None = None  # a new note, if the old one was wrong

    def __post_init__(self) -> None:
        _check_reading(self.value, self.numerator, self.denominator)

    def mend(self, told: Event) -> Event:
        """The measurement `told` with the right reading. Raises msgspec.ValidationError if it is no measurement."""
        if not isinstance(told, MeasurementRecorded):
            raise msgspec.ValidationError(
                f"`of` names an event of type {tag_of(type(told))}, not a measurement"
            )
        return msgspec.structs.replace(
            told,
            value=self.value,
            numerator=self.numerator,
            denominator=self.denominator,
            n=told.n if self.n is None else self.n,
            note=told.note if self.note is None else self.note,
        )
