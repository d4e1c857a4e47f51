"""Published facts about stories, papers and guides, about training, and about people learning from one another."""

from events.learning import LearningEventHeld
from events.stories import Format, StoryShared
from events.training import CohortCompleted, CohortOpened
from services.importing.published_fact import Fact, Mapped
from services.importing.subjects import cohort_of, is_training
from services.importing.wording import gathering

TITLE_FROM_A_LIST = "Title from a list"
JOURNALS = ("bmjopenquality.bmj.com", "pmc.ncbi.nlm.nih.gov", "core-prod.cambridgecore.org")


def story_shared(fact: Fact) -> Mapped:
    newsletter = "newsletter" in f"{fact.subject} {fact.note or ''}".lower()
    return _story(fact, "newsletter" if newsletter else None)


def publication(fact: Fact) -> Mapped:
    if "report" in f"{fact.title} {fact.note or ''}".lower():
        return _story(fact, "report")
    journal = fact.url.split("/")[2] in JOURNALS or "journal" in f"{fact.title} {fact.note or ''}"
    return _story(fact, "paper" if journal else None)


def resource_published(fact: Fact) -> Mapped:
    return _story(fact, "guide")


def _story(fact: Fact, form: Format | None) -> Mapped:
    """A story in a stream of its own, about the fact's subject, and about the directorates where several are named."""
    several = fact.directorates if len(fact.directorates) > 1 else ()
    in_a_list = (fact.note or "").startswith(TITLE_FROM_A_LIST)
    shared = StoryShared(
        title=fact.title,
        address=None if in_a_list else fact.url,
        about=(*fact.streams, *(f"directorate/{directorate}" for directorate in several)),
        format=form,
        areas=fact.strategy_areas,
        tools=fact.tools,
        directorate=fact.one_directorate,
        audience="public",
        published=fact.citation,
    )
    return [(f"story/{fact.id}", shared)]


def learning_event(fact: Fact) -> Mapped:
    number, participants = fact.numbers.get("learning_set"), fact.numbers.get("participants")
    held = LearningEventHeld(
        title=fact.title,
        kind=gathering(fact.title),
        number=number if isinstance(number, int) else None,
        participants=participants if isinstance(participants, int) else None,
        programme=fact.home.partition("/")[2] if fact.home.startswith("programme/") else None,
        directorate=fact.one_directorate,
        areas=fact.strategy_areas,
        tools=fact.tools,
        published=fact.citation,
    )
    return [(fact.home, held)]


def training_cohort_opened(fact: Fact) -> Mapped:
    cohort = cohort_of(fact.subject, fact.written)
    counted = {name: value for name, value in fact.numbers.items() if isinstance(value, int)}
    opened = CohortOpened(
        course=cohort.course,
        title=fact.subject,
        number=cohort.number or counted.get("cohort"),
        places=counted.get("places"),
        participants=counted.get("participants", counted.get("staff")),
        directorate=fact.one_directorate,
        tools=fact.tools,
        published=fact.citation,
    )
    return [(f"cohort/{cohort.id}", opened)]


def training_completed(fact: Fact) -> Mapped:
    cohort = cohort_of(fact.subject, fact.written)
    of_a_course = is_training(fact.organisation, fact.subject)
    if fact.title.endswith("day one") or not of_a_course:
        held = LearningEventHeld(
            title=fact.title,
            kind="course_day",
            directorate=fact.one_directorate,
            tools=fact.tools,
            published=fact.citation,
        )
        return [(f"cohort/{cohort.id}" if of_a_course else fact.home, held)]
    completed = CohortCompleted(
        course=cohort.course,
        title=fact.subject,
        number=cohort.number,
        directorate=fact.one_directorate,
        tools=fact.tools,
        published=fact.citation,
    )
    return [(f"cohort/{cohort.id}", completed)]
