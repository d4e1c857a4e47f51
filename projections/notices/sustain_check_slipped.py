"""The gains of a finished project have slipped. Its sponsor and those who led it hear it at once.

It is cleared when the project is worked on again, or when the next look finds that the gains hold.
"""

from events.projects import ProjectReopened
from events.sustaining import SustainCheckRecorded
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import EVERY_WINDOW, Notice, Rule
from projections.notices.engine.words import name_of

sustain_check_slipped = Rule("sustain_check_slipped", doc=__doc__, urgency="at_once", action=True)


@sustain_check_slipped.on(SustainCheckRecorded)
def slipped(event: SustainCheckRecorded, at: Moment) -> Notice | None:
    if event.result != "slipped":
        return None
    return Notice(
        to=("sponsor", "lead"),
        title=f"The gains of {name_of(at.project, at.record.stream)} have slipped",
        window=at.record.occurred[:10],
        facts={"measure": event.measure},
    )


@sustain_check_slipped.clears(SustainCheckRecorded)
def held(event: SustainCheckRecorded, at: Moment) -> str | None:
    return EVERY_WINDOW if event.result == "held" else None


@sustain_check_slipped.clears(ProjectReopened)
def reopened(event: ProjectReopened, at: Moment) -> str:
    return EVERY_WINDOW
