"""CloudEvents 1.0 as they come over HTTP: structured, binary and batch (CloudEvents HTTP binding 1.0.2, JSON format).

Our own reader, because the official one invents a missing `id` (so that a retry becomes a second event), knows no
batches, and lets through what two parsers read differently. What is unclear is refused, and the refusal names the
attribute.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import Meta

from events.fields import END
from services.api.forms import in_words
from services.api.json_text import check_depth, check_utf8, checked, decoded, has_each_key_once
from services.api.problems import Problem, kinds

EVENT_BYTES_MAX = 65_536
BATCH_BYTES_MAX = 1_048_576
BATCH_EVENTS_MAX = 1_000

_URI = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]"
Attribute = Annotated[str, Meta(min_length=1, max_length=256)]


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A CloudEvent as told: its attributes have their form, its data have not been looked at."""

    specversion: Literal["1.0"]
    id: Attribute
    source: Annotated[
        str,
        Meta(min_length=1, max_length=256, pattern=rf"^{_URI}*(%[0-9A-Fa-f]{{2}}{_URI}*)*{END}"),
    ]
    type: Annotated[str, Meta(min_length=1, max_length=128)]
    subject: Annotated[str, Meta(min_length=1, max_length=128)]
    time: Annotated[str, Meta(min_length=1, max_length=64)]
    datacontenttype: Annotated[str, Meta(max_length=128)] | None = None
    dataschema: (
        Annotated[str, Meta(max_length=2_048, pattern=r"^[A-Za-z][A-Za-z0-9+.\-]*:[^\s\"<>\\^`{|}]+" + END)]
        | None
    ) = None
    data: msgspec.Raw = msgspec.field(default_factory=partial(msgspec.Raw, b"{}"))
    data_base64: str | None = None
    precision: Literal["day", "month", "year"] | None = None
    actor: Annotated[str, Meta(max_length=128)] | None = None
    expectedversion: int | str | None = None


Reading = CloudEvent | Problem

LIKENESS_MIN = 0.75  # presicion is a slip of the pen; traceparent and its like are other people's
OURS = ("precision", "actor", "expectedversion")
_KNOWN = frozenset(CloudEvent.__struct_fields__)
_EXTENSION = re.compile(r"[a-z0-9]{1,64}")
_ADDRESS = re.compile(r" - at `\$?(.*?)`$")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")

_envelope = msgspec.json.Decoder(CloudEvent)
_batch = msgspec.json.Decoder(list[msgspec.Raw])
_anything = msgspec.json.Decoder()


def read_structured(body: bytes) -> Reading:
    """The event in a body of `application/cloudevents+json`, or what is wrong with it."""
    try:
        return _event(body, checked(body))
    except Problem as problem:
        return problem


def read_batch(body: bytes) -> list[Reading]:
    """The events in a body of `application/cloudevents-batch+json`, each as it is or what is wrong with it.

    Raises Problem for a body that is no list of at most 1,000.
    """
    check_utf8(body)
    if not body.lstrip(b" \t\r\n").startswith(b"["):
        raise Problem(kinds.MALFORMED_JSON, "A batch is a JSON list.")
    raws = decoded(_batch, body)
    if len(raws) > BATCH_EVENTS_MAX:
        raise Problem(kinds.TOO_LARGE, f"The batch has {len(raws)} events; {BATCH_EVENTS_MAX} are allowed.")
    members = _members_of_all(body)
    if members is None:
        return [_reading(bytes(raw)) for raw in raws]
    return [_reading(bytes(raw), had) for raw, had in zip(raws, members, strict=True)]


def _members_of_all(body: bytes) -> list[Any] | None:
    """The members of each event, read at once for all; None if a key is given twice, or one cannot be read so."""
    try:
        members: list[Any] = _anything.decode(body)
        return members if has_each_key_once(body, members) else None
    except (RecursionError, ValueError):
        return None


def _reading(raw: bytes, members: Any = None) -> Reading:
    """One event of a batch. Its members come along if no key is given twice; else they are read here, and checked."""
    if len(raw) > EVENT_BYTES_MAX:
        return Problem(kinds.TOO_LARGE, f"The event has {len(raw)} bytes; {EVENT_BYTES_MAX} are allowed.")
    try:
        if members is None:
            return _event(raw, checked(raw))
        check_depth(raw)
        return _event(raw, members)
    except Problem as problem:
        return problem


def read_binary(headers: Iterable[tuple[bytes, bytes]], content_type: str | None, body: bytes) -> Reading:
    """The event whose attributes are `ce-` headers and whose data are the body, or what is wrong with it."""
    try:
        attributes = _attributes(headers)
        attributes["datacontenttype"] = content_type
        if body:
            checked(body, "data")
            attributes["data"] = msgspec.Raw(body)
        _check_extensions(attributes)
        return _convert(partial(msgspec.convert, attributes, CloudEvent))
    except Problem as problem:
        return problem


def _attributes(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, Any]:
    """The attributes in `ce-` headers, percent-decoded (HTTP binding, 3.1.3.2)."""
    attributes: dict[str, Any] = {}
    for header, value in headers:
        if header[:3] != b"ce-":
            continue
        name = header[3:].decode("latin-1")
        if name in attributes:
            raise Problem(kinds.MALFORMED_HEADER, "The header is there twice.", field=f"ce-{name}")
        if name in ("data", "data_base64", "datacontenttype"):
            raise Problem(
                kinds.MALFORMED_HEADER, "This is not said in a header of its own.", field=f"ce-{name}"
            )
        try:
            attributes[name] = unquote_to_bytes(value).decode()
        except UnicodeDecodeError:
            raise Problem(kinds.MALFORMED_HEADER, "The value is not UTF-8.", field=f"ce-{name}") from None
    return attributes


def _event(body: bytes, members: Any) -> CloudEvent:
    """The event in one JSON text that says `members`. Raises Problem."""
    if not isinstance(members, dict):
        raise Problem(kinds.MALFORMED_EVENT, "An event is a JSON object.")
    _check_extensions(members)
    event = _convert(partial(_envelope.decode, body))
    return event if event.data_base64 is None else _with_data(event, members)


def _with_data(event: CloudEvent, members: Mapping[str, Any]) -> CloudEvent:
    """The same event with its data out of `data_base64`, which are held to the same rules."""
    if "data" in members:
        raise Problem(kinds.MALFORMED_EVENT, "Give data or data_base64, not both.", field="data_base64")
    try:
        data = base64.b64decode(event.data_base64 or "", validate=True)
    except (binascii.Error, ValueError):
        raise Problem(kinds.MALFORMED_EVENT, "This is not base64.", field="data_base64") from None
    checked(data, "data_base64")
    return msgspec.structs.replace(event, data=msgspec.Raw(data), data_base64=None)


def _convert(read: Callable[[], CloudEvent]) -> CloudEvent:
    try:
        return read()
    except msgspec.ValidationError as wrong:
        detail, field = explained(wrong)
        raise Problem(kinds.MALFORMED_EVENT, detail, field=field) from None


def explained(wrong: msgspec.ValidationError, within: str = "", kind: Any = None) -> tuple[str, str | None]:
    """What msgspec says is wrong, and the field it says it of: `("Expected `str`, got `int`", "data.cycle")`.

    What a value should look like is said in words, as the types of events, and `kind` that was expected, describe it.
    """
    message = str(wrong)
    place = _ADDRESS.search(message)
    path = f"{within}{place[1]}" if place else within
    named = _MISSING.search(message) or _UNKNOWN.search(message)
    if named:
        path = f"{path}.{named[1]}"
    detail = in_words(_ADDRESS.sub("", message), kind, place[1] if place else "")
    return detail if detail.endswith("?") else f"{detail}.", path.lstrip(".") or None


def _check_extensions(members: Mapping[str, Any]) -> None:
    """Extensions that we do not know are none of our business, but have their form; a slip of the pen is refused."""
    if members.keys() <= _KNOWN:
        return
    for name in members.keys() - _KNOWN:
        if not _EXTENSION.fullmatch(name):
            detail = "An attribute's name has lower-case letters and digits only."
            raise Problem(kinds.MALFORMED_EVENT, detail, field=name if name.isprintable() else None)
        if not isinstance(members[name], str | int | bool | None):
            detail = "An extension attribute is a text, a whole number or a truth value."
            raise Problem(kinds.MALFORMED_EVENT, detail, field=name)
        if meant := get_close_matches(name, OURS, n=1, cutoff=LIKENESS_MIN):
            raise Problem(kinds.MALFORMED_EVENT, f"Is {meant[0]} meant?", field=name)
