"""A small trust and what is told of it, soon after it happens; and what the rules say of that, without a database."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from events.coaching import CoachAllocated
from events.fields import first_day
from events.forum_members import ForumChairAppointed
from events.log.record import PreciseTo, Record
from events.people import PersonRolesChanged
from events.projects import ProjectStarted
from events.teams import PersonJoined
from events.vocabulary import Event, canonical_body, tag_of
from projections.duties import duties
from projections.engine.memory import fold_in_memory
from projections.engine.projection import Projection
from projections.forum_calendar import calendar
from projections.notices.engine.found import found_rules
from projections.notices.engine.heard import Heard, Made
from projections.notices.engine.hearing import Listener, Since
from projections.notices.engine.looking import Rows, Watch, look
from projections.notices.engine.recall import Recall
from projections.notices.engine.roles import Person
from projections.strategies import strategies

P1, NEWHAM = "project/P-1", "forum/newham"
LEAD, SPONSOR, COACH, CHAIR = "person/lead", "person/sponsor", "person/coach", "person/chair"
ADVISOR, COMMUNICATIONS, ADMIN = "person/advisor", "person/communications", "person/admin"
NOBODY_YET = datetime(1990, 1, 1, tzinfo=UTC)
LATER = datetime(2030, 1, 1, tzinfo=UTC)

_PRECISION: dict[int, PreciseTo] = {4: "year", 7: "month", 10: "day"}


class Trust:
    """Records in the order in which they were told, each at noon of the day on which it happened."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def tell(
        self,
        stream: str,
        on: str,
        *events: Event,
        actor: str = "client/tests",
        id_: str | None = None,
        recorded: datetime | None = None,
    ) -> None:
        """These events happened to `stream` on a day, and were recorded on that day."""
        for event in events:
            position = len(self.records) + 1
            at = datetime.combine(first_day(on), datetime.min.time(), UTC)
            self.records.append(
                Record(
                    organisation="RWK",
                    position=position,
                    stream=stream,
                    version=1 + sum(record.stream == stream for record in self.records),
                    source="https://example.org/qi",
                    id=id_ or f"e-{position}",
                    type=tag_of(type(event)),
                    occurred_at=at,
                    precise_to=_PRECISION[len(on)],
                    recorded_at=recorded or at + timedelta(hours=12),
                    actor=actor,
                    body=canonical_body(event).decode(),
                    leaf=b"",
                )
            )

    def heard(self, *, since: Since | None = None, now: datetime = LATER) -> Heard:
        """What all rules make of the records after `since`."""
        rules = found_rules()
        began = since or Since(0, NOBODY_YET)
        recall = Recall(self.matter_to, self.names_of)
        listener = Listener(
            rules.values(),
            dict.fromkeys(rules, began),
            recall,
            dict[str, Person](),
            self._find,
            self._of_stream,
            now,
        )
        return listener.hear(self.records)

    def told(self, rule: str, **how: Any) -> list[Made]:
        """The notices of one rule that hold, and those that were cleared."""
        return [one for one in self.heard(**how).made.values() if one.rule == rule]

    def whom(self, rule: str, **how: Any) -> set[str]:
        """Who was told by one rule, of what still holds."""
        return {one.recipient for one in self.told(rule, **how) if not one.cleared}

    def due(self, rule: str, on: str, **watch: Any) -> list[Made]:
        """What one rule says of the rows on a day, of what is news."""
        found = found_rules()[rule]
        seen = look(
            [found],
            {rule: watch.pop("since", Since(0, NOBODY_YET))},
            Watch(now=noon(on), **watch),
            Rows(
                projects=fold_in_memory(duties, self.records),
                forums=fold_in_memory(calendar, self.records),
                strategies=fold_in_memory(strategies, self.records),
            ),
            self._people(),
        )
        assert not seen.unsaid
        return seen.made

    def due_to(self, rule: str, on: str, **watch: Any) -> set[str]:
        """Who is told by one rule on a day."""
        return {one.recipient for one in self.due(rule, on, **watch)}

    def _people(self) -> Sequence[Person]:
        people: Mapping[str, Person] = self.heard().people
        return list(people.values())

    def matter_to(
        self, projection: Projection[Any], after: Mapping[str, int]
    ) -> Mapping[str, Sequence[Record]]:
        return {
            stream: [
                record
                for record in self.records
                if record.stream == stream
                and record.version > version
                and record.type not in projection.passed_over
            ]
            for stream, version in after.items()
        }

    def names_of(self, projection: Projection[Any], kind: str) -> Sequence[str]:
        return sorted({one.stream for one in self.records if one.stream.startswith(f"{kind}/")})

    def _find(self, stream: str, source: str, id_: str) -> Record | None:
        found = (r for r in self.records if (r.stream, r.source, r.id) == (stream, source, id_))
        return next(found, None)

    def _of_stream(self, stream: str, types: Collection[str]) -> Sequence[Record]:
        return [record for record in self.records if record.stream == stream and record.type in types]


def noon(on: str) -> datetime:
    return datetime.combine(date.fromisoformat(on), datetime.min.time(), UTC) + timedelta(hours=12)


def a_trust(*, started: str = "2025-01-06") -> Trust:
    """One project under way, with its lead, sponsor and coach; its forum has a chair, and the trust an advisor."""
    trust = Trust()
    trust.tell(ADVISOR, started, PersonRolesChanged(roles=("improvement_advisor",)))
    trust.tell(COMMUNICATIONS, started, PersonRolesChanged(roles=("communications",)))
    trust.tell(ADMIN, started, PersonRolesChanged(roles=("administrator",)))
    trust.tell(NEWHAM, started, ForumChairAppointed(person=CHAIR, role="chair"))
    trust.tell(P1, started, ProjectStarted(title="Sleep", forum="newham", directorate="newham"))
    trust.tell(
        P1, started, PersonJoined(person=LEAD, role="lead"), PersonJoined(person=SPONSOR, role="sponsor")
    )
    trust.tell(P1, started, CoachAllocated(coach=COACH))
    return trust
