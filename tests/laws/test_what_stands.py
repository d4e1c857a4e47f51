"""What asks somebody to act stands, or does not, whatever the order in which things were told and put right.

Histories are of what one rule hears of one thing, each on a day of its own, all told within a month: in any order, some
of it put right, before or after it came. Measured against the same, told right at first and in the order in which it
happened.
"""

from collections.abc import Sequence
from typing import Any, Literal, get_origin

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from events.corrections import EventCorrected, EventRetracted, Revision
from events.log.record import Record
from events.training import TrainingEnrolled
from events.training_requests import TrainingRequested
from events.vocabulary import Event, canonical_body, example_of, tag_of
from projections.notices.engine.counting import amended_by, as_they_count
from projections.notices.engine.found import found_rules
from projections.notices.engine.heard import Key
from projections.notices.engine.retelling import judges_revisions
from projections.notices.engine.rule import Rule
from tests.effort import examples
from tests.laws.plausible_histories import events_of
from tests.projections.notices.trust import P1, Trust, a_trust, noon

EVENTS_MAX, REVISIONS_MAX = 6, 3
TOLD = noon("2025-03-28")
WIDELY = settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))

LASTING = [rule for rule in found_rules().values() if rule.facts and not judges_revisions(rule)]
every_lasting_rule = pytest.mark.parametrize("rule", LASTING, ids=lambda rule: rule.name)
every_rule_that_clears = pytest.mark.parametrize(
    "rule", [rule for rule in LASTING if rule.clearings], ids=lambda rule: rule.name
)


class Told(msgspec.Struct, frozen=True):
    """One thing on its way to the log."""

    stream: str
    id: str
    day: int
    event: Event


def setting() -> Trust:
    """Two people wait for a place in a training programme."""
    trust = a_trust()
    example = example_of(TrainingEnrolled)
    for n in (1, 2):
        trust.tell(f"course/{example.course}", "2025-02-20", TrainingRequested(person=f"{example.person}{n}"))
    return trust


def lively(draw: st.DrawFn, kind: type[Event]) -> Event:
    """An event of a type; what it chooses from a few words is any of them."""
    plausible = draw(events_of(kind))
    chosen = {
        field.name: draw(st.sampled_from(field.type.__args__))
        for field in msgspec.structs.fields(kind)
        if get_origin(field.type) is Literal
    }
    return msgspec.structs.replace(plausible, **chosen)


def _kinds(rule: Rule) -> list[type[Event]]:
    return sorted({*rule.facts, *rule.clearings}, key=tag_of)


def _stream(kind: type[Event]) -> str:
    return P1 if kind.stream == "project" else f"{kind.stream}/{kind.stream}1"


def history_of(draw: st.DrawFn, rule: Rule) -> list[Told]:
    """Of one thing, in the order in which it happened; then what puts it right."""
    kinds = st.sampled_from(_kinds(rule))
    told = []
    for day in range(1, 1 + draw(st.integers(1, EVENTS_MAX))):
        kind = draw(kinds)
        told.append(Told(_stream(kind), f"e{day}", day, lively(draw, kind)))
    for day in range(len(told) + 1, len(told) + 1 + draw(st.integers(0, REVISIONS_MAX))):
        wrong = draw(st.sampled_from(told[:EVENTS_MAX]))
        told.append(Told(wrong.stream, f"e{day}", day, _put_right(draw, wrong)))
    return told


def _put_right(draw: st.DrawFn, wrong: Told) -> Event:
    if isinstance(wrong.event, Revision) or draw(st.booleans()):
        return EventRetracted(of=wrong.id)
    right = msgspec.json.decode(canonical_body(lively(draw, type(wrong.event))))
    return EventCorrected(of=wrong.id, fields=right) if right else EventRetracted(of=wrong.id)


def hears(told: Sequence[Told]) -> Trust:
    trust = setting()
    for one in told:
        trust.tell(one.stream, f"2025-03-{one.day:02}", one.event, id_=one.id, recorded=TOLD)
    return trust


def had_it_been_told_right(trust: Trust) -> Trust:
    right = setting()
    before = len(right.records)
    told: list[Record] = trust.records[before:]
    counted = as_they_count(sorted(told, key=lambda record: record.occurred_at), amended_by(told))
    for record in counted:
        right.tell(record.stream, record.occurred, record.event(), id_=record.id, recorded=record.recorded_at)
    return right


def standing(trust: Trust, rule: Rule) -> set[Key]:
    heard = trust.heard()
    assert heard.unsaid == []
    return {one.key for one in heard.made.values() if one.rule == rule.name and not one.cleared}


@every_rule_that_clears
@WIDELY
@given(data=st.data())
def test_in_any_order_of_arrival_and_however_it_is_put_right_the_same_stands(
    rule: Rule, data: st.DataObject
) -> None:
    history = data.draw(st.composite(history_of)(rule))
    arrived = hears(data.draw(st.permutations(history)))
    right = standing(had_it_been_told_right(arrived), rule)
    event(f"{len(right) > 0}")
    assert standing(arrived, rule) == right


@every_lasting_rule
@WIDELY
@given(data=st.data())
def test_what_is_retracted_and_told_again_stands_again(rule: Rule, data: st.DataObject) -> None:
    history: list[Told] = data.draw(st.composite(history_of)(rule))
    last = history[-1]
    if isinstance(last.event, Revision):
        return
    before = standing(hears(history), rule)
    away = Told(last.stream, "away", last.day, EventRetracted(of=last.id))
    again: Any = msgspec.structs.replace(last, id="again")
    assert standing(hears([*history, away, again]), rule) == before
