"""What was accepted and is odd, for each system that tells: by which rule, in which record. Integrators read it.

Nothing is refused for its method or its order: systems send history late and out of order. What is odd
about it is shown to whoever sent it, with the rule, its words and the record. An oddity is gone as soon as later facts
heal it: a sponsor who joins after the start, a learning that is written down after the end, a plan that arrives late
and belongs before its result. So nothing needs to be ticked off; whoever tells the missing fact has answered.

The rules are in `oddities/`, one function each.
"""

from collections.abc import Mapping
from functools import cache

import msgspec

from events.corrections import Revision
from events.cycles import CycleStarted
from events.log.record import Record
from events.measures import MeasurementRecorded
from events.scores import ProgressScored
from events.vocabulary import Event, vocabulary
from projections.engine.projection import Projection
from projections.moments import as_written
from projections.oddities import rules, rules_for
from projections.oddities.rule import Finds, Heals
from projections.oddities.so_far import INTRODUCED_BY, SoFar, after
from projections.project_life import FLAWS
from projections.project_work import TOLD_OF_PROJECTS

ODDITIES_MAX = 100  # of one stream; the earliest are kept until they are healed

RULES: Mapping[str, str] = {**FLAWS, **{rule.id: rule.says for rule in rules().values()}}
"""Every rule with its sentence: those of a project's life, which all its pictures know, and those of `oddities/`."""

_HEALED: Mapping[str, Heals] = {
    "completed_without_learning": lambda now, _: now.learned,
    "resumed_without_pause": lambda now, _: "resumed_without_pause" not in now.flaws,
    "reopened_without_end": lambda now, _: "reopened_without_end" not in now.flaws,
    **{rule.id: rule.healed for rule in rules().values() if rule.healed is not None},
}
_HEALS_NOTHING = frozenset(
    {MeasurementRecorded, ProgressScored, CycleStarted}
)  # told most often, and answer nothing


class Oddity(msgspec.Struct, frozen=True, kw_only=True):
    """One odd thing, and the record that shows it: by source and id, which do not depend on when it arrived."""

    rule: str
    says: str
    about: str  # which cycle, measure or period; empty for the whole
    source: str
    event: str  # the id that its source gave it
    type: str
    occurred: str  # as written


class LookedAt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One stream, and what is odd about it."""

    so_far: SoFar = SoFar()
    oddities: tuple[Oddity, ...] = ()
    further: int = 0  # oddities found when there were ODDITIES_MAX already


NEW = LookedAt()

quality = Projection(
    "data_quality",
    revision=8,
    row=LookedAt,
    doc=__doc__,
    streams=["project", *INTRODUCED_BY],
)


def looked_at(row: LookedAt | None, event: Event, record: Record) -> LookedAt:
    """What is odd after this event: what was and is not healed, and what is new."""
    row = row or NEW
    so_far = after(row.so_far, event, record)
    found = _odd(row.so_far, so_far, event, record)
    oddities = row.oddities
    if oddities and type(event) not in _HEALS_NOTHING:
        oddities = tuple([one for one in oddities if not _healed(one, so_far)])
    if not found:
        return LookedAt(so_far=so_far, oddities=oddities, further=row.further)
    for rule, about in found:
        if oddities and rule in _HEALED:  # what could be healed is shown once, at its latest
            oddities = tuple([one for one in oddities if one.rule != rule or one.about != about])
    new = [_oddity(rule, about, record) for rule, about in found]
    oddities += tuple([one for one in new if not _healed(one, so_far)])  # what was told before may heal it
    return LookedAt(
        so_far=so_far,
        oddities=oddities[:ODDITIES_MAX],
        further=row.further + max(0, len(oddities) - ODDITIES_MAX),
    )


def _odd(before: SoFar, so_far: SoFar, event: Event, record: Record) -> list[tuple[str, str]]:
    """Every rule that this event breaks, where it stands among the others of its stream, and what it is about."""
    found = []
    if so_far.flaws is not before.flaws:
        found = [(flaw, "") for flaw in so_far.flaws if flaw not in before.flaws]
    for name, find in _finds(type(event)):
        about = find(before, so_far, event, record)
        if about is not None:
            found.append((name, about))
    return found


@cache
def _finds(kind: type[Event]) -> tuple[tuple[str, Finds], ...]:
    return tuple((rule.id, rule.find) for rule in rules_for(kind))


def _healed(oddity: Oddity, so_far: SoFar) -> bool:
    healed = _HEALED.get(oddity.rule)
    return healed is not None and healed(so_far, oddity.about)


def _oddity(rule: str, about: str, record: Record) -> Oddity:
    return Oddity(
        rule=rule,
        says=RULES[rule],
        about=about,
        source=record.source,
        event=record.id,
        type=record.type,
        occurred=as_written(record),
    )


for _kind in vocabulary().values():
    if _kind.stream in INTRODUCED_BY and not issubclass(_kind, Revision) and _kind.upcast is Event.upcast:
        quality.on(_kind)(looked_at)
for _kind in TOLD_OF_PROJECTS:
    quality.on(_kind)(looked_at)


# Questions


class OfASource(msgspec.Struct, frozen=True, kw_only=True):
    """Whose records, and which rule. Without a source, those of all systems."""

    source: str | None = None
    rule: str | None = None


class OddRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was accepted and is odd."""

    stream: str
    rule: str
    says: str
    about: str
    source: str
    event: str
    type: str
    occurred: str
    position: int  # where the log keeps it


ODD = """
    SELECT key AS stream, odd ->> 'rule' AS rule, odd ->> 'says' AS says, odd ->> 'about' AS about,
           odd ->> 'source' AS source, odd ->> 'event' AS event, odd ->> 'type' AS type,
           odd ->> 'occurred' AS occurred, told.position
      FROM data_quality
     CROSS JOIN jsonb_array_elements(oddities) AS odd
     CROSS JOIN LATERAL (  -- the bound: the planner takes the oddities for many and would read the whole log
           SELECT position
             FROM log.records
            WHERE organisation = %(organisation)s AND source = odd ->> 'source' AND id = odd ->> 'event'
            LIMIT 1) AS told
     WHERE data_quality.organisation = %(organisation)s
       AND (%(source)s::text IS NULL OR odd ->> 'source' = %(source)s)
       AND (%(rule)s::text IS NULL OR odd ->> 'rule' = %(rule)s)
"""
quality.question(
    "odd",
    ODD,
    asks=OfASource,
    answers=OddRecord,
    order=("-position", "rule", "about"),
    doc="What a system told that was accepted and is odd, the latest records first.",
)


class RuleBroken(msgspec.Struct, frozen=True, kw_only=True):
    """How often one rule is broken by what one system told."""

    source: str
    rule: str
    says: str
    records: int
    streams: int


BY_RULE = """
    SELECT odd ->> 'source' AS source, odd ->> 'rule' AS rule, max(odd ->> 'says') AS says,
           count(DISTINCT odd ->> 'event') AS records, count(DISTINCT key) AS streams
      FROM data_quality, jsonb_array_elements(oddities) AS odd
     WHERE organisation = %(organisation)s
       AND (%(source)s::text IS NULL OR odd ->> 'source' = %(source)s)
       AND (%(rule)s::text IS NULL OR odd ->> 'rule' = %(rule)s)
     GROUP BY 1, 2
"""
quality.question(
    "by_rule",
    BY_RULE,
    asks=OfASource,
    answers=RuleBroken,
    order=("source", "rule"),
    doc="The rules that each system's records break, and how often.",
)
