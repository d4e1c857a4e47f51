"""A project was completed, whether or not its aim was met: what it learned counts. Weekly, among the celebrations."""

from events.projects import ProjectCompleted, ProjectReopened
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import EVERY_WINDOW, Notice, Rule
from projections.notices.engine.words import name_of

project_completed = Rule("project_completed", doc=__doc__, urgency="weekly")


@project_completed.on(ProjectCompleted)
def completed(event: ProjectCompleted, at: Moment) -> Notice:
    return Notice(
        to=("chair", "sponsor", "improvement_advisor", "communications"),
        title=f"{name_of(at.project, at.record.stream)} was completed",
        window=at.record.occurred[:10],
        facts={"outcome": event.outcome},
    )


@project_completed.clears(ProjectReopened)
def reopened(event: ProjectReopened, at: Moment) -> str:
    return EVERY_WINDOW
