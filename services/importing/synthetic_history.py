"""An invented history of a trust, ten years long: seeded, sized like a trust, told in the order of its days.

It shows what published facts are too thin for: measures, cycles, scores, coaching, training, improvement outside
projects. Everything in it is made up, its `source` says so (`https://qiledger.example/history/synthetic`), and it
belongs to an organisation that does not exist. The same seed and size give the same history, on any machine.

Lives (of projects, forums, cohorts and so on) begin one after another, and only those under way are in memory. Within
it are what real histories have: late tellings, corrections, retractions, a pandemic, projects that end before their
time, a merger of directorates, strategies worded anew.
"""

import heapq
import math
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TypeAlias

from services.importing import synthetic_trust
from services.importing.synthetic_life import BEGINS, ENDS, SOURCE, Life, Told
from services.importing.synthetic_projects import project_life
from services.importing.synthetic_setting import Fate
from services.importing.synthetic_trust import COURSES, MONTH, Training
from services.importing.synthetic_words import DIRECTORATES
from services.importing.telling import Telling

PROJECTS = 433  # active or completed on 20 May 2022, as ELFT published
ORGANISATION = "SYN"
ORGANISATION_NAME = "Synthetic NHS Trust (invented)"
CANCELLED, NEVER_STARTED = 0.12, 0.08  # beside each project that counts
IMPROVEMENTS, IDEAS = 1.0, 0.3
PROJECTS_PER_DIRECTORATE = 12
LAST_START = ENDS - timedelta(days=120)

Begin: TypeAlias = tuple[datetime, int, Callable[[], list[Told]]]

__all__ = ["BEGINS", "ENDS", "ORGANISATION", "ORGANISATION_NAME", "PROJECTS", "SOURCE", "histories"]


def histories(
    seed: int = 1, *, projects: int = PROJECTS, organisation: str = ORGANISATION
) -> Iterator[Telling]:
    """The whole history, one event after another in the order in which they are told.

    `projects` is how many are active or completed at its end; everything else grows with it. About 120 events each.
    """
    if projects < 1:
        raise ValueError("a history needs a project")
    under_way: list[tuple[datetime, int, int, Iterator[Told], Told]] = []
    for order, (begins, _, live) in enumerate(_begins(seed, projects, organisation)):
        while under_way and under_way[0][0] < begins:
            yield _next(under_way)
        _push(under_way, order, iter(live()))
    while under_way:
        yield _next(under_way)


def _push(
    under_way: list[tuple[datetime, int, int, Iterator[Told], Told]], order: int, life: Iterator[Told]
) -> None:
    told = next(life, None)
    if told is not None:
        heapq.heappush(under_way, (told.at, order, told.number, life, told))


def _next(under_way: list[tuple[datetime, int, int, Iterator[Told], Told]]) -> Telling:
    """The next event of whichever life is next to speak."""
    _, order, _, life, told = heapq.heappop(under_way)
    _push(under_way, order, life)
    return told.telling


def _begins(seed: int, projects: int, organisation: str) -> Iterator[Begin]:
    """Every life with the moment it begins, in that order."""
    directorates = tuple(
        id_ for id_, _ in DIRECTORATES[: min(len(DIRECTORATES), max(2, projects // PROJECTS_PER_DIRECTORATE))]
    )

    def life(name: str, stream: str, begins: datetime) -> Life:
        return Life(name, stream, seed=seed, organisation=organisation, begins=begins)

    yield from _frame(life, organisation, directorates)
    yield from heapq.merge(
        _projects(life, projects, directorates),
        _many(life, "I", "improvement", round(projects * IMPROVEMENTS), 3, directorates),
        _many(life, "ID", "idea", round(projects * IDEAS), 4, directorates),
        *(_cohorts(life, course, min(1.0, projects / PROJECTS)) for course in COURSES),
        key=lambda begin: begin[:2],
    )


NewLife: TypeAlias = Callable[[str, str, datetime], Life]


def _frame(life: NewLife, organisation: str, directorates: tuple[str, ...]) -> Iterator[Begin]:
    """What is there from the first day."""
    yield BEGINS, 0, lambda: synthetic_trust.strategy_life(life("ST", "strategy/better-together", BEGINS))
    yield BEGINS, 0, lambda: synthetic_trust.courses_life(life("CO", f"organisation/{organisation}", BEGINS))
    for number, id_ in enumerate(directorates):

        def directorate(id_: str = id_) -> list[Told]:
            return synthetic_trust.directorate_life(life(f"D-{id_}", f"directorate/{id_}", BEGINS), id_)

        def forum(id_: str = id_, number: int = number) -> list[Told]:
            return synthetic_trust.forum_life(life(f"F-{id_}", f"forum/{id_}", BEGINS), id_, number)

        yield BEGINS, 0, directorate
        yield BEGINS, 0, forum


def _projects(life: NewLife, projects: int, directorates: tuple[str, ...]) -> Iterator[Begin]:
    """All projects, also those that are cancelled or never start, spread evenly and their fates well mixed."""
    cancelled, never = round(projects * CANCELLED), round(projects * NEVER_STARTED)
    total = projects + cancelled + never
    stride = next(
        step for step in range(max(1, round(total * 0.618)), total + 2) if math.gcd(step, total) == 1
    )
    for slot in range(total):
        drawn = slot * stride % total
        fate: Fate = (
            "runs" if drawn < projects else "cancelled" if drawn < projects + cancelled else "never_started"
        )
        begins = _slot(slot, total)

        def project(number: int = slot + 1, fate: Fate = fate, begins: datetime = begins) -> list[Told]:
            name = f"P-{number:04d}"
            return project_life(life(name, f"project/{name}", begins), number, fate, directorates)

        yield begins, 2, project


def _many(
    life: NewLife, prefix: str, kind: str, total: int, order: int, directorates: tuple[str, ...]
) -> Iterator[Begin]:
    """Improvements or ideas, spread evenly."""
    lived = synthetic_trust.improvement_life if kind == "improvement" else synthetic_trust.idea_life
    for slot in range(total):
        begins = _slot(slot, total)

        def one(number: int = slot + 1, begins: datetime = begins) -> list[Told]:
            name = f"{prefix}-{number:04d}"
            return lived(life(name, f"{kind}/{name}", begins), directorates)

        yield begins, order, one


def _cohorts(life: NewLife, course: Training, scale: float) -> Iterator[Begin]:
    """The cohorts of one training programme, at its rhythm."""
    begins, number = BEGINS + timedelta(days=40), 0
    while begins < ENDS:
        number += 1

        def cohort(number: int = number, begins: datetime = begins) -> list[Told]:
            name = f"C-{course.id}-{number}"
            return synthetic_trust.cohort_life(
                life(name, f"cohort/{course.id}-{number}", begins), course, number, scale=scale
            )

        yield begins, 1, cohort
        begins += course.every_months * MONTH


def _slot(slot: int, total: int) -> datetime:
    """The moment of one of `total` beginnings, evenly spread over the years; in the morning, like most."""
    span = LAST_START - BEGINS
    return BEGINS + timedelta(seconds=round(span.total_seconds() * (slot + 0.5) / total))
