"""The rules as a page for those who send records: `python -m projections.oddities.page > docs/data-quality.md`."""

import sys

from events.vocabulary import Event, tag_of
from projections.oddities import rules
from projections.oddities.rule import Rule
from projections.project_life import FLAWS

_HEAD = """\
# What is accepted, and odd

Nothing is refused for its method or its order. What is odd about it is shown to whoever sent it, with the rule and the
record: `GET /v1/{organisation}/projections/data_quality/odd?source=…`, and counted by rule at `…/data_quality/by_rule`.

Most of it goes away by itself once the missing fact is told, however late: a sponsor, a plan, the learning. The rules
marked † want a correction (`event.corrected`, `event.retracted`, `measurement.corrected`), or are simply good to know.

This page is made from the code: `python -m projections.oddities.page > docs/data-quality.md`.

| rule | what it says | seen in |
| --- | --- | --- |
"""


def as_markdown() -> str:
    """The page."""
    life = [f"| `{name}` | {says} | what is told of a project's life |" for name, says in FLAWS.items()]
    return _HEAD + "\n".join([*life, *map(_line, rules().values())]) + "\n"


def _line(rule: Rule) -> str:
    mark = "" if rule.healed else " †"
    return f"| `{rule.id}`{mark} | {rule.says} | {_seen_in(rule)} |"


def _seen_in(rule: Rule) -> str:
    """The types that may break it; of many, the first."""
    if Event in rule.broken_by:
        return "anything"
    tags = [f"`{tag_of(kind)}`" for kind in rule.broken_by]
    return ", ".join(tags[:4]) + (" …" if len(tags) > 4 else "")


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
