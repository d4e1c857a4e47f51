"""What a value has to look like is said in words; nobody is shown a pattern."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from events.vocabulary import vocabulary
from projections.engine.found import found
from services.api.app import DOORS
from services.api.cloudevents import CloudEvent, explained
from services.api.routes.asking import Reading
from services.api.when import When
from services.settings import Settings


def complaint(kind: Any, told: dict[str, Any]) -> tuple[str, str | None]:
    with pytest.raises(msgspec.ValidationError) as wrong:
        msgspec.convert(told, kind, strict=False)
    return explained(wrong.value, "", kind)


@pytest.mark.parametrize(
    ("tag", "told", "field", "said"),
    [
        (
            "measurement.recorded",
            {"measure": "M-1", "period": "31/01/2024"},
            "period",
            "2022-05-20, 2022-05 or 2022",
        ),
        ("measurement.recorded", {"measure": "M 1", "period": "2024"}, "measure", "an id of 1 to 64 letters"),
        ("person.joined", {"person": "Ann", "role": "lead"}, "person", "such as `person/"),
        ("idea.raised", {"title": "two\nlines"}, "title", "one line of text"),
        ("idea.raised", {"title": "x", "areas": ["A b"]}, "areas[0]", "small letters"),
        ("story.shared", {"title": "x", "address": "there"}, "address", "a web address"),
    ],
)
def test_an_integrator_is_told_the_form_of_a_field_in_words(
    tag: str, told: dict[str, Any], field: str, said: str
) -> None:
    detail, named = complaint(vocabulary()[tag], told)
    assert detail.startswith("Expected ")
    assert said in detail
    assert named == field


def test_choices_are_named_and_a_field_that_is_nearly_right_is_guessed() -> None:
    kinds = vocabulary()
    assert complaint(kinds["idea.merged"], {"into": "ID-1", "answr": "x"}) == (
        "Object contains unknown field `answr`; is `answer` meant?",
        "answr",
    )
    assert complaint(kinds["cycle.acted"], {"cycle": "C-1", "decision": "adapted"}) == (
        "Invalid enum value 'adapted'; it may be abandon, adapt, adopt.",
        "decision",
    )
    detail, field = complaint(
        kinds["improvement.reported"], {"what_changed": "x", "level": "team", "matters_to": ["staff", "us"]}
    )
    assert (detail, field) == (
        "Invalid enum value 'us'; it may be carers, partners, service_users, staff.",
        "matters_to[1]",
    )


def test_bounds_and_choices_of_a_parameter_are_said_in_words() -> None:
    assert complaint(Reading, {"limit": "5000"}) == ("Expected a whole number, 1000 at most.", "limit")
    assert complaint(Reading, {"limit": "0"}) == ("Expected a whole number, 1 at least.", "limit")
    assert (
        complaint(Reading, {"format": "xlsx"})[0] == "Invalid enum value 'xlsx'; it may be csv, html, json."
    )
    detail, _ = complaint(found()["projects"].questions["some"].asks, {"state": "activ"})
    assert "active, active_or_completed, " in detail


def patterns_in(schema: Any) -> Iterator[str]:
    """Every pattern anywhere in a schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for inner in schema.values():
            yield from patterns_in(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from patterns_in(inner)


def test_no_pattern_at_any_door_lets_a_line_break_follow() -> None:
    said = [handler.opt["door"] for handler in DOORS]
    asked = [door.query for door in said] + [door.body for door in said if door.body is not None]
    asked += [question.asks for one in found().values() for question in one.questions.values()]
    _, parts = msgspec.json.schema_components(
        [*asked, Settings, CloudEvent], schema_hook=lambda _: {"type": "string"}
    )
    patterns = set(patterns_in(parts))
    assert len(patterns) > 15
    assert [pattern for pattern in patterns if pattern.endswith("$")] == []


def test_whoever_asks_of_a_moment_is_told_how_to_write_it() -> None:
    assert complaint(When, {"as_at": "31/12/2024"}) == (
        "Expected a day, month, year or instant, such as 2022-05-20, 2022-05, 2022 or 2022-05-20T09:30:00Z.",
        "as_at",
    )


@pytest.mark.parametrize("tag", sorted(vocabulary()))
def test_every_pattern_of_every_event_is_described(tag: str) -> None:
    _, parts = msgspec.json.schema_components([vocabulary()[tag]])
    assert not list(undescribed(parts))


def undescribed(part: Any) -> Any:
    if isinstance(part, dict):
        if isinstance(part.get("pattern"), str) and not part.get("description"):
            yield part
        for inner in part.values():
            yield from undescribed(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from undescribed(inner)
