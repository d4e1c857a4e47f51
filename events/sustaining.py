"""After a project: handed over to quality control, where somebody goes on watching the data."""

from typing import Literal

from events.fields import Label, MeasureId, Text, WrittenDate
from events.streams import ProjectEvent
from events.vocabulary import example


@example(
    owner_role="Ward manager",
    measure="M-1",
    how="On the ward's visual board, every Monday",
    review_due="2025-06",
)
class HandedToQualityControl(ProjectEvent, frozen=True, kw_only=True, tag="project.handed_over"):
    """A project's gains were handed over to quality control: daily work keeps them from now on."""

    owner_role: Label  # the role that keeps watch
    measure: MeasureId | None = None  # what is watched
    how: Text | None = None  # where and how often it is looked at
    review_due: WrittenDate | None = None  # when it is checked next


@example(result="held", measure="M-1", note="Nineteen days on average, as in spring.", next_due="2025-12")
class SustainCheckRecorded(ProjectEvent, frozen=True, kw_only=True, tag="sustain_check.recorded"):
    """Somebody looked whether the gains of a finished project still hold. Where they slipped, work can be reopened."""

    result: Literal["held", "slipped", "unclear"]  # what they found
    measure: MeasureId | None = None  # what they looked at
    note: Text | None = None  # what they saw
    next_due: WrittenDate | None = None  # when to look again
