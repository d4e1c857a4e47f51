"""The strategy was worded anew. Improvement advisors hear at once that work may have to be mapped to its new areas."""

from events.strategies import StrategyRefreshed
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import Notice, Rule

strategy_refreshed = Rule("strategy_refreshed", doc=__doc__, urgency="at_once")


@strategy_refreshed.on(StrategyRefreshed)
def refreshed(event: StrategyRefreshed, at: Moment) -> Notice:
    retired = sorted(move.old for move in event.maps_from if move.new is None)
    return Notice(
        to=("improvement_advisor",),
        title="The strategy was worded anew: look which projects belong to other areas now",
        window=f"{event.version}",
        facts={"version": event.version, "valid_from": event.valid_from, "retired": retired},
    )
