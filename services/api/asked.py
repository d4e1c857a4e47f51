"""What a request asks: its headers, its query and its body, each read within bounds."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from litestar.datastructures import State

from events.log.keys import Key
from services.api.cloudevents import explained
from services.api.desk import UNFINISHED_MAX, Desk
from services.api.problems import Problem, kinds

PARAMETERS_MAX = 20
PARAMETER_MAX = 64  # characters of a name that is worth comparing
QUERY_BYTES_MAX = 8_192
MEDIA_TYPE_MAX = 256  # characters of a Content-Type
BODY_S_PER_MIB = 10.0
PAUSE_S = 30.0  # in which a line of a streamed body has to end
DRAINED_BYTES_MAX = 32 * 1_048_576  # of a body that is refused: read, so that the sender gets to hear why
DRAINED_S = 5.0
MIB = 1_048_576

# What stands behind `charset=`; `charset*=` and its like (RFC 2231) are no part of HTTP, and are taken for no UTF-8.
_CHARSET = re.compile(r";\s*charset\s*([*=][^;]*)", re.IGNORECASE)
_UTF8 = re.compile(r'=\s*"?(utf-?8|us-ascii)"?\s*', re.IGNORECASE)

Asked: TypeAlias = Request[Any, Key, State]
Q = TypeVar("Q", bound=msgspec.Struct)


class Gone(Exception):
    """The caller has gone away; there is nobody to answer."""


def desk_of(request: Asked) -> Desk:
    """What every door has at hand."""
    desk: Desk = request.app.state.desk
    return desk


def header(request: Asked, name: str) -> str | None:
    """The value of a header that may be there once. Raises Problem if it is there twice."""
    wanted = name.encode()
    values = [value for had, value in request.scope["headers"] if had == wanted]
    if len(values) > 1:
        raise Problem(kinds.MALFORMED_HEADER, "The header is there twice.", field=name)
    return values[0].decode("latin-1").strip() if values else None


def media_type(request: Asked) -> str | None:
    """The media type of the body, in lower case and without parameters. Raises Problem unless it is plain UTF-8."""
    encoding = header(request, "content-encoding")
    if encoding is not None and encoding.lower() != "identity":
        raise Problem(kinds.WRONG_MEDIA_TYPE, "Bodies come uncompressed.", field="content-encoding")
    given = header(request, "content-type")
    return None if given is None else _plain_type(given)


@lru_cache(64)
def _plain_type(given: str) -> str:
    if len(given) > MEDIA_TYPE_MAX:
        raise Problem(kinds.WRONG_MEDIA_TYPE, "This is too long for a media type.", field="content-type")
    if not all(_UTF8.fullmatch(charset) for charset in _CHARSET.findall(given)):
        raise Problem(kinds.WRONG_MEDIA_TYPE, "Bodies are UTF-8.", field="content-type")
    return given.partition(";")[0].strip().lower()


def query(request: Asked, kind: type[Q]) -> Q:
    """The query parameters as `kind` describes them. Raises Problem, naming the first that is not right."""
    return as_asked(parameters(request), kind)


def parameters(request: Asked) -> dict[str, str]:
    """The query parameters, each given once. Raises Problem."""
    text = request.scope["query_string"]
    if not text:
        return {}
    if len(text) > QUERY_BYTES_MAX:
        raise Problem(kinds.WRONG_PARAMETER, f"A query has at most {QUERY_BYTES_MAX} bytes.")
    try:
        pairs = parse_qsl(
            text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX
        )
    except ValueError:
        raise Problem(kinds.WRONG_PARAMETER, "The query is not percent-encoded UTF-8.") from None
    given = dict(pairs)
    if len(given) < len(pairs):
        twice = next(name for name in given if [n for n, _ in pairs].count(name) > 1)
        raise Problem(kinds.WRONG_PARAMETER, "The parameter is there twice.", field=_printable(twice))
    if any("\x00" in value for value in given.values()):
        raise Problem(kinds.WRONG_PARAMETER, "A parameter holds no NUL.")
    return given


def as_asked(given: dict[str, str], kind: type[Q], beside: tuple[str, ...] = ()) -> Q:
    """Parameters as `kind` describes them, and none beside. Raises Problem, naming the first that is not right.

    `beside` are those that the address takes too, and that were read already.
    """
    known = kind.__struct_encode_fields__
    for name in given:
        if name not in known:
            raise Problem(kinds.WRONG_PARAMETER, _takes(name, (*known, *beside)), field=_printable(name))
    for one in msgspec.structs.fields(kind):
        if one.required and one.encode_name not in given:
            raise Problem(kinds.WRONG_PARAMETER, "This parameter has to be given.", field=one.encode_name)
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as wrong:
        detail, field = explained(wrong, kind=kind)
        raise Problem(kinds.WRONG_PARAMETER, detail, field=_printable(field)) from None


def _takes(name: str, known: tuple[str, ...]) -> str:
    """What an address takes, and which of it may have been meant."""
    if not known:
        return "This address takes none."
    near = get_close_matches(name[:PARAMETER_MAX], known, n=1)
    meant = f" Is {near[0]} meant?" if near else ""
    return f"This address takes: {', '.join(known)}.{meant}"


def _printable(text: str | None) -> str | None:
    return text if text is None or text.isprintable() else None


async def body(request: Asked, bytes_max: int) -> bytes:
    """The whole body. Raises Problem if it is too large or too slow."""
    announced, coming = header(request, "content-length"), _pieces(request)
    if announced is not None and int(announced) > bytes_max:
        if header(request, "expect") is None:
            await drain(coming)
        raise Problem(kinds.TOO_LARGE, f"The body has {announced} bytes; {bytes_max} are allowed.")
    desk = desk_of(request)
    kept: list[bytes] = []
    size = 0
    try:
        async with desk.patience(BODY_S_PER_MIB * max(1.0, bytes_max / MIB)):
            async for piece in coming:
                size += len(piece)
                desk.unfinished += len(piece)
                if size > bytes_max or desk.unfinished > UNFINISHED_MAX:
                    break
                kept.append(piece)
    except TimeoutError:
        raise Problem(kinds.TOO_SLOW, headers={"connection": "close"}) from None
    finally:
        crowded = desk.unfinished > UNFINISHED_MAX
        desk.unfinished -= size
    if crowded and size <= bytes_max:
        raise Problem(kinds.OVERLOADED, headers={"connection": "close"})
    if size > bytes_max:
        kept.clear()
        await drain(coming)
        raise Problem(kinds.TOO_LARGE, f"The body has more than {bytes_max} bytes.")
    return kept[0] if len(kept) == 1 else b"".join(kept)


async def _pieces(request: Asked) -> AsyncIterator[bytes]:
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise Gone
        piece = message["body"]
        if piece:
            yield piece
        if not message.get("more_body", False):
            return


async def pieces(request: Asked) -> AsyncIterator[bytes]:
    """The body as it comes, in which a line has to end every PAUSE_S. Raises TimeoutError, Gone."""
    coming, left = _pieces(request), PAUSE_S
    while True:
        asked_at = time.monotonic()
        try:
            async with desk_of(request).patience(left):
                piece = await anext(coming)
        except StopAsyncIteration:
            return
        left = PAUSE_S if b"\n" in piece else max(0.0, left - (time.monotonic() - asked_at))
        yield piece


async def drain(coming: AsyncIterator[bytes]) -> None:
    """Reads on for a while without keeping: a connection that is closed on a sender may lose him our answer."""
    left = DRAINED_BYTES_MAX
    try:
        async with asyncio.timeout(DRAINED_S):
            async for piece in coming:
                left -= len(piece)
                if left < 0:
                    return
    except (TimeoutError, Gone):
        return


_ETAG = re.compile(r'(?:W/)?("[^"\x00-\x1f]*")')


def has_etag(request: Asked, etag: str) -> bool:
    """Whether the caller holds this representation already (If-None-Match, weak comparison)."""
    given = header(request, "if-none-match")
    return given is not None and (given == "*" or etag in _ETAG.findall(given))


def accepted(request: Asked, available: tuple[str, ...]) -> str:
    """The one of the available media types that the caller likes best; the first if all are alike. Raises Problem."""
    given = header(request, "accept")
    if given is None or given == "*/*":
        return available[0]
    ranges = [_range(part) for part in given.split(",")[:PARAMETERS_MAX]]
    best, liking = None, 0.0
    for kind in available:
        fitting = [(exactness, q) for pattern, exactness, q in ranges if _fits(kind, pattern)]
        q = max(fitting)[1] if fitting else 0.0
        if q > liking:
            best, liking = kind, q
    if best is None:
        raise Problem(kinds.NOT_ACCEPTABLE, available=list(available))
    return best


def _range(part: str) -> tuple[str, int, float]:
    """A media range, how exact it is, and how much it is liked: `text/*;q=0.5` is ("text/", 1, 0.5)."""
    name, _, rest = part.partition(";")
    name = name.strip().lower()
    found = re.search(r"q\s*=\s*([01](?:\.[0-9]{0,3})?)", rest)
    q = float(found[1]) if found else 1.0
    if name == "*/*":
        return "", 0, q
    return (name[:-1], 1, q) if name.endswith("/*") else (name, 2, q)


def _fits(kind: str, pattern: str) -> bool:
    return kind == pattern or ((not pattern or pattern.endswith("/")) and kind.startswith(pattern))
