"""Which score a project has, where several people score it."""

from datetime import date
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from events.programmes import ProjectJoinedProgramme
from events.projects import ProjectStarted
from events.scores import Assessor, ProgressScored
from projections.at_risk import at_risk
from projections.data_quality import quality
from projections.engine.found import found
from projections.programmes import taking_part
from projections.project_score import WithScore
from projections.projects import projects
from tests.projections.history import History

P = "project/P-1"
SHOWN = ("score", "scale", "scored")
OF_A_SCORE = (*SHOWN, "scores", "assessor", "score_since", "score_before", "scored_until")


def by(assessor: Any, score: float, scale: str = "life_qi") -> ProgressScored:
    return ProgressScored(score=score, scale=scale, assessor=assessor)


def told(*what: tuple[str, ProgressScored]) -> History:
    history = History()
    history.tell(P, "2024-01-01", ProjectStarted())
    for on, event in what:
        history.tell(P, on, event)
    return history


def page(*what: tuple[str, ProgressScored]) -> WithScore:
    row: WithScore = told(*what).row(projects, P)
    return row


def test_two_who_judge_otherwise_each_month_make_no_rise_and_no_fall() -> None:
    history = told(
        *((f"2024-{month:02}-05", by("self", 3)) for month in range(1, 13)),
        *((f"2024-{month:02}-20", by("advisor", 2.5)) for month in range(1, 13)),
    )
    row = history.row(at_risk, P)
    assert (row.score, row.assessor, row.score_since, row.score_before) == (
        2.5,
        "advisor",
        "2024-01-20",
        None,
    )
    assert (row.score_held_from, row.scored_until) == (date(2024, 1, 20), date(2024, 12, 20))
    rules = {odd.rule for odd in history.row(quality, P).oddities}
    assert not rules & {"score_fell", "score_jumped"}


async def test_a_project_that_its_coach_sees_stuck_is_stuck_though_its_team_is_content(
    database_url: str,
) -> None:
    history = told(
        ("2024-01-10", by("coach", 2.5)), ("2024-04-10", by("coach", 2.5)), ("2024-04-12", by("self", 3.5))
    )
    found = await history.ask(
        database_url, at_risk, "needing_attention", on=date(2024, 4, 15), reason="stuck"
    )
    assert [(one.score, one.score_since) for one in found] == [(2.5, "2024-01-10")]


def test_the_forum_comes_before_the_advisor_the_coach_and_the_team() -> None:
    told_by: list[tuple[str, ProgressScored]] = []
    for day, assessor in enumerate(("forum", "advisor", "coach", "self"), start=1):
        told_by.append((f"2024-02-0{day}", by(assessor, day)))
        assert page(*told_by).assessor == "forum"
        assert page(*told_by[-2:]).score == max(day - 1, 1)


def test_an_old_judgement_does_not_hide_a_new_one() -> None:
    forum = ("2024-01-10", by("forum", 1))
    assert page(forum, ("2024-07-11", by("self", 3))).assessor == "forum"
    later = page(forum, ("2024-07-12", by("self", 3)))
    assert (later.assessor, later.score, later.score_before) == ("self", 3, None)


def test_a_score_on_another_scale_is_a_series_of_its_own() -> None:
    row = page(
        ("2024-01-10", by("coach", 2)),
        ("2024-02-10", by("coach", 4, "ihi")),
        ("2024-03-10", by("coach", 2.5)),
    )
    assert (row.score, row.scale, row.score_before, row.score_since) == (2.5, "life_qi", 2, "2024-03-10")
    assert [(one.scale, one.score) for one in row.scores] == [("ihi", 4), ("life_qi", 2.5)]


def test_whoever_fell_in_their_own_eyes_did() -> None:
    history = told(
        ("2024-01-10", by("self", 3)), ("2024-02-10", by("coach", 2)), ("2024-03-10", by("self", 2.5))
    )
    fell = [odd.about for odd in history.row(quality, P).oddities if odd.rule == "score_fell"]
    assert fell == ["3.0 to 2.5"]


def test_a_score_said_again_more_exactly_says_since_when_it_was_surely_had() -> None:
    row = page(("2024", by("self", 2.5)), ("2024-03-01", by("self", 2.5)))
    assert (row.score_since, row.score_held_from, row.scored_until) == (
        "2024",
        date(2024, 3, 1),
        date(2024, 12, 31),
    )


def scores() -> st.SearchStrategy[tuple[str, ProgressScored]]:
    """Of the same months and scales, by anybody, more than half a year apart or less."""
    dates = st.sampled_from(
        ["2024", "2024-01", "2024-01-10", "2024-02-10", "2024-08", "2024-08-20", "2025-01-01"]
    )
    judgements = st.builds(
        by,
        st.sampled_from(get_args(Assessor)),
        st.sampled_from([1, 2.5, 4]),
        st.sampled_from(["life_qi", "ihi"]),
    )
    return st.tuples(dates, judgements)


@given(st.lists(scores(), min_size=1, max_size=8))
def test_every_projection_that_says_a_projects_score_says_the_same(
    what: list[tuple[str, ProgressScored]],
) -> None:
    history = told(*what)
    right = {name: getattr(history.row(projects, P), name) for name in OF_A_SCORE}
    saying = [
        one
        for one in found().values()
        if ProgressScored in one.folds and "score" in one.row.__struct_fields__
    ]
    assert {one.name for one in saying} >= {
        "projects",
        "programmes",
        "forum_portfolio",
        "at_risk",
        "agenda_pack",
    }
    for one in saying:
        (row,) = history.rows(one).values()
        assert {name: getattr(row, name) for name in OF_A_SCORE} == right, one.name


async def test_a_programme_shows_the_forums_score_though_the_team_scored_last(database_url: str) -> None:
    history = told(("2024-01-10", by("forum", 2)), ("2024-02-10", by("self", 4)))
    history.tell(P, "2024-01-01", ProjectJoinedProgramme(programme="flow"))
    (seen,) = await history.ask(database_url, taking_part, "projects", programme="flow")
    page = history.row(projects, P)
    assert [getattr(seen, name) for name in SHOWN] == [getattr(page, name) for name in SHOWN]
    (flow,) = await history.ask(database_url, taking_part, "programmes")
    assert (seen.score, flow.improving, flow.median_score) == (2, 0, 2)
