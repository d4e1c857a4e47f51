"""What is said of a door beside its code: who may come in, what may be asked, what it answers.

One description serves three: the check at the door, `/openapi.json`, and the tests that try every door with every key.
"""

from collections.abc import Mapping
from typing import Any

import msgspec


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A door that takes no query parameters."""


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """A door: the scope that opens it (None: open to all), its query, and its answers by media type."""

    scope: str | None = None
    may_be_public: bool = False  # open to all where the setting says so
    query: type[msgspec.Struct] = Nothing
    answers: Mapping[str, Any]
    status: int = 200
    takes: tuple[str, ...] = ()
    body: Any = None
    """What a JSON body says, where it is not an event."""
    refuses: tuple[int, ...] = ()


def at(door: Door) -> dict[str, Any]:
    """The description as a handler carries it: `opt=at(Door(...))`."""
    return {"door": door}
