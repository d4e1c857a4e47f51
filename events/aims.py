"""The aim of a project: how good, for whom, by when."""

from events.fields import Citation, Direction, Label, MeasureId, Number, Text, Title, WrittenDate
from events.streams import ProjectEvent
from events.vocabulary import example


@example(
    statement="80% of people referred are seen within 28 days by March 2025",
    measure="M-1",
    baseline=45,
    target=80,
    unit="%",
    direction="increase",
    by="2025-03",
    population="Adults referred to the community team",
)
class AimSet(ProjectEvent, frozen=True, kw_only=True, tag="aim.set"):
    """A project set its aim. A good aim says how much and by when; an aim that does not is kept, and shown as such."""

    statement: Text  # the aim in full
    measure: MeasureId | None = None  # the measure that will show it
    baseline: Number | None = None  # where it starts
    target: Number | None = None  # where it wants to be
    unit: Label | None = None  # what baseline and target are counted in
    direction: Direction | None = None  # which way is better
    by: WrittenDate | None = None  # when the aim is to be met
    population: Title | None = None  # for whom
    published: Citation | None = None  # where this was read


@example(
    statement="80% of people referred are seen within 28 days by July 2025",
    by="2025-07",
    reason="Two months were lost to a move.",
)
class AimRevised(AimSet, frozen=True, kw_only=True, tag="aim.revised"):
    """A project changed its aim. It is told in full; the earlier aim stays on record."""

    reason: Text | None = None  # why the aim changed
