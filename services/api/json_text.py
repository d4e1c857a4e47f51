"""What a JSON text has to be, whatever it says: UTF-8, whole, not too deep, and without a key that is given twice.

Decoders forgive the last two. Readers of JSON disagree on them, so nobody could say what was told.
"""

import re
from typing import Any, TypeVar

import msgspec

from services.api.problems import Problem, kinds

DEPTH_MAX = 64

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_NOT_A_BRACKET = re.compile(rb"[^][{}]+")

_anything = msgspec.json.Decoder()
_encode = msgspec.json.Encoder().encode

T = TypeVar("T")


def checked(body: bytes, field: str | None = None) -> Any:
    """What a JSON text says, in plain values. Raises Problem unless it is as it has to be; it stood in `field`."""
    check_utf8(body)
    members = decoded(_anything, body)
    check_depth(body, field)
    if not has_each_key_once(body, members):
        raise Problem(kinds.DUPLICATE_KEY, field=field)
    return members


def check_utf8(body: bytes) -> None:
    """Raises Problem, with the place of the first byte that is not."""
    try:
        body.decode()
    except UnicodeDecodeError as wrong:
        raise Problem(kinds.MALFORMED_JSON, f"Byte {wrong.start} is not UTF-8.") from None


def decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The JSON text as the decoder reads it. Raises Problem."""
    try:
        return decoder.decode(body)
    except RecursionError:
        raise Problem(kinds.TOO_DEEP) from None
    except (msgspec.DecodeError, ValueError) as wrong:
        raise Problem(kinds.MALFORMED_JSON, str(wrong)) from None


def check_depth(body: bytes, field: str | None = None) -> None:
    """Raises Problem for objects and lists that stand more than DEPTH_MAX deep in one another."""
    if body.count(b"{") + body.count(b"[") > DEPTH_MAX and _depth(body) > DEPTH_MAX:
        raise Problem(kinds.TOO_DEEP, field=field)


def has_each_key_once(body: bytes, members: Any) -> bool:
    """Whether nothing was lost on the way from a body to what it says.

    A key given twice is gone after decoding, and its quotes with it; encoding again never adds any.
    """
    return _quotes(body) == _quotes(_encode(members))


def _quotes(text: bytes) -> int:
    """How many quotes begin or end a string."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return text.count(b'"')


def _depth(text: bytes) -> int:
    """How deep objects and lists stand in one another."""
    depth = deepest = 0
    for bracket in _NOT_A_BRACKET.sub(b"", _STRING.sub(b"", text)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest
