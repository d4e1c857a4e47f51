"""Results as they were reported, with or without the data behind them."""

from events.fields import (
    Areas,
    Citation,
    Direction,
    DirectorateId,
    Label,
    MeasureId,
    Number,
    Text,
    Title,
    Tools,
    WrittenDate,
)
from events.streams import AnyEvent
from events.vocabulary import example


@example(
    title="Fewer missed doses on older people's wards",
    before=1.07,
    after=0.07,
    unit="% of doses",
    direction="decrease",
)
class ResultReported(AnyEvent, frozen=True, kw_only=True, tag="result.reported"):
    """A result was reported: before and after, or in words. The data behind it are `measurement.recorded`."""

    title: Title  # what was found
    summary: Text | None = None  # what was found, at more length
    measure: MeasureId | None = None  # the measure it is of, if the project has defined it
    before: Number | None = None  # the value before the changes
    after: Number | None = None  # the value after
    unit: Label | None = None  # what the values are counted in
    direction: Direction | None = None  # which way is better
    since: WrittenDate | None = None  # when the value before was taken
    until: WrittenDate | None = None  # when the value after was taken
    directorate: DirectorateId | None = None  # where it was reached
    areas: Areas = ()  # the strategy areas it contributes to
    tools: Tools = ()  # methods that led to it
    published: Citation | None = None  # where this was read
