"""The fields that events are made of: what a value means, and what bounds it.

Bounds are part of the promise: nothing that gets past them can break a reader, an index or a chart.
"""

from datetime import date
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

END = r"(?![\s\S])"  # the very end: in Python, `$` would also allow a line break to follow

# Text. Control characters are refused because Postgres, CSV and XML cannot hold all of them.
Title = Annotated[
    str,
    Meta(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*" + END, description="One line."),
]
Text = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=8_000,
        pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*" + END,
        description="Free text. Names no person.",
    ),
]
SEALED = "sealed."  # how a person's words begin where a record keeps them encrypted
PersonalText = Annotated[
    str,
    Meta(
        pattern=r"^(sealed\.1\.[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{1,60000}|[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]{1,8000})"
        + END,
        description="Free text, up to 8,000 characters, by or about one person: kept encrypted with a key of theirs.",
        extra_json_schema={"x-personal": True},
    ),
]
Label = Annotated[
    str,
    Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*" + END, description="A few words."),
]
Address = Annotated[
    str, Meta(pattern=r"^https?://[^\s\"\\<>\x00-\x1f\x7f]{1,2000}" + END, description="A web address.")
]

# Names of things.
_ID = r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}"
Id = Annotated[
    str,
    Meta(
        pattern=rf"^{_ID}{END}",
        description="An identifier of the sender's own: letters, digits, and . _ ~ -",
    ),
]
ProjectId = Annotated[Id, Meta(description="Id of a project: its stream without `project/`.")]
ForumId = Annotated[Id, Meta(description="Id of a QI Forum: its stream without `forum/`.")]
ImprovementId = Annotated[
    Id, Meta(description="Id of an improvement outside projects: its stream without `improvement/`.")
]
IdeaId = Annotated[Id, Meta(description="Id of an idea: its stream without `idea/`.")]
StoryId = Annotated[Id, Meta(description="Id of a story: its stream without `story/`.")]
ProgrammeId = Annotated[
    Id, Meta(description="Id of a programme or collaborative: its stream without `programme/`.")
]
DirectorateId = Annotated[Id, Meta(description="Id of a directorate: its stream without `directorate/`.")]
StrategyId = Annotated[Id, Meta(description="Id of a strategy: its stream without `strategy/`.")]
CourseId = Annotated[Id, Meta(description="Id of a training programme, such as `pocket_qi` or `ilp`.")]
CohortId = Annotated[Id, Meta(description="Id of a wave or cohort: its stream without `cohort/`.")]
MeetingId = Annotated[Id, Meta(description="Id of a meeting within its forum.")]
CycleId = Annotated[Id, Meta(description="Id of a PDSA cycle within its project.")]
ChangeIdeaId = Annotated[Id, Meta(description="Id of a change idea within its project.")]
DriverId = Annotated[Id, Meta(description="Id of a driver within its project.")]
MeasureId = Annotated[Id, Meta(description="Id of a measure within its project.")]
BarrierId = Annotated[Id, Meta(description="Id of a barrier within its project.")]
ConsentId = Annotated[Id, Meta(description="Id of a consent; the giver's stream says what it allows.")]
AreaId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]{0,63}" + END,
        description="A strategy area: a stable id such as `population_health`. Its label belongs to the strategy.",
    ),
]
PersonRef = Annotated[
    str,
    Meta(
        pattern=r"^person/[A-Za-z0-9_-]{1,64}" + END,
        description="An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address or a "
        "number from outside.",
    ),
]
Subject = Annotated[
    str,
    Meta(
        pattern=rf"^[a-z]{{1,20}}/{_ID}{END}",
        description="What something is about, by its stream: `project/P-17`, `improvement/I-3`, `forum/newham`.",
    ),
]
OdsCode = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z0-9]{2,10}" + END, description="A code of the Organisation Data Service, such as RWK."
    ),
]

# Several of them.
Areas = Annotated[tuple[AreaId, ...], Meta(max_length=20, description="Strategy areas.")]
Directorates = Annotated[tuple[DirectorateId, ...], Meta(max_length=50, description="Directorates.")]
Subjects = Annotated[
    tuple[Subject, ...], Meta(max_length=50, description="What it is about, by their streams.")
]
Tools = Annotated[tuple[Label, ...], Meta(max_length=40, description="QI tools and methods, such as `PDSA`.")]
Lines = Annotated[tuple[Title, ...], Meta(max_length=50, description="One line each.")]

# Days. Only days of the calendar, from 1900 to 2199, so that every reader can turn them into a date.
_DAY = (
    r"(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
    r"|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    r"|02-(0[1-9]|1[0-9]|2[0-8])"
)
_LEAP_DAY = r"((19|20|21)(0[48]|[2468][048]|[13579][26])|2000)-02-29"
WrittenDate = Annotated[
    str,
    Meta(
        pattern=rf"^((19|20|21)[0-9][0-9](-(0[1-9]|1[0-2])|-({_DAY}))?|{_LEAP_DAY}){END}",
        description="A day, month or year as far as it is known: 2022-05-20, 2022-05 or 2022.",
    ),
]


DAYS_REMEMBERED = 20_000  # the same days are told over and over: fifty years of them


@lru_cache(DAYS_REMEMBERED)
def first_day(written: WrittenDate) -> date:
    """The day on which a written day, month or year begins."""
    return date.fromisoformat(f"{written}-01-01"[:10])


# Quantities.
Count = Annotated[int, Meta(ge=0, le=10_000_000, description="How many.")]
Ordinal = Annotated[int, Meta(ge=1, le=100_000, description="Which in a row: 1 is the first.")]
Number = Annotated[float, Meta(ge=-1e15, le=1e15, description="A measured value, in the measure's unit.")]
Size = Annotated[float, Meta(ge=0, le=1e15, description="A size that is not negative.")]
Share = Annotated[float, Meta(ge=0, le=1, description="A share from 0 to 1.")]
Hours = Annotated[float, Meta(ge=0, le=10_000, description="Hours.")]

Direction = Literal["increase", "decrease", "neutral"]
Role = Literal["sponsor", "coach", "advisor", "lead", "co_lead", "member", "data", "service_user", "carer"]
PersonKind = Literal["staff", "service_user", "carer", "external"]
Audience = Literal["public", "organisation", "forum", "team"]  # the widest first (projections/audience.py)


# Parts of an event that have fields of their own.
class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of an event."""


Figure = (
    Annotated[int, Meta(ge=-(10**15), le=10**15)]
    | Annotated[float, Meta(ge=-1e15, le=1e15, description="A figure.")]
)
FigureName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]{0,63}" + END, description="What a figure counts, such as `staff_trained`."
    ),
]
Figures = Annotated[
    dict[FigureName, Figure],
    Meta(
        max_length=50,
        description="Figures by name: `_from` and `_to` for before and after, `_pct` for per cent.",
    ),
]


class Citation(Part, frozen=True, kw_only=True):
    """Where a fact was published, and how surely it was read there. It lets history be loaded and checked."""

    page: Address | None = None  # the page that says so
    title: Title | None = None  # the title of that page, or a short label of the fact
    figures: Figures = msgspec.field(default_factory=dict)  # the figures that the page gives
    note: Title | None = None  # a remark of whoever read the page
    inferred: Annotated[tuple[Label, ...], Meta(max_length=20)] = ()  # what was worked out rather than read
    subject: Title | None = None  # what the page calls the work it is about
    place: Title | None = None  # the directorate, service or ward in the words of the page
    areas: Areas = ()  # the strategy areas it speaks to, as read there
    tools: Tools = ()  # the methods and tools it names
