"""A project under way counts under a strategy area that a new wording let go. Its leads hear at once that it has to
be put under another; 30 days later they hear again, and so do improvement advisors.

Cleared when the project names other areas, has ended, or the strategy has the area again.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from projections.duties import Duties
from projections.notices.engine.rule import Notice, Rule
from projections.notices.engine.words import name_of, rounds
from projections.project_life import UNDER_WAY
from projections.strategies import LetGo

REMIND_AFTER_DAYS = 30

area_let_go = Rule("area_let_go", doc=__doc__, urgency="at_once", action=True)


@area_let_go.of_projects_under_strategies
def counts_under_none(row: Duties, project: str, today: date, gone: Mapping[str, LetGo]) -> Iterator[Notice]:
    """Once for each wording that let go of an area of the project, and one reminder."""
    if row.state not in UNDER_WAY:
        return
    for strategy, version, since in sorted(
        {(one.strategy, one.version, one.since) for one in _lost(row, gone)}
    ):
        for round_ in rounds(since, today, after_days=0, every_days=REMIND_AFTER_DAYS):
            again = round_.number > 1
            yield Notice(
                to=("lead", "improvement_advisor") if again else ("lead",),
                title=f"The strategy was worded anew: to which of its areas does {name_of(row, project)} belong now?",
                window=f"{strategy}/{version}/{'again' if again else 'first'}",
                urgency="weekly" if again else "at_once",
                due=since + timedelta(days=REMIND_AFTER_DAYS if again else 0),
                facts={"strategy": strategy, "version": version},
            )


def _lost(row: Duties, gone: Mapping[str, LetGo]) -> list[LetGo]:
    return [gone[area] for area in row.areas if area in gone]
