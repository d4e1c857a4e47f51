"""A message of each kind as it might be: for `qiledger messages preview`, and for the test that every text holds."""

from collections.abc import Mapping
from typing import Any

import msgspec

from services.channels.wording import TEXTS

EXAMPLES = TEXTS / "examples.json"
_UNSUBSCRIBED_FROM = ("notice", "digest", "agenda_pack")


def example(kind: str) -> Mapping[str, Any]:
    """The facts of a message of this kind. Raises KeyError."""
    found: dict[str, dict[str, Any]] = msgspec.json.decode(EXAMPLES.read_bytes())
    return found[kind]


def unsubscribe_of(kind: str, ours: str = "https://qi.trust.nhs.uk") -> str | None:
    """Where one would unsubscribe from it; None for what one is told as part of one's duty."""
    return f"{ours}/unsubscribe/EXAMPLE" if kind in _UNSUBSCRIBED_FROM else None
