"""What somebody may have meant who asked at an address where there is no door."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

NEAR_MAX = 3
ADDRESS_MAX = 120  # characters of an address that is worth comparing
_PARAMETER = re.compile(r"\{\w+\}")


def near_addresses(asked: str, doors: Iterable[str]) -> list[str]:
    """The doors most like an address, with its own words where they have a parameter: `/v1/RWK/events`."""
    if len(asked) > ADDRESS_MAX or not asked.isprintable():
        return []
    words = asked.strip("/").split("/")
    by_address = {_filled(door, words): None for door in doors if _of_the_same_kind(door, words)}
    return get_close_matches(f"/{'/'.join(words)}", by_address, n=NEAR_MAX, cutoff=0.7)


def _of_the_same_kind(door: str, words: list[str]) -> bool:
    """Whether it begins as what was asked for does, or takes no words of others: nobody's are handed back at random."""
    return "{" not in door or door.split("/")[1] == words[0]


def _filled(door: str, words: list[str]) -> str:
    """The address of a door with what was asked for in the place of its parameters, as far as that goes."""
    steps = door.strip("/").split("/")
    for place, step in enumerate(steps):
        if place < len(words) and words[place] and _PARAMETER.fullmatch(step):
            steps[place] = words[place]
    return f"/{'/'.join(steps)}"
