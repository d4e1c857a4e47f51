"""Progress scores that fell, jumped, or stand for more than has been told.

What a score stands for is the table of IHI and Life QI in what can be seen of it here. A score is a judgement: it is
never refused, and never changed by us.
"""

from collections.abc import Callable

from events.log.record import Record
from events.scores import ProgressScored
from projections.oddities.rule import Rule, rule
from projections.oddities.so_far import SoFar
from projections.project_score import judged_by

Told = Callable[[SoFar], bool]


@rule(
    "score_fell",
    "The progress score fell. That may well be right; it is rare enough to look at.",
    ProgressScored,
)
def score_fell(before: SoFar, after: SoFar, event: ProgressScored, record: Record) -> str | None:
    last = judged_by(before.scores, event)
    return None if last is None or event.score >= last.score else f"{last.score} to {event.score}"


@rule("score_jumped", "The progress score rose by more than 1.0 at once.", ProgressScored)
def score_jumped(before: SoFar, after: SoFar, event: ProgressScored, record: Record) -> str | None:
    last = judged_by(before.scores, event)
    return None if last is None or event.score <= last.score + 1 else f"{last.score} to {event.score}"


_STANDS_FOR: tuple[tuple[float, str, str, Told], ...] = (
    (1.5, "aim", "no aim", lambda told: told.aims > 0),
    (2.0, "measure", "no measure", lambda told: any(one.defined for one in told.measured)),
    (2.5, "test", "no test of a change", lambda told: told.tested),
    (2.5, "outcome", "no measure of an outcome", lambda told: any(one.outcome for one in told.measured)),
    (3.0, "success", "no change that was adapted or adopted", lambda told: told.kept),
    (4.0, "change", "no change in daily practice", lambda told: told.implemented),
    (5.0, "end", "no handing over to quality control", lambda told: told.handed_over),
)
"""From which score on a scale of 5 what should have been told; the first that is missing is shown."""


def _without(nth: int) -> Rule:
    least, name, missing, told = _STANDS_FOR[nth]
    before_it = [told for _, _, _, told in _STANDS_FOR[:nth]]

    def find(before: SoFar, after: SoFar, event: ProgressScored, record: Record) -> str | None:
        if event.score < least or told(after):
            return None
        return f"{event.score}" if all(is_told(after) for is_told in before_it) else None

    return Rule(
        id=f"score_without_{name}",
        says=f"The progress score is {least} or more, and {missing} has been told.",
        broken_by=(ProgressScored,),
        find=find,
        healed=lambda now, _: told(now),
    )


no_aim, no_measure, no_test, no_outcome, no_success, no_change, no_end = (
    _without(nth) for nth in range(len(_STANDS_FOR))
)
