"""What somebody's choices become when they stop messages like one that they had. Pure.

A choice for one rule counts before one for all. So whoever stops all of them stops each by its name too, or what they
had chosen for a rule before would go on. What needs action is not stopped but gathered weekly, and never made to come
more often than it does.
"""

from collections.abc import Iterable, Mapping

from projections.notices.engine.paces import Pace, slower
from projections.notices.engine.preferences import EVERY, Channel, Choices
from projections.notices.engine.rule import Rule

GATHERED: Pace = "weekly"  # what needs action is told at least so often, unless it comes by itself less often


def stopped(
    rule: str, channel: Channel, person: str, *, rules: Mapping[str, Rule], choices: Choices
) -> Mapping[str, Pace]:
    """How soon a person is told from now on, by each rule for which that changes; with `*` as the rule, by all."""
    names: Iterable[str] = (EVERY, *rules) if rule == EVERY else (rule,)
    paces = {name: _stopped(rules.get(name), channel, person, choices) for name in names}
    return {name: pace for name, pace in paces.items() if pace is not None}


def _stopped(rule: Rule | None, channel: Channel, person: str, choices: Choices) -> Pace | None:
    """None where nothing comes anyway, and naming a pace would make something come."""
    if rule is None or not rule.action:
        return "never"
    now = choices.pace(person, rule.name, channel, rule.urgency, action=True)
    return None if now == "never" else slower(GATHERED, slower(rule.urgency, now))
