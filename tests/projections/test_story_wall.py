from datetime import date
from typing import Any

import pytest

from events.comments import VisibilitySet
from events.corrections import EventRetracted
from events.improvements import (
    ImprovementPromoted,
    ImprovementReported,
    ImprovementStopped,
    ImprovementSustained,
    ImprovementUpdated,
)
from events.people import ConsentGiven, ConsentWithdrawn
from events.stories import StoryLinked, StoryShared, StoryWithdrawn
from projections.story_wall import TERMS_MAX, wall
from tests.projections.history import History

FALLS = StoryShared(
    title="Fewer falls on the ward",
    summary="A nurse looks in every hour.",
    audience="public",
    format="poster",
    areas=("service_user_experience",),
    tools=("safety huddle",),
    directorate="luton",
    about=("project/P-1",),
)
HUDDLE = ImprovementReported(
    what_changed="The huddle begins with good news.", level="team", tools=("huddle",)
)


async def shown(database_url: str, history: History, **asked: Any) -> list[str]:
    asked = {"on": date(2026, 6, 1)} | asked
    return [piece.title for piece in await history.ask(database_url, wall, "shown", **asked)]


async def test_a_withdrawn_story_is_told_no_more(database_url: str) -> None:
    history = History()
    history.tell("story/S-1", "2024-01", FALLS)
    history.tell("story/S-1", "2024-02", StoryWithdrawn())
    history.tell("story/S-1", "2024-03", VisibilitySet(audience="public"))
    assert "Fewer falls" not in str(history.rows(wall))
    assert await shown(database_url, history, reader="team") == []


async def test_a_withdrawal_told_before_the_sharing_it_followed_holds(database_url: str) -> None:
    history = History()
    history.tell("story/S-1", "2024-02", StoryWithdrawn())
    history.tell("story/S-1", "2024-01", FALLS)
    assert await shown(database_url, history, reader="team") == []


@pytest.mark.parametrize("gone", ["2026-03-02", "2026-03", "2026"])
async def test_a_withdrawal_on_the_day_or_in_the_month_of_the_sharing_holds(
    database_url: str, gone: str
) -> None:
    history = History()
    history.tell("story/S-1", "2026-03-02T10:00Z", FALLS)
    history.tell("story/S-1", gone, StoryWithdrawn())
    assert "Fewer falls" not in str(history.rows(wall))
    assert await shown(database_url, history, reader="team") == []


async def test_a_story_is_shared_again_once_it_was_surely_withdrawn_before(database_url: str) -> None:
    history = History()
    history.tell("story/S-1", "2026-03-02T10:00Z", FALLS)
    history.tell("story/S-1", "2026-03-02T11:00Z", StoryWithdrawn())
    history.tell("story/S-1", "2026-03-02T12:00Z", FALLS)
    assert await shown(database_url, history) == [FALLS.title]
    history.tell("story/S-1", "2026-03", StoryWithdrawn())
    assert await shown(database_url, history) == []
    history.tell("story/S-1", "2026-04-01", FALLS)
    assert await shown(database_url, history) == [FALLS.title]


async def test_a_story_shared_anew_has_no_more_readers_than_it_says(database_url: str) -> None:
    history = History()
    history.tell("story/S-1", "2026-01", FALLS)
    history.tell("story/S-1", "2026-02", StoryWithdrawn())
    history.tell("story/S-1", "2026-03", VisibilitySet(audience="public"))
    history.tell("story/S-1", "2026-04", StoryShared(title="Told anew"))
    assert await shown(database_url, history) == []
    assert await shown(database_url, history, reader="organisation") == ["Told anew"]


@pytest.mark.parametrize("on", ["2026-03-02", "2026-03"])
async def test_fewer_readers_on_the_day_of_the_sharing_are_fewer_readers(database_url: str, on: str) -> None:
    history = History()
    history.tell("story/S-1", "2026-03-02T10:00Z", FALLS)
    history.tell("improvement/I-1", "2026-03-02T10:00Z", HUDDLE, VisibilitySet(audience="public"))
    assert len(await shown(database_url, history)) == 2
    for stream in ("story/S-1", "improvement/I-1"):
        history.tell(stream, on, VisibilitySet(audience="team"))
    assert await shown(database_url, history, reader="forum") == []
    for stream in ("story/S-1", "improvement/I-1"):
        history.tell(stream, "2026-04-01", VisibilitySet(audience="public"))
    assert len(await shown(database_url, history)) == 2


@pytest.mark.parametrize("on", ["2026-03-02", "2026-03", "2026"])
def test_shared_for_fewer_readers_on_the_day_it_was_shared_with_all_it_is_for_the_fewer(on: str) -> None:
    history = History()
    history.tell("story/S-1", "2026-03-02T10:00Z", FALLS)
    history.tell("story/S-1", on, StoryShared(title="Falls", audience="team"))
    assert history.row(wall, "story/S-1").audience == "team"
    history.tell("story/S-1", "2026-03-02T11:00Z", StoryWithdrawn())
    history.tell("story/S-1", "2026-03-02T12:00Z", FALLS)
    assert history.row(wall, "story/S-1").audience == "team"
    history.tell("story/S-1", "2027-01-01", FALLS)
    assert history.row(wall, "story/S-1").audience == "public"


def test_a_story_of_the_teams_is_made_public_on_the_day_it_was_shared() -> None:
    history = History()
    history.tell("story/S-1", "2026-03-02", StoryShared(title="Falls", audience="team"))
    history.tell("story/S-1", "2026-03-02", VisibilitySet(audience="public"))
    assert history.row(wall, "story/S-1").audience == "public"


async def test_a_withdrawal_that_was_a_mistake_is_undone_by_retracting_it(database_url: str) -> None:
    history = History()
    history.tell("story/S-1", "2024-01", FALLS)
    history.tell("story/S-1", "2024-02", StoryWithdrawn())
    history.tell("story/S-1", "2024-03", EventRetracted(of="e-2"))
    assert await shown(database_url, history) == ["Fewer falls on the ward"]


async def test_a_story_is_not_shown_while_a_consent_it_rests_on_is_withdrawn(database_url: str) -> None:
    history = History()
    history.tell(
        "story/S-1", "2024-01", StoryShared(title="Her story", audience="public", consents=("CO-1", "CO-2"))
    )
    history.tell("person/a", "2024-01", ConsentGiven(consent="CO-2", purpose="public_story"))
    assert await shown(database_url, history) == ["Her story"]
    history.tell("person/a", "2024-02", ConsentWithdrawn(consent="CO-2"))
    assert await shown(database_url, history) == []
    history.tell("person/a", "2024-03", ConsentGiven(consent="CO-2", purpose="public_story"))
    assert await shown(database_url, history) == ["Her story"]


async def test_a_consent_withdrawn_on_the_day_it_was_given_is_withdrawn(database_url: str) -> None:
    history = History()
    agreed = ConsentGiven(consent="CO-2", purpose="public_story")
    history.tell(
        "story/S-1", "2026-01", StoryShared(title="Her story", audience="public", consents=("CO-2",))
    )
    history.tell("person/a", "2026-03-02T10:00Z", agreed)
    history.tell("person/a", "2026-03-02", ConsentWithdrawn(consent="CO-2"))
    assert await shown(database_url, history) == []
    history.tell("person/a", "2026-03-03T10:00Z", agreed)
    assert await shown(database_url, history) == ["Her story"]


def test_of_many_consents_those_withdrawn_are_not_forgotten_for_those_that_end() -> None:
    history = History()
    history.tell("person/a", "2026-01", ConsentWithdrawn(consent="CO-0"))
    for number in range(1, TERMS_MAX + 1):
        agreed = ConsentGiven(consent=f"CO-{number}", purpose="public_story", until="2027")
        history.tell("person/a", "2026-02", agreed)
    terms = history.row(wall, "person/a").terms
    assert (len(terms), terms[0].consent) == (TERMS_MAX, "CO-0")


async def test_a_consent_holds_until_its_last_day(database_url: str) -> None:
    history = History()
    history.tell(
        "story/S-1", "2026-01", StoryShared(title="Her story", audience="public", consents=("CO-2",))
    )
    history.tell("person/a", "2026-01", ConsentGiven(consent="CO-2", purpose="public_story", until="2027-03"))
    assert await shown(database_url, history, on=date(2027, 3, 31)) == ["Her story"]
    assert await shown(database_url, history, on=date(2027, 4, 1)) == []
    history.tell("person/a", "2027-05", ConsentGiven(consent="CO-2", purpose="public_story"))
    assert await shown(database_url, history, on=date(2027, 6, 1)) == ["Her story"]


async def test_a_consent_given_again_before_it_may_have_been_withdrawn_is_withdrawn(
    database_url: str,
) -> None:
    history = History()
    history.tell(
        "story/S-1", "2026-01", StoryShared(title="Her story", audience="public", consents=("CO-2",))
    )
    history.tell("person/a", "2026-03", ConsentWithdrawn(consent="CO-2"))
    history.tell("person/a", "2026-03-05", ConsentGiven(consent="CO-2", purpose="public_story", until="2030"))
    assert await shown(database_url, history) == []


async def test_each_reader_sees_what_they_may(database_url: str) -> None:
    history = History()
    history.tell("story/S-1", "2024-01-01", FALLS)
    history.tell("story/S-2", "2024-01-02", StoryShared(title="Among ourselves"))
    history.tell("story/S-3", "2024-01-03", StoryShared(title="For the forum", audience="forum"))
    history.tell("improvement/I-1", "2024-01-04", HUDDLE)
    history.tell("improvement/I-2", "2024-01-05", HUDDLE)
    history.tell("improvement/I-2", "2024-01-06", VisibilitySet(audience="public"))
    assert await shown(database_url, history) == [HUDDLE.what_changed, "Fewer falls on the ward"]
    assert len(await shown(database_url, history, reader="organisation")) == 4
    assert len(await shown(database_url, history, reader="forum")) == 5


async def test_stories_are_found_by_words_in_any_form_the_best_match_first(database_url: str) -> None:
    history = History()
    history.tell("story/S-1", "2024-01-01", FALLS)
    history.tell(
        "story/S-2", "2024-01-02", StoryShared(title="Nobody fell: a ward learns", audience="public")
    )
    history.tell(
        "story/S-3",
        "2024-01-03",
        StoryShared(title="Falling, falls, fallen", summary="All about a fall.", audience="public"),
    )
    history.tell("story/S-4", "2024-01-04", StoryShared(title="Sleep", audience="public"))
    assert await shown(database_url, history, words="fall") == [
        "Falling, falls, fallen",
        "Fewer falls on the ward",
    ]
    assert await shown(database_url, history, words="falls -nurse", limit=1) == ["Falling, falls, fallen"]
    assert await shown(database_url, history, words='"nurse looks"') == ["Fewer falls on the ward"]
    assert await shown(database_url, history, words="") == []
    assert await shown(database_url, history, words="' & | ! :*") == []


async def test_pieces_are_found_by_area_format_tool_place_and_subject(database_url: str) -> None:
    history = History()
    history.tell("story/S-1", "2024-01-01", FALLS)
    history.tell("story/S-1", "2024-01-02", StoryLinked(to="improvement/I-1"))
    history.tell("improvement/I-1", "2024-01-04", HUDDLE)
    history.tell(
        "improvement/I-1", "2024-01-05", ImprovementUpdated(note="At night too.", tools=("safety huddle",))
    )
    history.tell("improvement/I-1", "2024-01-06", ImprovementPromoted(project="P-1"))
    both = [HUDDLE.what_changed, FALLS.title]

    async def found(**asked: Any) -> list[str]:
        return await shown(database_url, history, reader="organisation", **asked)

    assert await found() == both
    assert await found(tool="safety huddle") == both
    assert await found(about="project/P-1") == both
    assert await found(about="improvement/I-1") == [FALLS.title]
    assert await found(kind="improvement") == [HUDDLE.what_changed]
    assert await found(words="night") == [HUDDLE.what_changed]
    assert await found(area="service_user_experience") == [FALLS.title]
    assert await found(in_format="poster", directorate="luton") == [FALLS.title]
    assert await found(in_format="video") == []


def test_an_improvement_stays_on_the_wall_as_what_it_was() -> None:
    history = History()
    history.tell("improvement/I-1", "2024-01", HUDDLE)
    assert history.row(wall, "improvement/I-1").standing == "practised"
    for event, standing in [
        (ImprovementSustained(), "sustained"),
        (ImprovementStopped(), "stopped"),
        (ImprovementPromoted(project="P-1"), "became_project"),
    ]:
        history.tell("improvement/I-1", "2024-02", event)
        row = history.row(wall, "improvement/I-1")
        assert (row.standing, row.summary) == (standing, HUDDLE.what_changed)
