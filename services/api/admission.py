"""From a CloudEvent to a submission: what an event must be so that it may be kept.

Refused is what is wrong by identity, schema, time, privacy or size. An odd method or an odd order is a fact like any
other: it is kept, and shown to its sender as a question of data quality.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from events.corrections import EventCorrected
from events.log.keys import Key
from events.log.record import PreciseTo, Submission
from events.privacy.words import all_personal_fields, is_sealed, personal_fields, words_in
from events.streams import OperationsEvent
from events.vocabulary import ANY_STREAM, Event, UnknownType, canonical_body, read_body, vocabulary
from services.api.cloudevents import CloudEvent, explained
from services.api.nhs_numbers import holds_nhs_number
from services.api.problems import Problem, kinds

RECORD_BYTES_MAX = 65_535  # of the canonical record, so that it fits an entry of a C2SP tile (16-bit length)
UTF8_BYTES_MAX = 4  # of a character; a quote or backslash, which is escaped, has two
FRAME_BYTES = 320  # of a canonical record beside its texts: member names, two long integers, two instants
AHEAD_MAX = timedelta(hours=24)
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
VERSION_MAX = 2**53

_SUBJECT = re.compile(r"([a-z][a-z0-9_-]{0,31})/([A-Za-z0-9][A-Za-z0-9._~-]{0,63})")
_PERSON = re.compile(r"person/[A-Za-z0-9_-]{1,64}")
_JSON = re.compile(r'application/([a-z0-9.-]+\+)?json(; *charset="?utf-?8"?)?', re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,16}")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]")

Aware = Annotated[datetime, Meta(tz=True)]


def admit(event: CloudEvent, key: Key, now: datetime, *, expected: int | None = None) -> Submission:
    """The event as it goes to the log. Raises Problem, naming the field. `expected` is a version from a header."""
    _check_identity(event, key)
    if event.datacontenttype is not None and not _JSON.fullmatch(event.datacontenttype):
        raise Problem(kinds.WRONG_MEDIA_TYPE, "Data are JSON in UTF-8.", field="datacontenttype")
    told = _told(event)
    _check_stream(event, type(told))
    precise_to, occurred_at = _occurred(event, now)
    body = canonical_body(told).decode()
    submission = Submission(
        stream=event.subject,
        source=event.source,
        id=event.id,
        type=event.type,
        occurred_at=occurred_at,
        precise_to=precise_to,
        actor=_actor(event, key),
        body=body,
        expected=_expected(event, expected),
    )
    _check_texts(submission, told)
    _check_words(submission.type, told)
    return submission


def _check_identity(event: CloudEvent, key: Key) -> None:
    """Who tells, and under which name."""
    if not event.id.isprintable() or event.id != event.id.strip():
        raise Problem(kinds.MALFORMED_EVENT, "An id is printable and has no blanks around it.", field="id")
    if not key.may_tell_for(event.source):
        raise Problem(
            kinds.FOREIGN_SOURCE, f"{key.client} may tell for: {', '.join(key.sources)}.", field="source"
        )
    if not key.may_tell(event.type):
        raise Problem(kinds.MISSING_SCOPE, field="type", scope="events:write")


def _told(event: CloudEvent) -> Event:
    """The data as the typed event they claim to be."""
    try:
        return read_body(event.type, event.data)
    except UnknownType as unknown:
        raise Problem(kinds.UNKNOWN_TYPE, field="type", near=unknown.near) from None
    except msgspec.ValidationError as wrong:
        detail, field = explained(wrong, "data", vocabulary().get(event.type))
        if _CONTROL.search(bytes(event.data).decode().replace("\\\\", "")):
            raise Problem(kinds.CONTROL_CHARACTER, field=field) from None
        raise Problem(kinds.WRONG_DATA, detail, field=field, schema=f"/v1/schemas/{event.type}") from None
    except (RecursionError, ValueError, OverflowError):
        raise Problem(kinds.WRONG_DATA, field="data") from None


@cache
def stream_kinds() -> frozenset[str]:
    """Every kind of stream that some event type happens to."""
    return frozenset(kind.stream for kind in vocabulary().values()) - {ANY_STREAM, OperationsEvent.stream}


def _check_stream(event: CloudEvent, kind: type[Event]) -> None:
    found = _SUBJECT.fullmatch(event.subject)
    if found is None:
        detail = "A subject is the stream: a kind, a slash, and up to 64 of letters, digits and . _ ~ -"
        raise Problem(kinds.MALFORMED_EVENT, detail, field="subject")
    if issubclass(kind, OperationsEvent):
        raise Problem(kinds.WRONG_STREAM, "The ledger itself tells this, and nobody else.", field="type")
    if kind.stream == ANY_STREAM:
        if found[1] not in stream_kinds():
            raise Problem(kinds.WRONG_STREAM, field="subject", expected=sorted(stream_kinds()))
    elif found[1] != kind.stream:
        detail = f"{event.type} is told of {kind.stream}/…, so its subject begins with {kind.stream}/"
        raise Problem(kinds.WRONG_STREAM, detail, field="subject", expected=[kind.stream])


def _occurred(event: CloudEvent, now: datetime) -> tuple[PreciseTo, datetime]:
    """When it happened. Of a day, month or year the date as written counts, whatever the offset behind it."""
    try:
        moment = msgspec.convert(event.time, Aware).astimezone(UTC)
        written = _DATE.match(event.time)
        if written is None:
            raise ValueError(event.time)
    except (msgspec.ValidationError, ValueError, OverflowError):
        detail = "A time is a timestamp of RFC 3339 with its offset, such as 2022-05-20T09:30:00Z."
        raise Problem(kinds.MALFORMED_EVENT, detail, field="time") from None
    precise_to: PreciseTo = event.precision or "instant"
    if precise_to != "instant":
        year, month, day = (int(part) for part in written.groups())
        moment = datetime(
            year, month if precise_to != "year" else 1, day if precise_to == "day" else 1, tzinfo=UTC
        )
    if moment < EARLIEST or moment > now + AHEAD_MAX:
        raise Problem(kinds.OUT_OF_TIME, field="time")
    return precise_to, moment


def _actor(event: CloudEvent, key: Key) -> str:
    if event.actor is None:
        return f"client/{key.client}"
    if not _PERSON.fullmatch(event.actor):
        detail = (
            "An actor is an opaque reference to a person: person/ and up to 64 of letters, digits, _ and -"
        )
        raise Problem(kinds.MALFORMED_EVENT, detail, field="actor")
    return event.actor


def _expected(event: CloudEvent, from_header: int | None) -> int | None:
    """The version that the stream must be at, by the extension or by a precondition; 0 if it must not exist."""
    given = event.expectedversion
    if given is None:
        return from_header
    if isinstance(given, str):
        given = int(given) if _DIGITS.fullmatch(given) else -1
    if not 0 <= given <= VERSION_MAX:
        raise Problem(kinds.MALFORMED_EVENT, "A version is a whole number from 0.", field="expectedversion")
    if from_header not in (None, given):
        raise Problem(
            kinds.MALFORMED_EVENT, "The precondition in the header differs.", field="expectedversion"
        )
    return given


def _check_texts(submission: Submission, told: Event) -> None:
    """Size, control characters and numbers that might be a patient's, over everything that would be kept."""
    check_size(submission)
    body = submission.body
    if "\\" in body and _CONTROL.search(body.replace("\\\\", "")):
        raise Problem(kinds.CONTROL_CHARACTER, field=_where(told, _has_control))
    if (
        holds_nhs_number(f"{submission.id}\n{submission.stream}", identifier=True)
        or _teller_holds_nhs_number(submission.source, submission.actor)
        or holds_nhs_number(body)
    ):
        raise Problem(kinds.NHS_NUMBER, field=_nhs_number_at(submission, told))


@lru_cache(maxsize=1_024)
def _teller_holds_nhs_number(source: str, actor: str) -> bool:
    """The same few tell again and again."""
    return holds_nhs_number(f"{source}\n{actor}", identifier=True)


def check_size(submission: Submission) -> None:
    """Refuses what would be a larger record than can be proven. Raises Problem."""
    body = submission.body
    characters = len(body) + len(submission.stream) + len(submission.source) + len(submission.id)
    characters += len(submission.type) + len(submission.actor)
    if FRAME_BYTES + 10 + UTF8_BYTES_MAX * characters <= RECORD_BYTES_MAX:
        return  # whatever they are
    size = (
        FRAME_BYTES
        + len(body.encode())
        + sum(
            len(text.encode()) + 2 + text.count('"') + text.count("\\")
            for text in (
                submission.stream,
                submission.source,
                submission.id,
                submission.type,
                submission.actor,
            )
        )
    )
    if size > RECORD_BYTES_MAX:
        detail = f"The record would have about {size} bytes; {RECORD_BYTES_MAX} are allowed."
        raise Problem(kinds.TOO_LARGE, detail, field="data")


def _check_words(type_: str, told: Event) -> None:
    """A person's words come in clear: only the ledger encrypts them."""
    fields = all_personal_fields() if isinstance(told, EventCorrected) else personal_fields(type_)
    for place, words in words_in(told, fields).items() if fields else ():
        if is_sealed(words):
            raise Problem(kinds.SEALED_WORDS, field=f"data.{place}")


_CONTROL = re.compile(
    r"\\(u00[01]|[bf])"
)  # as canonical JSON writes all that is below a blank but tab and line ends


def _has_control(text: str) -> bool:
    return any(character < " " and character not in "\t\n\r" for character in text)


def _nhs_number_at(submission: Submission, told: Event) -> str | None:
    named = {
        "id": submission.id,
        "source": submission.source,
        "subject": submission.stream,
        "actor": submission.actor,
    }
    return next(
        (name for name, text in named.items() if holds_nhs_number(text, identifier=True)),
        _where(told, holds_nhs_number),
    )


def _where(told: Event, wrong: Any) -> str:
    """The first field of the data whose value (or key) is `wrong`; `data` if it is only so in its whole."""
    return next((path for path, text in _texts(msgspec.to_builtins(told), "data") if wrong(text)), "data")


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for key, inner in value.items():
                yield path, str(key)
                yield from _texts(inner, f"{path}.{key}" if str(key).isidentifier() else path)
        case list():
            for index, inner in enumerate(value):
                yield from _texts(inner, f"{path}[{index}]")
        case _:
            yield path, value if isinstance(value, str) else msgspec.json.encode(value).decode()
