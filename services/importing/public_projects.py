"""Published facts about projects: their life, their aims, the changes they tested, the results they reported."""

from events.aims import AimSet
from events.cycles import CycleTested
from events.fields import Citation
from events.programmes import ProgrammeAimSet, ProgrammeReported
from events.projects import ProjectCompleted, ProjectPaused, ProjectReported, ProjectStarted
from events.results import ResultReported
from events.vocabulary import Event
from services.importing.public_programmes import programme_completed, programme_paused
from services.importing.published_fact import Fact, Happening, Mapped
from services.importing.wording import changes

DATE_OF_AIM = "Date the aim was to be met"


def project_started(fact: Fact) -> Mapped:
    return [
        (
            fact.project_stream,
            ProjectStarted(
                title=fact.subject,
                directorate=fact.one_directorate,
                areas=fact.strategy_areas,
                tools=fact.tools,
                published=fact.citation,
            ),
        )
    ]


def project_reported(fact: Fact) -> Mapped:
    if fact.is_of_programme:
        return [
            (
                fact.programme_stream,
                ProgrammeReported(
                    summary=fact.title,
                    title=fact.subject,
                    directorates=fact.directorates,
                    tools=fact.tools,
                    published=fact.citation,
                ),
            )
        ]
    return [
        (
            fact.project_stream,
            ProjectReported(
                title=fact.subject,
                summary=fact.title,
                directorate=fact.one_directorate,
                areas=fact.strategy_areas,
                tools=fact.tools,
                published=fact.citation,
            ),
        )
    ]


def known_project(fact: Fact) -> Happening:
    """That the project of a fact exists, where no fact of its own says so."""
    return fact.project_stream, ProjectReported(
        title=fact.subject,
        directorate=fact.one_directorate,
        areas=fact.strategy_areas,
        published=Citation(page=fact.url, title=fact.title),
    )


def project_completed(fact: Fact) -> Mapped:
    if fact.is_of_programme:
        return programme_completed(fact)
    return [(fact.project_stream, ProjectCompleted(published=fact.citation))]


def project_paused(fact: Fact) -> Mapped:
    if fact.is_of_programme:
        return programme_paused(fact)
    return [(fact.project_stream, ProjectPaused(reason=fact.title, published=fact.citation))]


def target_set(fact: Fact) -> Mapped:
    by = fact.written if fact.note == DATE_OF_AIM else None
    baseline, target, unit = _aim_of(fact)
    if fact.is_of_programme:
        aim: Event = ProgrammeAimSet(
            statement=fact.title, baseline=baseline, target=target, unit=unit, by=by, published=fact.citation
        )
        return [(fact.programme_stream, aim)]
    aim = AimSet(
        statement=fact.title, baseline=baseline, target=target, unit=unit, by=by, published=fact.citation
    )
    return [(fact.project_stream, aim)]


def change_tested(fact: Fact) -> Mapped:
    tested = CycleTested(cycle=fact.id, tested=fact.title, tools=fact.tools, published=fact.citation)
    return [(fact.project_stream, tested)]


def result_reported(fact: Fact) -> Mapped:
    found = changes(fact.numbers)
    since, until = (_year(fact.numbers.get(name)) for name in ("from_year", "to_year"))
    if not found:
        return [
            (fact.home, ResultReported(title=fact.title, since=since, until=until, published=fact.citation))
        ]
    return [
        (
            fact.home,
            ResultReported(
                title=fact.title if len(found) == 1 else f"{fact.title}: {change.what}",
                before=change.before,
                after=change.after,
                unit=change.unit,
                since=since,
                until=until,
                published=fact.citation,
            ),
        )
        for change in found
    ]


def _aim_of(fact: Fact) -> tuple[float | None, float | None, str | None]:
    """Baseline, target and unit, where the page gives one target and says plainly what it is counted in."""
    for name, target in fact.numbers.items():
        if name in ("target_weeks", "target_days"):
            return None, target, name.removeprefix("target_")
        if name.endswith("_target") and f"{name.removesuffix('_target')}_from" in fact.numbers:
            what = name.removesuffix("_target")
            return fact.numbers[f"{what}_from"], target, what.replace("_", " ")
    return None, None, None


def _year(figure: float | None) -> str | None:
    return None if figure is None else f"{figure:.0f}"
