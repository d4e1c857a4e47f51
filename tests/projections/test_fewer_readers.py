"""Who may see a thing, where it is not known which of two settings came last: the fewer readers."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.comments import VisibilitySet
from events.corrections import EventRetracted
from events.fields import Audience
from events.log.record import Record
from projections.engine.found import found
from projections.engine.projection import Projection
from projections.moments import last_moment_of
from projections.timeline import timeline
from tests.projections.history import History

WIDEST_FIRST: tuple[Audience, ...] = get_args(Audience)
FOLLOWING = {name: one for name, one in found().items() if VisibilitySet in one.folds}
WITHOUT_AUDIENCE = {
    "timeline",
    "data_quality",
}  # the first is asked below; the second shows no work
DATES = ("2024", "2024-03", "2024-03-01", "2024-03-02", "2024-03-02T10:00Z", "2024-03-02T11:00Z", "2024-04")


def told(stream: str, *what: tuple[str, Audience]) -> History:
    history = History()
    for on, audience in what:
        history.tell(stream, on, VisibilitySet(audience=audience))
    return history


def shown_to(history: History) -> dict[str, list[str]]:
    """For whom a history's one thing is, by each projection that follows that."""
    return {
        name: _audiences(msgspec.to_builtins(list(history.rows(one).values())))
        for name, one in FOLLOWING.items()
        if name not in WITHOUT_AUDIENCE and _follows(one, history.records[0].stream)
    }


def _follows(projection: Projection[Any], stream: str) -> bool:
    return projection.streams is None or stream.partition("/")[0] in projection.streams


def _audiences(rows: Any) -> list[str]:
    """Every audience of the rows, wherever in them it is said; a row that says none is the organisation's."""
    return [(row.get("about") or row).get("audience", "organisation") for row in rows]


def may_be_last(record: Record, among: list[Record]) -> bool:
    return not any(other.occurred_at > last_moment_of(record) for other in among)


def narrowest(history: History) -> Audience:
    """Of all that may have been said last the one with the fewest readers."""
    last = [one for one in history.records if may_be_last(one, history.records)]
    said: list[Audience] = [msgspec.json.decode(one.body)["audience"] for one in last]
    return max(said, key=WIDEST_FIRST.index)


def test_every_projection_that_follows_it_is_looked_at() -> None:
    looked_at = {
        name
        for kind in ("project", "idea", "improvement")
        for name in shown_to(told(f"{kind}/X-1", ("2024", "team")))
    }
    assert looked_at == FOLLOWING.keys() - WITHOUT_AUDIENCE
    assert len(looked_at) > 10


@pytest.mark.parametrize("stream", ["project/P-1", "idea/D-1", "improvement/I-1", "programme/G-1"])
@pytest.mark.parametrize("on", ["2024-03-02", "2024-03", "2024"])
def test_what_was_given_to_the_team_on_the_day_it_was_made_public_is_the_teams(stream: str, on: str) -> None:
    seen = shown_to(told(stream, ("2024-03-02T10:00Z", "public"), (on, "team")))
    assert {name: who for name, who in seen.items() if set(who) - {"team"}} == {}
    seen = shown_to(told(stream, (on, "team"), (on, "public")))
    assert {name: who for name, who in seen.items() if set(who) - {"team"}} == {}


@pytest.mark.parametrize("stream", ["project/P-1", "idea/D-1", "improvement/I-1", "programme/G-1"])
@given(st.lists(st.tuples(st.sampled_from(DATES), st.sampled_from(WIDEST_FIRST)), min_size=1, max_size=6))
def test_of_all_that_may_have_been_said_last_the_fewest_readers_count(
    stream: str, what: list[tuple[str, Audience]]
) -> None:
    history = told(stream, *what)
    right = {narrowest(history)}
    assert {name: who for name, who in shown_to(history).items() if set(who) - right} == {}


@pytest.mark.parametrize("stream", ["project/P-1", "idea/D-1", "improvement/I-1", "programme/G-1"])
def test_fewer_readers_by_mistake_are_undone_by_retracting_that(stream: str) -> None:
    history = told(stream, ("2024-03-02T10:00Z", "public"), ("2024-03-02", "team"))
    history.tell(stream, "2024-03-03", EventRetracted(of="e-2"))
    assert {name: who for name, who in shown_to(history).items() if set(who) - {"public"}} == {}


async def test_a_timeline_is_shown_again_once_fewer_readers_are_retracted(database_url: str) -> None:
    history = told("project/P-1", ("2024-03-02T10:00Z", "public"), ("2024-03-02", "team"))
    history.tell("project/P-1", "2024-03-03", EventRetracted(of="e-2"))
    lines = await history.ask(database_url, timeline, "of_subject", subject="project/P-1", reader="public")
    assert "visibility.set" in {line.type for line in lines}


@pytest.mark.parametrize(
    ("what", "reader", "lines"),
    [
        ([("2024-03-02T10:00Z", "public"), ("2024-03-02", "team")], "public", 0),
        ([("2024-03-02T10:00Z", "public"), ("2024-03-02", "team")], "team", 2),
        ([("2024-03", "team"), ("2024-03", "public")], "forum", 0),
        ([("2024-03", "team"), ("2024-04", "public")], "public", 2),
        ([("2024", "organisation"), ("2024-03", "team"), ("2024-04", "public")], "public", 0),
        ([("2024", "organisation"), ("2024-03", "team"), ("2024-04", "public")], "organisation", 3),
    ],
)
async def test_a_timeline_is_shown_to_the_fewer_readers(
    database_url: str, what: list[tuple[str, Audience]], reader: Audience, lines: int
) -> None:
    history = told("project/P-1", *what)
    answers = await history.ask(database_url, timeline, "of_subject", subject="project/P-1", reader=reader)
    assert len(answers) == lines
