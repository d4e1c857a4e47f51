"""What is decided of an invented project before it begins, and how its working days fall into the calendar."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from services.importing.synthetic_life import person
from services.importing.synthetic_words import Topic

Fate = Literal["runs", "cancelled", "never_started"]
MERGED_ON = datetime.fromisoformat("2021-04-01T09:00:00+00:00")  # Hillfields became part of Riverside
MERGED, INTO = "hillfields", "riverside"
PEOPLE_PER_PROJECT = 20
COACHES, SPONSORS = 60, 40


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What is decided of a project before it begins."""

    number: int
    fate: Fate
    topic: Topic
    place: str
    directorate: str
    works: bool

    @property
    def title(self) -> str:
        """What the project is called."""
        return f"{self.topic.title}, {self.place}"

    def person(self, which: int) -> str:
        """One of the people who are only in this project."""
        return person(1_000_000 + self.number * PEOPLE_PER_PROJECT + which)


class Course:
    """When things happen in a project: days of work since its start, moved by the time it stood still."""

    def __init__(
        self, started: datetime, working_days: float, still: tuple[datetime, datetime] | None
    ) -> None:
        self.started = started
        self.still = still
        self.ended = self.at(working_days)
        self.working_days = working_days

    def at(self, working_day: float) -> datetime:
        """The moment at which that much has been worked."""
        moment = self.started + timedelta(days=working_day)
        if self.still is not None and moment >= self.still[0]:
            moment += self.still[1] - self.still[0]
        return moment
