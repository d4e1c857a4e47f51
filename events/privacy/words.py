"""A person's words: which fields of an event hold them, whose they are, and how they stand in a record.

A field of type `PersonalText` is encrypted at the door, before the record is hashed. In the record it reads
`sealed.1.<reference>.<ciphertext>`, so a fold, an export or a webhook sees that somebody said something, and no word of
it. The place of the words (organisation, source, id, field) is bound in: they cannot be moved to another event.
"""

import base64
import binascii
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect as shapes

from events.corrections import EventCorrected
from events.fields import SEALED
from events.log.record import Submission
from events.privacy.person_key import PersonKey, Unreadable, bound
from events.vocabulary import Event, canonical_body, tag_of, vocabulary

PADDED_TO = 32  # bytes, so that a length does not give a short word away
ERASED = "erased"  # in place of the ciphertext of words that were told after the person was erased
GONE = "[erased]"  # in place of words that nobody can read any more

_SEALED = re.compile(r"sealed\.1\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,60000})")
_PERSON = re.compile(r"person/[A-Za-z0-9_-]{1,64}")


class Sealed(msgspec.Struct, frozen=True):
    """Words as they stand in a record: whose, where, and their ciphertext; None if there never was one."""

    person: str
    field: str
    ciphertext: bytes | None


@cache
def personal_fields(type_: str) -> frozenset[str]:
    """The fields of an event type that hold a person's words; none for most types."""
    kind = vocabulary().get(type_)
    if kind is None or not kind.words_of:
        return frozenset()
    shape = shapes.type_info(kind)
    assert isinstance(shape, shapes.StructType)
    return frozenset(field.name for field in shape.fields if _is_personal(field.type))


def _is_personal(shape: shapes.Type) -> bool:
    if isinstance(shape, shapes.Metadata):
        return bool((shape.extra_json_schema or {}).get("x-personal")) or _is_personal(shape.type)
    return isinstance(shape, shapes.UnionType) and any(map(_is_personal, shape.types))


@cache
def all_personal_fields() -> frozenset[str]:
    """The names of all such fields: a correction of one of these may hold somebody's words."""
    return frozenset(name for type_ in vocabulary() for name in personal_fields(type_))


def may_hold_words(type_: str) -> bool:
    """Whether an event of this type can hold a person's words at all. Most cannot, and cost nothing."""
    return type_ == tag_of(EventCorrected) or bool(personal_fields(type_))


def whose(event: Event, stream: str, actor: str) -> str | None:
    """Whose words an event holds: named by a field, by its stream, or as who told it. None if nobody is named."""
    named = {"stream": stream, "actor": actor}.get(event.words_of) or getattr(event, event.words_of, None)
    return named if isinstance(named, str) and _PERSON.fullmatch(named) else None


def words_in(event: Event, fields: frozenset[str]) -> dict[str, str]:
    """The words an event holds in clear, by field; those of a correction by their place in it."""
    if isinstance(event, EventCorrected):
        told = {f"fields.{name}": event.fields.get(name) for name in fields}
    else:
        told = {name: getattr(event, name) for name in fields}
    return {place: words for place, words in sorted(told.items()) if isinstance(words, str)}


def with_words(event: Event, words: Mapping[str, str]) -> Event:
    """The event with other words at these places."""
    if isinstance(event, EventCorrected):
        mended = dict(event.fields) | {place.removeprefix("fields."): said for place, said in words.items()}
        return msgspec.structs.replace(event, fields=mended)
    return msgspec.structs.replace(event, **words)


def is_sealed(words: str) -> bool:
    """Whether this is no word but what stands in a record in its place."""
    return words.startswith(SEALED)


def seal(
    submission: Submission,
    event: Event,
    organisation: str,
    person: str,
    key: PersonKey | None,
    fields: frozenset[str],
) -> Submission:
    """The submission with its words encrypted; without them if the person was erased (no key)."""
    sealed = {
        field: f"{SEALED}1.{person.removeprefix('person/')}.{_ciphertext(submission, organisation, key, field, words)}"
        for field, words in words_in(event, fields).items()
    }
    return msgspec.structs.replace(submission, body=canonical_body(with_words(event, sealed)).decode())


def _ciphertext(
    submission: Submission, organisation: str, key: PersonKey | None, field: str, words: str
) -> str:
    if key is None:
        return ERASED
    place = place_of(organisation, submission.source, submission.id, field)
    return base64.urlsafe_b64encode(key.seal_words(_padded(words.encode()), place)).decode().rstrip("=")


def place_of(organisation: str, source: str, id_: str, field: str) -> bytes:
    """Where words stand, whatever position the record gets."""
    return bound(b"qiledger words 1", *map(str.encode, (organisation, source, id_, field)))


def sealed_in(body: str) -> list[Sealed]:
    """What stands sealed in the body of a record."""
    return list(_sealed(msgspec.json.decode(body))) if SEALED in body else []


def _sealed(told: dict[str, Any]) -> Iterator[Sealed]:
    """Sealed words stand in a field of the event, or in one that a correction mends."""
    mended = told.get("fields")
    places = {f"fields.{name}": value for name, value in mended.items()} if isinstance(mended, dict) else {}
    for place, value in (told | places).items():
        if isinstance(value, str) and (found := _SEALED.fullmatch(value)):
            yield Sealed(f"person/{found[1]}", place, None if found[2] == ERASED else _bytes(found[2]))


def opened(
    body: str, organisation: str, source: str, id_: str, key_of: Callable[[str], PersonKey | None]
) -> str:
    """The body with its words in clear; GONE in place of those that nobody can read any more."""
    if SEALED not in body:
        return body
    value = msgspec.json.decode(body)
    for words in list(_sealed(value)):
        within, _, name = words.field.rpartition(".")
        told = value[within] if within else value
        with contextlib.suppress(Unreadable):  # somebody wrote what looks like it: it is shown as it stands
            told[name] = _words(words, organisation, source, id_, key_of(words.person))
    return msgspec.json.encode(value).decode()


def _words(sealed: Sealed, organisation: str, source: str, id_: str, key: PersonKey | None) -> str:
    if key is None or sealed.ciphertext is None:
        return GONE
    place = place_of(organisation, source, id_, sealed.field)
    return _unpadded(key.open_words(sealed.ciphertext, place)).decode()


def _bytes(text: str) -> bytes:
    """The ciphertext in a text; none in one that is no base64."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def _padded(words: bytes) -> bytes:
    """A byte 0x80, then zeros up to the next multiple (ISO/IEC 7816-4)."""
    ended = words + b"\x80"
    return ended + b"\x00" * (-len(ended) % PADDED_TO)


def _unpadded(padded: bytes) -> bytes:
    return padded.rstrip(b"\x00").removesuffix(b"\x80")
