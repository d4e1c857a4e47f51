"""Events to tell while measuring: of a trust's size and shape, each about 450 bytes, over some hundreds of projects."""

import itertools
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from events.cycles import CycleTested
from events.log.record import Submission
from events.vocabulary import canonical_body, example_of, tag_of

SOURCE = "https://example.org/life-of-projects"
PROJECTS = 433

_body = canonical_body(example_of(CycleTested)).decode()
_type = tag_of(CycleTested)


_numbers = itertools.count(1)


def random_id(chance: random.Random) -> str:
    """A UUID of version 4: no place in an index is as good as another, which is the worst that a sender can do."""
    return uuid.UUID(int=chance.getrandbits(128), version=4).hex


def id_of_own_record(_: random.Random) -> str:
    """Of the sender's own record, as the guide for integrators asks: such systems number theirs."""
    return f"cycle-{next(_numbers):09}-tested"


def submission(
    chance: random.Random, *, project: int | None = None, id_: Callable[[random.Random], str] = random_id
) -> Submission:
    """One event about one of the trust's projects."""
    number = chance.randrange(PROJECTS) if project is None else project
    return Submission(
        stream=f"project/P-{number}",
        source=SOURCE,
        id=id_(chance),
        type=_type,
        occurred_at=datetime.now(UTC),
        precise_to="instant",
        actor="client/bench",
        body=_body,
    )


def batch(
    chance: random.Random, size: int, *, id_: Callable[[random.Random], str] = random_id
) -> list[Submission]:
    """What a sending system has gathered: events about a dozen of its projects."""
    projects = chance.sample(range(PROJECTS), 12)
    return [submission(chance, project=chance.choice(projects), id_=id_) for _ in range(size)]
