"""Published facts about programmes, forums and strategies."""

from typing import Literal

from events.forums import ForumCreated, ForumReported
from events.learning import CelebrationRecorded
from events.programmes import (
    ProgrammeCompleted,
    ProgrammePaused,
    ProgrammeReported,
    ProgrammeResumed,
    ProgrammeStarted,
)
from events.strategies import Area, StrategyAdopted
from services.importing.published_fact import Fact, Mapped
from services.importing.subjects import slug

AREA_LABELS = {
    "population_health": "Population health",
    "service_user_experience": "Service user experience",
    "staff_experience": "Staff experience",
    "value": "Value",
}


def programme_started(fact: Fact) -> Mapped:
    teams = fact.numbers.get("teams")
    return [
        (
            fact.programme_stream,
            ProgrammeStarted(
                title=fact.subject,
                kind=_kind_of_programme(f"{fact.subject} {fact.title}".lower()),
                areas=fact.strategy_areas,
                directorates=fact.directorates,
                teams=teams if isinstance(teams, int) else None,
                tools=fact.tools,
                published=fact.citation,
            ),
        )
    ]


def programme_completed(fact: Fact) -> Mapped:
    counted = {name: value for name, value in fact.numbers.items() if isinstance(value, int)}
    return [
        (
            fact.programme_stream,
            ProgrammeCompleted(
                teams_started=counted.get("teams_started"),
                teams_completed=counted.get("teams_completed"),
                teams_improved=counted.get("teams_with_outcome_improvement"),
                published=fact.citation,
            ),
        )
    ]


def programme_paused(fact: Fact) -> Mapped:
    return [(fact.programme_stream, ProgrammePaused(reason=fact.title, published=fact.citation))]


def programme_resumed(fact: Fact) -> Mapped:
    return [(fact.programme_stream, ProgrammeResumed(reason=fact.note, published=fact.citation))]


def programme_anniversary(fact: Fact) -> Mapped:
    return [(fact.programme_stream, CelebrationRecorded(title=fact.title, published=fact.citation))]


def forum_created(fact: Fact) -> Mapped:
    created = ForumCreated(name=fact.subject, directorates=fact.directorates, published=fact.citation)
    return [(f"forum/{slug(fact.subject)}", created)]


def forum_event(fact: Fact) -> Mapped:
    """How a forum is run; or how all are, which says something of the programme that they are part of."""
    if fact.home.startswith("programme/"):
        return [(fact.home, ProgrammeReported(summary=fact.title, tools=fact.tools, published=fact.citation))]
    reported = ForumReported(
        summary=fact.title,
        name=fact.subject,
        directorates=fact.directorates,
        tools=fact.tools,
        published=fact.citation,
    )
    return [(f"forum/{slug(fact.subject)}", reported)]


def strategy_adopted(fact: Fact) -> Mapped:
    own = () if "strategy_areas" in fact.inferred else fact.strategy_areas
    adopted = StrategyAdopted(
        title=fact.subject,
        valid_from=fact.written,
        areas=tuple(Area(area=area, label=AREA_LABELS.get(area, area.replace("_", " "))) for area in own),
        published=fact.citation,
    )
    return [(f"strategy/{slug(fact.subject)}", adopted)]


def _kind_of_programme(words: str) -> Literal["collaborative", "learning_system"] | None:
    if "collaborative" in words:
        return "collaborative"
    return "learning_system" if "learning system" in words else None
