"""What the log says at the moment of a record: all that a rule over facts may look at."""

from typing import TypeVar

import msgspec

from events.log.record import Record
from projections.duties import Duties, duties
from projections.engine.projection import THE_ROW, Projection
from projections.forum_calendar import Forum, calendar
from projections.notices.engine.recall import Recall, Rows

R = TypeVar("R", bound=msgspec.Struct)


class Moment:
    """A record, and the rows of any stream as they were just before it and are with it."""

    def __init__(self, record: Record, recall: Recall) -> None:
        self.record = record
        self._recall = recall

    @property
    def project(self) -> Duties:
        """The project that it happened to, with it."""
        return self.row(duties) or Duties()

    @property
    def project_before(self) -> Duties:
        """The project that it happened to, as it was."""
        return self.row_before(duties) or Duties()

    def forum(self, forum: str | None) -> Forum | None:
        """A forum by its id."""
        return None if forum is None else self.row(calendar, f"forum/{forum}")

    def row(self, projection: Projection[R], stream: str | None = None) -> R | None:
        """The row of a stream: by default that of the record."""
        found: R | None = self.rows(projection, stream).get(THE_ROW)
        return found

    def row_before(self, projection: Projection[R]) -> R | None:
        """The row of the record's stream without it."""
        found: R | None = self.rows_before(projection).get(THE_ROW)
        return found

    def rows(self, projection: Projection[R], stream: str | None = None) -> Rows:
        """All rows of a stream, by their parts."""
        return self._recall.around(projection, stream or self.record.stream, self.record.position).after

    def every(self, projection: Projection[R], kind: str) -> list[Rows]:
        """The rows of each stream of a kind. Reads all of them: for what happens seldom."""
        return self._recall.every(projection, kind, self.record.position)

    def rows_before(self, projection: Projection[R]) -> Rows:
        """All rows of the record's stream without it."""
        return self._recall.around(projection, self.record.stream, self.record.position).before
