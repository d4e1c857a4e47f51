"""One life of an invented history: what happens to one project, forum or cohort, and when it is told."""

from datetime import UTC, datetime, timedelta
from random import Random

import msgspec

from events.log.record import PreciseTo
from events.vocabulary import Event
from services.importing.telling import Telling

SOURCE = "https://qiledger.example/history/synthetic"
BEGINS = datetime(2015, 4, 1, 9, tzinfo=UTC)
ENDS = datetime(2025, 3, 31, 18, tzinfo=UTC)
COVID = datetime(2020, 3, 23, 9, tzinfo=UTC)  # the day on which most improvement work was paused
COVID_ENDS = datetime(2020, 9, 1, 9, tzinfo=UTC)

_LETTERS = "abcdefghjkmnpqrstuvwxyz"


class Told(msgspec.Struct, frozen=True, order=True):
    """An event and the moment at which the sender tells it; ordered by that."""

    at: datetime
    number: int
    telling: Telling


class Life:
    """Tells the events of one life. Nothing is told before it begins, or after the history ends."""

    def __init__(self, name: str, stream: str, *, seed: int, organisation: str, begins: datetime) -> None:
        self.name = name
        self.stream = stream
        self.random = Random(f"{seed}/{stream}")
        self.begins = begins
        self._organisation = organisation
        self._told: list[Told] = []

    def tell(
        self,
        event: Event,
        at: datetime,
        *,
        late: timedelta = timedelta(0),
        precise_to: PreciseTo = "instant",
        stream: str | None = None,
    ) -> str:
        """An event that happened at `at`, told `late`. Its id."""
        number = len(self._told) + 1
        id_ = f"{self.name}-{number:04d}"
        telling = Telling(
            organisation=self._organisation,
            source=SOURCE,
            id=id_,
            stream=stream or self.stream,
            occurred_at=at if precise_to == "instant" else _start(at, precise_to),
            precise_to=precise_to,
            event=event,
        )
        self._told.append(Told(max(at + late, self.begins), number, telling))
        return id_

    def lived(self) -> list[Told]:
        """Everything, in the order in which it is told. What would be told after the history ends is not."""
        return sorted(told for told in self._told if told.at <= ENDS)

    def chance(self, share: float) -> bool:
        """Whether something happens that happens so often."""
        return self.random.random() < share

    def days(self, least: float, most: float) -> timedelta:
        """Some days, to the minute."""
        return timedelta(minutes=round(self.random.uniform(least, most) * 24 * 60))


def _start(at: datetime, precise_to: PreciseTo) -> datetime:
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if precise_to == "day":
        return day
    return day.replace(day=1) if precise_to == "month" else day.replace(month=1, day=1)


def person(number: int) -> str:
    """An opaque reference to somebody who does not exist: letters only, the same for the same number."""
    scrambled, letters = (number * 2_654_435_761 + 97) % len(_LETTERS) ** 6, ""
    for _ in range(6):
        scrambled, letter = divmod(scrambled, len(_LETTERS))
        letters += _LETTERS[letter]
    return f"person/{letters}"


def day(at: datetime) -> str:
    """A day as it is written."""
    return at.strftime("%Y-%m-%d")


def month(at: datetime) -> str:
    """A month as it is written."""
    return at.strftime("%Y-%m")
