"""One published fact: a line of `services/data/public-improvement-history.jsonl`, as its README describes it."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from events.fields import END, Address, Areas, Citation, Figures, Label, OdsCode, Title, Tools, WrittenDate
from events.vocabulary import Event
from services.importing.subjects import kind_of, slug, streams_of

FACT_ID = r"^(elft|cnwl)-[0-9]{4}" + END

Happening: TypeAlias = tuple[str, Event]  # the stream, and what happened to it
Mapped: TypeAlias = Sequence[Happening]


class Fact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happened, or how many there were, on a date that is known to the day, month or year."""

    id: Annotated[str, Meta(pattern=FACT_ID)]
    organisation: OdsCode
    date: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}" + END)]
    date_precision: Literal["day", "month", "year"]
    kind: str
    title: Title
    subject: Title
    url: Address
    directorate: Title | None = None
    strategy_areas: Areas = ()
    numbers: Figures = msgspec.field(default_factory=dict)
    tools: Tools = ()
    note: Title | None = None
    inferred: Annotated[tuple[Label, ...], Meta(max_length=20)] = ()

    @property
    def written(self) -> WrittenDate:
        """The date as far as it is known: 2022-05-20, 2022-05 or 2022."""
        return self.date[: {"day": 10, "month": 7, "year": 4}[self.date_precision]]

    @property
    def citation(self) -> Citation:
        """Where the fact was published, with all its figures."""
        return Citation(
            page=self.url, title=self.title, figures=self.numbers, note=self.note, inferred=self.inferred
        )

    @property
    def directorates(self) -> tuple[str, ...]:
        """The directorates named, as ids. `Newham; City & Hackney` names two."""
        return tuple(slug(name) for name in (self.directorate or "").split(";") if slug(name))

    @property
    def one_directorate(self) -> str | None:
        """The directorate, if one is named and not several."""
        return self.directorates[0] if len(self.directorates) == 1 else None

    @property
    def streams(self) -> tuple[str, ...]:
        """What the subject stands for."""
        return streams_of(self.organisation, self.subject)

    @property
    def is_of_programme(self) -> bool:
        """Whether the subject is a programme."""
        return kind_of(self.organisation, self.subject) == "programme"

    @property
    def home(self) -> str:
        """Where anything can be told: the subject's stream, else the directorate's, else the organisation's."""
        if len(self.streams) == 1:
            return self.streams[0]
        if self.one_directorate is not None:
            return f"directorate/{self.one_directorate}"
        return f"organisation/{self.organisation}"

    @property
    def project_stream(self) -> str:
        """The subject's stream as a project."""
        return f"project/{slug(self.subject)}"

    @property
    def programme_stream(self) -> str:
        """The subject's stream as a programme."""
        return f"programme/{slug(self.subject)}"

    @property
    def organisation_stream(self) -> str:
        """The organisation's own stream."""
        return f"organisation/{self.organisation}"
