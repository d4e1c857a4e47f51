"""Progress scores: how far a team says it has come, on a named scale."""

from typing import Annotated, Literal

from msgspec import Meta

from events.fields import END, Citation, Lines, Text
from events.streams import ProjectEvent
from events.vocabulary import example

Score = Annotated[
    float, Meta(ge=0.5, le=5, multiple_of=0.5, description="0.5, 1.0, 1.5 … 5.0 on the scale named.")
]
ScaleId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]{0,40}(\.[0-9]{1,4})?" + END,
        description="A scale and its version: `life_qi` (0.5 to 5), `ihi` (1 to 5), or your own such as `ours.2`.",
    ),
]
Assessor = Literal["self", "coach", "advisor", "forum"]


@example(
    score=2.5,
    scale="life_qi",
    assessor="coach",
    rationale="Three tests done and charted; no improvement yet.",
    evidence=["C-5", "C-6", "C-7"],
)
class ProgressScored(ProjectEvent, frozen=True, kw_only=True, tag="progress.scored"):
    """Somebody scored how far a project has come. Scores are people's judgements; they may fall as well as rise."""

    score: Score  # the score
    scale: ScaleId  # the scale it is on
    assessor: Assessor  # who judged: the team itself, its coach, an improvement advisor or the forum
    rationale: Text | None = None  # why this score
    evidence: Lines = ()  # what it rests on: cycles, measures, anything that can be looked up
    next: Text | None = None  # what the next score needs
    published: Citation | None = None  # where this was read
