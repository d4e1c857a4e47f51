"""Reading CloudEvents: against the specification's own examples, and against a slow reader that cannot be wrong."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.cloudevents import CloudEvent, read_batch, read_binary, read_structured
from services.api.json_text import DEPTH_MAX
from services.api.nhs_numbers import holds_nhs_number
from services.api.problems import Problem

# CloudEvents 1.0.2: JSON format 3.2 and 4.2, HTTP binding 3.1.4; subjects added where an example has none.
STRUCTURED = """{
    "specversion" : "1.0", "type" : "com.example.someevent", "source" : "/mycontext", "subject": "larger-context",
    "id" : "C234-1234-1234", "time" : "2018-04-05T17:31:00Z", "comexampleextension1" : "value",
    "comexampleothervalue" : 5, "unsetextension": null, "datacontenttype" : "application/json",
    "data" : { "appinfoA" : "abc", "appinfoB" : 123, "appinfoC" : true } }"""
BINARY = [
    (b"ce-specversion", b"1.0"), (b"ce-type", b"com.example.someevent"), (b"ce-time", b"2018-04-05T03:56:24Z"),
    (b"ce-id", b"1234-1234-1234"), (b"ce-source", b"/mycontext/subcontext"), (b"ce-subject", b"larger%20context"),
    (b"content-type", b"application/json; charset=utf-8"), (b"host", b"webhook.example.com"),
]  # fmt: skip


def read(reading: CloudEvent | Problem) -> CloudEvent:
    assert isinstance(reading, CloudEvent), reading.document()
    return reading


def test_the_specification_s_structured_example_is_read() -> None:
    event = read(read_structured(STRUCTURED.encode()))
    assert (event.id, event.source, event.type) == ("C234-1234-1234", "/mycontext", "com.example.someevent")
    assert msgspec.json.decode(event.data) == {"appinfoA": "abc", "appinfoB": 123, "appinfoC": True}


def test_the_specification_s_binary_example_is_read() -> None:
    event = read(read_binary(BINARY, "application/json; charset=utf-8", b'{"a": 1}'))
    assert (event.id, event.subject, event.data) == (
        "1234-1234-1234",
        "larger context",
        msgspec.Raw(b'{"a": 1}'),
    )


def test_the_specification_s_empty_batch_is_read() -> None:
    assert read_batch(b"[]") == []
    assert len(read_batch(f" [{STRUCTURED},{STRUCTURED}]\n".encode())) == 2


@pytest.mark.parametrize(
    "fault",
    [
        STRUCTURED.replace('"data" : {', '"data" : { "appinfoA": 1, '),
        STRUCTURED.replace(": 123", ": " + "[" * 90 + "]" * 90),
        STRUCTURED.replace(": 123", ": 1e999"),
        STRUCTURED.replace('"/mycontext"', '"/mycontext\\n"'),
        STRUCTURED.replace("1.0", "0.3"),
        "null",
        "[]",
    ],
    ids=["key twice", "too deep", "a number beyond all bounds", "line break", "version", "null", "list"],
)
def test_what_is_wrong_with_one_event_of_a_batch_is_said_of_that_one(fault: str) -> None:
    """As it would be said of it alone, whether or not the batch could be read at once."""
    before, wrong, after = read_batch(f"[{STRUCTURED},{fault},{STRUCTURED}]".encode())
    alone = read_structured(fault.encode())
    assert isinstance(wrong, Problem)
    assert isinstance(alone, Problem)
    assert wrong.document() == alone.document()
    assert read(before) == read(after) == read(read_structured(STRUCTURED.encode()))


TEXTS = st.text(alphabet='ab"\\{}[]:, \u00e9\n/u0022', max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(TEXTS, inner), max_size=4).map(tuple),
    max_leaves=12,
)


def as_json(value: Any) -> str:
    """A tuple of pairs is an object that may have a key twice."""
    if isinstance(value, tuple):
        return "{" + ",".join(f"{json.dumps(key)}:{as_json(inner)}" for key, inner in value) + "}"
    if isinstance(value, list):
        return "[" + " , ".join(map(as_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def has_a_key_twice(value: Any) -> bool:
    if isinstance(value, tuple):
        keys = [key for key, _ in value]
        return len(set(keys)) < len(keys) or any(has_a_key_twice(inner) for _, inner in value)
    return isinstance(value, list) and any(has_a_key_twice(inner) for inner in value)


@given(value=VALUES)
def test_a_key_given_twice_is_found_wherever_it_stands_and_however_it_is_written(value: Any) -> None:
    body = STRUCTURED.replace('"data" : {', f'"data" : {{ "any": {as_json(value)}, ').encode()
    reading = read_structured(body)
    found = isinstance(reading, Problem) and reading.kind.slug == "duplicate-key"
    assert found is has_a_key_twice(value)


@pytest.mark.parametrize(
    ("depth", "deep"), [(DEPTH_MAX - 2, False), (DEPTH_MAX - 1, True), (900, True), (100_000, True)]
)
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_is_counted_exactly(depth: int, *, deep: bool, opening: str, closing: str) -> None:
    nested = opening * depth + "0" + closing * depth  # within the event and its data, which are two more
    body = STRUCTURED.replace('"data" : {', f'"data" : {{ "brackets": "[[[{{{{", "any": {nested}, ').encode()
    reading = read_structured(body)
    assert (isinstance(reading, Problem) and reading.kind.slug == "too-deep") is deep


def test_many_brackets_side_by_side_are_not_deep() -> None:
    flat = ",".join(["[]"] * 500)
    assert isinstance(read_structured(STRUCTURED.replace(": 123,", f": [{flat}],").encode()), CloudEvent)


def modulus_11(nine: str) -> str | None:
    """The check digit, by the NHS Data Dictionary's steps."""
    remainder = sum(int(digit) * (10 - place) for place, digit in enumerate(nine)) % 11
    check = 11 - remainder
    return {11: "0", 10: None}.get(check, str(check))


@given(nine=st.text("0123456789", min_size=9, max_size=9), last=st.sampled_from("0123456789"))
def test_a_number_is_taken_for_an_nhs_number_if_its_check_digit_is_right(nine: str, last: str) -> None:
    right = modulus_11(nine) == last
    number = nine + last
    for written in (
        number, f"NHS {number}.", f"x{number}y", f"{number[:3]} {number[3:6]} {number[6:]}",
        f"{number[:3]}-{number[3:6]}-{number[6:]}", f'"{number}"', f"({number})",
    ):  # fmt: skip
        assert holds_nhs_number(written) is right, written


@given(nine=st.text("0123456789", min_size=9, max_size=9))
def test_part_of_something_longer_is_no_nhs_number(nine: str) -> None:
    number = nine + (modulus_11(nine) or "0")
    uuid = f"0b8f0c4e-7d1a-4c1e-9b5e-ab{number}"
    for written in (
        f"1{number}",
        f"{number}1",
        f"0.{number}",
        f"{number}.5",
        uuid,
        f"{number}abcdef",
        f"12345{number}",
    ):
        assert not holds_nhs_number(written), written


@pytest.mark.parametrize(
    "written",
    [
        "943 476-5919",
        "943.476.5919",
        "943  476  5919",
        "９４３４７６５９１９",
        "٩٤٣٤٧٦٥٩١٩",
        "943\u200b476\u200b5919",
        "ref9434765919",
        "A9434765919",
        "the number 943 476 5919, she said",
        "943\u00a0476\u00a05919",
    ],
)
def test_an_nhs_number_is_found_however_it_is_written(written: str) -> None:
    assert holds_nhs_number(written)


def test_a_unix_time_may_be_an_id_and_no_word() -> None:
    unix_time = next(str(n) for n in range(1_700_000_000, 1_700_000_100) if holds_nhs_number(str(n)))
    assert not holds_nhs_number(f"e-{unix_time}", identifier=True)
    assert holds_nhs_number("e-9434765919", identifier=True)
    assert holds_nhs_number(f"{unix_time[:3]} {unix_time[3:6]} {unix_time[6:]}", identifier=True)
