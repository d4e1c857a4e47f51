"""What holds for every event type, found by itself: a new type is tested before its author writes a test."""

import json
import re
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from events.catalogue import as_markdown, catalogue, entry
from events.corrections import Revision
from events.streams import kinds
from events.vocabulary import (
    ANY_STREAM,
    Event,
    canonical_body,
    example_of,
    read_body,
    tag_of,
    vocabulary,
)
from tests.effort import examples
from tests.events.golden_bytes import GOLDEN, HOW_TO_ADD, golden_of
from tests.events.tellings import tellings

TYPES = list(vocabulary().values())
every_type = pytest.mark.parametrize("kind", TYPES, ids=tag_of)
every_golden = pytest.mark.parametrize("tag", sorted(path.stem for path in GOLDEN.glob("*.json")))
some = settings(max_examples=examples(8), deadline=None, suppress_health_check=list(HealthCheck))


@cache
def validator(kind: type[Event]) -> Draft202012Validator:
    return Draft202012Validator(entry(tag_of(kind)).schema)


# How a type is written


@every_type
def test_a_type_is_named_by_what_happened_to_what(kind: type[Event]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*(\.[1-9][0-9]*)?", tag_of(kind))


@every_type
def test_a_type_says_what_happened(kind: type[Event]) -> None:
    assert "__doc__" in vars(kind), "the docstring must be the type's own"
    assert entry(tag_of(kind)).says.endswith(".")


@every_type
def test_a_type_happens_to_a_known_kind_of_stream(kind: type[Event]) -> None:
    assert kind.stream == ANY_STREAM or kind.stream in kinds()


@every_type
def test_every_field_says_what_it_means_and_what_it_may_be(kind: type[Event]) -> None:
    for field in entry(tag_of(kind)).fields:
        assert field.says, f"{field.name} has no comment at the end of its line"
        assert field.kind != "anything", f"{field.name} may be anything"


@every_type
def test_no_field_takes_a_word_of_the_envelope(kind: type[Event]) -> None:
    taken = {"type", "subject", "source", "time", "id", "stream"}
    taken |= set() if issubclass(kind, Revision) else {"of", "of_source"}
    assert taken.isdisjoint(kind.__struct_fields__)


@every_type
def test_fields_are_given_by_name(kind: type[Event]) -> None:
    with pytest.raises(TypeError, match=r"positional"):
        kind(*range(len(kind.__struct_fields__)))


@every_type
def test_everything_that_can_be_told_is_bounded(kind: type[Event]) -> None:
    def unbounded(schema: Any, path: str) -> list[str]:
        if not isinstance(schema, dict):
            return []
        free = schema.get("type") == "string" and not {"maxLength", "pattern"} & set(schema)
        free |= schema.get("type") == "array" and "maxItems" not in schema
        free |= schema.get("type") in ("number", "integer") and not {"minimum", "maximum"} <= set(schema)
        inner = [(key, part) for key, part in schema.items() if key != "default"]
        inner += [
            (f"{key}.{n}", part)
            for key, parts in inner
            if isinstance(parts, list)
            for n, part in enumerate(parts)
        ]
        return [path] * free + [found for key, part in inner for found in unbounded(part, f"{path}.{key}")]

    assert unbounded(entry(tag_of(kind)).schema, tag_of(kind)) == []


def test_no_two_types_have_one_name_and_no_name_hides_another() -> None:
    names = [tag_of(kind) for kind in TYPES]
    assert len({name.casefold().replace("_", "") for name in names}) == len(names)


# What is published of it


@every_type
def test_the_example_is_what_the_published_schema_allows(kind: type[Event]) -> None:
    Draft202012Validator.check_schema(entry(tag_of(kind)).schema)
    validator(kind).validate(entry(tag_of(kind)).example)


@every_type
def test_the_published_schema_refuses_a_field_that_the_type_does_not_have(kind: type[Event]) -> None:
    example = entry(tag_of(kind)).example
    assert not validator(kind).is_valid(example | {"surprise": 1})
    with pytest.raises(msgspec.ValidationError, match="surprise"):
        read_body(tag_of(kind), json.dumps(example | {"surprise": 1}))


@every_type
def test_the_published_schema_asks_for_what_the_type_asks_for(kind: type[Event]) -> None:
    example = entry(tag_of(kind)).example
    for field in entry(tag_of(kind)).fields:
        if field.required:
            less = {name: value for name, value in example.items() if name != field.name}
            assert not validator(kind).is_valid(less)
            with pytest.raises(msgspec.ValidationError, match=field.name):
                read_body(tag_of(kind), json.dumps(less))


def test_the_published_page_is_what_the_code_says() -> None:
    page = GOLDEN.parents[2] / "docs" / "events.md"
    assert page.read_text("utf-8") == as_markdown(), "run `python -m events.catalogue > docs/events.md`"


def test_the_catalogue_holds_every_type_once() -> None:
    assert [one.type for one in catalogue()] == list(vocabulary())


# What is kept of it


@every_type
@some
@given(data=st.data())
def test_what_is_told_is_kept_and_read_without_loss(kind: type[Event], data: st.DataObject) -> None:
    told = data.draw(tellings(kind))
    kept = canonical_body(told)
    assert read_body(tag_of(kind), kept) == told
    assert canonical_body(read_body(tag_of(kind), kept)) == kept
    validator(kind).validate(json.loads(kept))


@every_type
@some
@given(data=st.data())
def test_the_same_telling_written_otherwise_is_kept_as_the_same_bytes(
    kind: type[Event], data: st.DataObject
) -> None:
    told = data.draw(tellings(kind))
    defaults = {field.encode_name: field.default for field in msgspec.structs.fields(kind)}
    whole = {name: value for name, value in defaults.items() if value is not msgspec.NODEFAULT}
    whole |= json.loads(canonical_body(told))
    otherwise = dict(reversed(whole.items()))
    assert canonical_body(read_body(tag_of(kind), json.dumps(otherwise, indent=1))) == canonical_body(told)


@every_type
def test_a_type_has_golden_bytes(kind: type[Event]) -> None:
    assert golden_of(tag_of(kind)).exists(), f"{tag_of(kind)} has no golden bytes: {HOW_TO_ADD}"


@every_golden
def test_what_was_kept_long_ago_is_still_read(tag: str) -> None:
    kept = golden_of(tag).read_bytes().removesuffix(b"\n")
    event = read_body(tag, kept)
    assert canonical_body(event) == kept, "the order of fields, or a default, has changed"
    assert isinstance(event.upcast(), Event)


@every_type
def test_an_event_of_today_is_its_own_upcast_or_another_type(kind: type[Event]) -> None:
    today = example_of(kind).upcast()
    assert today.upcast() is today
