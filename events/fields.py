"""The fields that events are made of: what a value means, and what bounds it.

Bounds are part of the promise: nothing that gets past them can break a reader, an index or a chart.
"""

from typing import Annotated, Literal

from msgspec import Meta

Title = Annotated[str, Meta(min_length=1, max_length=300, description="One line.")]
Text = Annotated[str, Meta(min_length=1, max_length=8_000, description="Free text. Names no person.")]
Address = Annotated[str, Meta(pattern=r"^https?://[^\s\"\\<>]{1,2000}$", description="A web address.")]

Id = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$",
        description="An identifier of the sender's own: letters, digits, and . _ ~ -",
    ),
]
ProjectId = Annotated[Id, Meta(description="Which project: its stream without `project/`.")]
ForumId = Annotated[Id, Meta(description="Which QI Forum: its stream without `forum/`.")]
ImprovementId = Annotated[Id, Meta(description="Which improvement outside projects.")]
StoryId = Annotated[Id, Meta(description="Which story.")]
ProgrammeId = Annotated[Id, Meta(description="Which programme or collaborative.")]
DirectorateId = Annotated[Id, Meta(description="Which directorate, division or borough.")]
StrategyId = Annotated[Id, Meta(description="Which strategy.")]
CycleId = Annotated[Id, Meta(description="Which PDSA cycle, within its project.")]
ChangeIdeaId = Annotated[Id, Meta(description="Which change idea, within its project.")]
DriverId = Annotated[Id, Meta(description="Which driver, within its project.")]
MeasureId = Annotated[Id, Meta(description="Which measure, within its project.")]
AreaId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]{0,63}$",
        description="A strategy area: a stable id such as `population_health`. Its label belongs to the strategy.",
    ),
]
PersonRef = Annotated[
    str,
    Meta(
        pattern=r"^person/[A-Za-z0-9_-]{1,64}$",
        description="An opaque reference to a person. Never a name, an e-mail address or a number from outside.",
    ),
]
WrittenDate = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$",
        description="A day, month or year as far as it is known: 2022-05-20, 2022-05 or 2022.",
    ),
]
Count = Annotated[int, Meta(ge=0, le=10_000_000, description="How many.")]
Number = Annotated[float, Meta(ge=-1e15, le=1e15, description="A measured value, in the measure's unit.")]
Share = Annotated[float, Meta(ge=0, le=1, description="A share from 0 to 1.")]

Direction = Literal["increase", "decrease", "neutral"]
