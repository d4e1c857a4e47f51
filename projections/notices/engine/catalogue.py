"""The catalogue of rules, made from the rules themselves: for the API, and for `docs/notices.md`.

python -m projections.notices.engine.catalogue > docs/notices.md
"""

import sys
from functools import cache

import msgspec

from events.vocabulary import tag_of
from projections.notices.engine.found import found_rules
from projections.notices.engine.rule import Kind, Rule, Urgency


class RuleEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A rule in its own words: how soon it tells, what it hears or looks at, what clears it."""

    rule: str
    says: str
    urgency: Urgency
    action: bool
    kind: Kind
    hears: tuple[str, ...]  # types of events; none for a rule over rows
    looks_at: tuple[str, ...]  # `projects`, `strategies`, `forums`: rows, each hour
    cleared_by: tuple[str, ...]  # types of events; a rule over rows is cleared when it is no longer true


@cache
def rule_entries() -> tuple[RuleEntry, ...]:
    """Every rule, in the order of their names."""
    return tuple(_entry(rule) for rule in found_rules().values())


def _entry(rule: Rule) -> RuleEntry:
    looks = {
        "projects": rule.over_projects or rule.over_strategies,
        "strategies": rule.over_strategies,
        "forums": rule.over_forums,
    }
    return RuleEntry(
        rule=rule.name,
        says=rule.doc,
        urgency=rule.urgency,
        action=rule.action,
        kind=rule.kind,
        hears=tuple(sorted(tag_of(kind) for kind in rule.facts)),
        looks_at=tuple(name for name, over in looks.items() if over is not None),
        cleared_by=tuple(sorted(tag_of(kind) for kind in rule.clearings)),
    )


_SOON = {
    "at_once": "at once",
    "daily": "in the digest of the next working day",
    "weekly": "in the weekly digest",
    "monthly": "in the monthly digest",
}

OPENING = """# Who is told what

For chairs, sponsors, coaches, leads, and people in communications. Made from the rules themselves; do not edit by hand:
`python -m projections.notices.engine.catalogue > docs/notices.md`.

A **notice** is something that somebody should be told, by a **rule**. A rule is told of each new fact, or looks each
hour at how things stand. What it says reaches you by the channels that you chose: the inbox, e-mail, GOV.UK Notify, a
chat room.

- You are told **once**: once for each decision, each signal, each month, each meeting, however often things are told,
  corrected, rebuilt or loaded.
- When something is **put right**, you are told what that brings to light. What held because of a mistake goes away, and
  what was answered by mistake waits for you again.
- You are not told of **what you did yourself**.
- You are not told of **the past**: neither of what had happened before a rule began, nor of what was recorded more than
  30 days after it happened, nor of what had long been overdue by then.
- You are told **why**: “You are told because you sponsor it.”
- What **needs you to act** cannot be switched off, and goes away when somebody has acted. All else can be had at once,
  each working day, each week, each month, or never; by kind and by channel. Whoever stops all of it has what needs them
  to act in a weekly digest. Digests go out at eight in the morning, London time: the daily one on working days, the
  weekly one on Mondays, the monthly one on the first working day. When nothing happened there is none.
- In your **quiet hours** nothing is sent to you; the inbox fills all the same.
- A **chat room** is that of a forum. What several people chose to hear of there is posted once, and the room keeps the
  organisation's quiet hours.
- A project can be **muted**, for a while or for good; what needs you to act is told all the same.
- Messages hold titles and links, and no personal data. A link opens a page that shows how things stand, as far as the
  whole organisation may see it: without a key or a password, for 180 days. Each message to you has a link by which you
  can change what you are told; a post in a chat room, which others read as well, has none.

Whoever runs the record asks what people were told, and sets what they chose, by
`GET /v1/{organisation}/notices`, `/rules` and `/preferences/{person}`; see `/openapi.json`.
"""


def as_markdown() -> str:
    """The whole page."""
    entries = rule_entries()
    act = [one for one in entries if one.action]
    know = [one for one in entries if not one.action]
    parts = [OPENING, _list(act, know), "## What needs somebody to act", *map(_section, act)]
    return "\n\n".join([*parts, "## What is good to know", *map(_section, know)]) + "\n"


def _list(act: list[RuleEntry], know: list[RuleEntry]) -> str:
    rows = [
        f"| [{_called(one)}](#{_called(one).lower().replace(' ', '-')}) | {_SOON[one.urgency]} | {need} |"
        for need, entries in (("yes", act), ("", know))
        for one in entries
    ]
    return "\n".join(["| what | how soon | needs action |", "| --- | --- | --- |", *rows])


def _section(one: RuleEntry) -> str:
    facts = [f"Told {_SOON[one.urgency]}, unless it says otherwise or you chose otherwise."]
    if one.hears:
        facts.append(f"Hears: {_types(one.hears)}.")
    if one.looks_at:
        facts.append(
            f"Looks each hour at {' and '.join(one.looks_at)}, and is cleared when it is no longer so."
        )
    if one.cleared_by:
        facts.append(f"Cleared by: {_types(one.cleared_by)}.")
    return "\n\n".join([f"### {_called(one)}", one.says, "\n".join(f"- {fact}" for fact in facts)])


def _types(types: tuple[str, ...]) -> str:
    return ", ".join(f"[{one}](events.md#{one.replace('.', '')})" for one in types)


def _called(one: RuleEntry) -> str:
    return one.rule.replace("_", " ").capitalize()


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
