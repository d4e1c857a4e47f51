"""Events to tell while measuring: of a trust's size and shape, each about 450 bytes, over some hundreds of projects."""

import random
import uuid
from datetime import UTC, datetime

from events.cycles import CycleTested
from events.log.record import Submission
from events.vocabulary import canonical_body, example_of, tag_of

SOURCE = "https://example.org/life-of-projects"
PROJECTS = 433

_body = canonical_body(example_of(CycleTested)).decode()
_type = tag_of(CycleTested)


def submission(chance: random.Random, *, project: int | None = None) -> Submission:
    """One event about one of the trust's projects."""
    number = chance.randrange(PROJECTS) if project is None else project
    return Submission(
        stream=f"project/P-{number}",
        source=SOURCE,
        id=uuid.UUID(int=chance.getrandbits(128), version=4).hex,
        type=_type,
        occurred_at=datetime.now(UTC),
        precise_to="instant",
        actor="client/bench",
        body=_body,
    )


def batch(chance: random.Random, size: int) -> list[Submission]:
    """What a sending system has gathered: events about a dozen of its projects."""
    projects = chance.sample(range(PROJECTS), 12)
    return [submission(chance, project=chance.choice(projects)) for _ in range(size)]
