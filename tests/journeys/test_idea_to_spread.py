"""From an idea to its spread: service users find a building hard to enter, and other teams take up what helped.

The shape is that of a real project (access to community mental health buildings in Central Bedfordshire). At each step
the pictures that people ask for show what they should.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.trust import Trust
from tests.standing_house import StandingHouse

IDEA, PROJECT, FORUM = "idea/ID-7", "project/P-access", "forum/bedfordshire"
RAISER = "person/su1"
LEAD, COACH, SPONSOR, SERVICE_USER = "person/l1", "person/c1", "person/s1", "person/su1"
AREA = "service_user_experience"
MONTHS = (
    *("2024-04", "2024-05", "2024-06", "2024-07", "2024-08", "2024-09"),
    *("2024-10", "2024-11", "2024-12", "2025-01", "2025-02", "2025-03"),
)
LATE = (31, 33, 30, 32, 29, 24, 18, 14, 11, 9, 8, 8)  # people of 100 who arrived late because of the way in


@pytest.fixture
def trust(home: StandingHouse) -> Iterator[Trust]:
    with Trust(home) as trust:
        trust.tells(
            "forum.created", FORUM, "2015", name="Bedfordshire QI Forum", directorates=["bedfordshire"]
        )
        yield trust


def page(trust: Trust, **asks: Any) -> dict[str, Any]:
    return trust.asks_for_one("projects/one", project="P-access", **asks)


def portfolio(trust: Trust, on: str) -> dict[str, Any]:
    return trust.asks_for_one("forum_portfolio/of_forum", forum="bedfordshire", on=on)


def agenda(trust: Trust, on: str) -> set[tuple[str, str]]:
    items = trust.asks("agenda_pack/agenda", forum="bedfordshire", on=on)
    return {(item["section"], item["says"]) for item in items if item["project"] == "P-access"}


def needs(trust: Trust, on: str) -> set[str]:
    """Why the project needs attention."""
    return {reason for row in trust.asks("at_risk/needing_attention", on=on) for reason in row["reasons"]}


def in_the_area(trust: Trust, on: str) -> dict[str, Any]:
    """What stands in the strategy area on a day; nothing where nothing does."""
    rows = trust.asks("strategy_areas/monthly", since=on, until=on, area=AREA, directorate="*")
    return rows[0] if rows else {}


def counters(trust: Trust, on: str) -> dict[str, Any]:
    return trust.asks_for_one("trust_scoreboard/counters", on=on)


def test_an_idea_becomes_a_project_and_its_change_spreads(trust: Trust):
    somebody_has_an_idea(trust)
    it_becomes_a_proposal(trust)
    the_forum_approves_it(trust)
    a_team_starts(trust)
    it_says_what_it_wants_and_how(trust)
    it_measures_and_tests(trust)
    it_is_coached_and_something_stands_in_its_way(trust)
    it_is_completed_and_handed_over(trust)
    the_gains_hold_and_another_team_takes_it_up(trust)
    its_whole_story_is_there(trust)


def somebody_has_an_idea(trust: Trust) -> None:
    trust.tells(
        "idea.raised",
        IDEA,
        "2024-01-10",
        title="Make the way in easy to find",
        origin="working_together_group",
        directorate="bedfordshire",
        areas=[AREA],
        raised_by=RAISER,
    )
    waiting = trust.asks_for_one("idea_tracker/of_a_team", on="2024-01-20", directorate="bedfordshire")
    assert (waiting["answered"], waiting["days_waiting"]) == (None, 10)

    trust.tells(
        "idea.acknowledged", IDEA, "2024-01-22", answer="Thank you. The forum will see it in February."
    )
    mine = trust.asks_for_one("idea_tracker/of_a_raiser", raised_by=RAISER)
    assert (mine["outcome"], mine["days_to_answer"]) == ("open", 12)


def it_becomes_a_proposal(trust: Trust) -> None:
    trust.tells(
        "project.proposed",
        PROJECT,
        "2024-02-01",
        title="Access to our buildings",
        problem="People arrive late because they cannot find or open the door.",
        directorate="bedfordshire",
        forum="bedfordshire",
        areas=[AREA],
        from_idea="ID-7",
    )
    trust.tells(
        "idea.taken_up", IDEA, "2024-02-01", into=PROJECT, answer="It is a project now. Will you join?"
    )
    mine = trust.asks_for_one("idea_tracker/of_a_raiser", raised_by=RAISER)
    assert (mine["outcome"], mine["became"]) == ("taken_up", PROJECT)
    assert (page(trust)["state"], page(trust)["grew_from"]) == ("proposed", IDEA)
    assert counters(trust, "2024-02-02")["waiting"] == 1
    assert in_the_area(trust, "2024-02-29").get("active_or_completed", 0) == 0


def the_forum_approves_it(trust: Trust) -> None:
    trust.tells("project.submitted", PROJECT, "2024-02-05", forum="bedfordshire", meeting="2024-02")
    assert agenda(trust, "2024-02-14") == {("to_approve", "Put to the forum, to be approved")}
    trust.tells(
        "project.reviewed",
        PROJECT,
        "2024-02-14",
        forum="bedfordshire",
        outcome="approved_with_conditions",
        conditions=["Service users lead"],
        next_review="2024-06",
    )
    assert page(trust)["state"] == "approved"
    assert agenda(trust, "2024-03-14") == set()


def a_team_starts(trust: Trust) -> None:
    trust.tells("project.started", PROJECT, "2024-03-01", approved_by="bedfordshire")
    assert agenda(trust, "2024-03-14") == {("missing", "No sponsor, no coach, no service user or carer")}
    trust.tells("person.joined", PROJECT, "2024-03-15", person=SPONSOR, role="sponsor", kind="staff")
    trust.tells("person.joined", PROJECT, "2024-03-15", person=LEAD, role="lead", kind="staff")
    trust.tells(
        "person.joined", PROJECT, "2024-03-15", person=SERVICE_USER, role="service_user", kind="service_user"
    )
    trust.tells("coach.accredited", COACH, "2023", hours_per_month=8)
    trust.tells("coach.allocated", PROJECT, "2024-03-15", coach=COACH, by="bedfordshire", hours_per_month=4)
    trust.tells("involvement.set", PROJECT, "2024-03-15", level="big_i")
    trust.tells(
        "charter.completed", PROJECT, "2024-03-20", problem="People arrive late.", scope="One building"
    )

    line = portfolio(trust, "2024-03-31")
    assert (line["state"], line["has_sponsor"], line["has_coach"], line["has_lead"]) == (
        "active",
        True,
        True,
        True,
    )
    assert agenda(trust, "2024-03-31") == set()
    assert len(page(trust)["team"]) == 4
    assert page(trust)["chartered"] == "2024-03-20"
    coach = trust.asks_for_one("coach_load/load", person=COACH)
    assert (coach["under_way"], coach["hours_per_month"], coach["hours_free"]) == (1, 4, 8)
    month = trust.asks_for_one("involvement/by_month", since="2024-03-01", until="2024-03-31")
    assert (month["projects"], month["big_i_share"]) == (1, 1.0)
    assert in_the_area(trust, "2024-03-31")["active"] == 1


def it_says_what_it_wants_and_how(trust: Trust) -> None:
    trust.tells(
        "aim.set",
        PROJECT,
        "2024-03-25",
        statement="Fewer than 10 of 100 people arrive late because of the way in, by March 2025",
        measure="M-late",
        baseline=31,
        target=10,
        direction="decrease",
        by="2025-03",
    )
    trust.tells("driver.added", PROJECT, "2024-03-26", driver="D-signs", text="People know where the door is")
    trust.tells(
        "driver.added", PROJECT, "2024-03-26", driver="D-door", text="The door opens", parents=["D-signs"]
    )
    trust.tells(
        "change_idea.added",
        PROJECT,
        "2024-04-02",
        change_idea="CI-map",
        text="A photograph of the door goes with every letter",
        drivers=["D-signs"],
    )
    aim = page(trust)["aim"]
    assert (aim["target"], aim["by"], aim["revisions"]) == (10, "2025-03", 0)
    assert page(trust)["change_ideas"] == 1


def it_measures_and_tests(trust: Trust) -> None:
    trust.tells(
        "measure.defined",
        PROJECT,
        "2024-04-02",
        measure="M-late",
        name="Late because of the way in",
        kind="outcome",
        unit="%",
        chart="p",
        interval="monthly",
        direction="decrease",
        target=10,
    )
    months_are_measured(trust, 0, 5)
    measure = trust.asks_for_one("measure_series/measures", project="P-access")
    assert (measure["points"], measure["last_period"]) == (5, "2024-08")
    trust.tells("progress.scored", PROJECT, "2024-06-10", score=2.0, scale="life_qi", assessor="self")

    trust.tells(
        "cycle.planned",
        PROJECT,
        "2024-08-05",
        cycle="C-1",
        change_idea="CI-map",
        prediction="At most 20 of 100 will be late.",
        scale="One clinic, one week",
        data_plan="The receptionist asks.",
    )
    cycle = trust.asks_for_one("cycle_quality/cycles", project="P-access")
    assert (cycle["standing"], cycle["predicted"]) == ("planned", "before")
    assert page(trust)["cycles_tested"] == 0
    trust.tells("cycle.started", PROJECT, "2024-08-12", cycle="C-1")
    trust.tells("cycle.done", PROJECT, "2024-08-19", cycle="C-1", observations="Forty letters went out.")
    trust.tells(
        "cycle.studied",
        PROJECT,
        "2024-08-26",
        cycle="C-1",
        happened="24 of 100",
        compared="worse",
        learned="Night differs.",
    )
    assert cycles_lacking(trust, "2024-08-27") == []
    trust.tells("cycle.acted", PROJECT, "2024-08-27", cycle="C-1", decision="adapt")
    assert cycles_lacking(trust, "2024-08-28") == ["next_cycle"]
    trust.tells(
        "cycle.planned", PROJECT, "2024-09-02", cycle="C-2", previous="C-1", prediction="Fewer than 20"
    )
    trust.tells("cycle.acted", PROJECT, "2024-09-23", cycle="C-2", decision="adopt")
    cycles = trust.asks("cycle_quality/cycles", project="P-access")
    assert [(cycle["standing"], cycle["linked"], cycle["decision"]) for cycle in cycles] == [
        ("decided", True, "adapt"),
        ("decided", True, "adopt"),
    ]
    assert (page(trust)["cycles_tested"], page(trust)["last_cycle"]) == (2, "2024-09-23")
    trust.tells("progress.scored", PROJECT, "2024-10-01", score=3.0, scale="life_qi", assessor="self")
    line = portfolio(trust, "2024-10-02")
    assert (line["score"], line["trend"], line["cycles_tested"]) == (3.0, "up", 2)
    assert counters(trust, "2024-10-02")["showing_improvement"] == 1


def months_are_measured(trust: Trust, since: int, until: int) -> None:
    for month, late in list(zip(MONTHS, LATE, strict=True))[since:until]:
        reading = {"period": month, "numerator": late, "denominator": 100}
        trust.tells("measurement.recorded", PROJECT, f"{month}-28", measure="M-late", **reading)


def cycles_lacking(trust: Trust, on: str) -> list[str]:
    return [row["lacking"] for row in trust.asks("cycle_quality/to_look_at", on=on, forum="bedfordshire")]


def it_is_coached_and_something_stands_in_its_way(trust: Trust) -> None:
    trust.tells("coaching_session.held", PROJECT, "2024-10-08", coach=COACH, hours=1.5, focus=["Measures"])
    coach = trust.asks_for_one("coach_load/load", person=COACH)
    assert (coach["sessions"], coach["last_session_until"]) == (1, "2024-10-08")

    trust.tells(
        "barrier.raised", PROJECT, "2024-10-10", barrier="B-1", title="The door is not ours", due="2024-10-31"
    )
    assert page(trust)["barriers_open"] == ["B-1"]
    assert "barrier_overdue" not in needs(trust, "2024-10-30")
    assert "barrier_overdue" in needs(trust, "2024-11-05")
    trust.tells("barrier.escalated", PROJECT, "2024-11-05", barrier="B-1", to="sponsor")
    trust.tells("barrier.resolved", PROJECT, "2024-11-20", barrier="B-1", how="The landlord mended it.")
    assert page(trust)["barriers_open"] == []
    assert "barrier_overdue" not in needs(trust, "2024-11-21")


def it_is_completed_and_handed_over(trust: Trust) -> None:
    months_are_measured(trust, 5, 12)
    points = trust.asks("measure_series/series", project="P-access", measure="M-late")
    assert [point["numerator"] for point in points if point["sort"] == "point"] == [float(n) for n in LATE]
    assert [point["name"] for point in points if point["sort"] == "cycle"] == ["C-1", "C-2"]
    trust.tells(
        "change.implemented",
        PROJECT,
        "2025-01-15",
        change_idea="CI-map",
        change="A photograph goes with every letter",
    )
    trust.tells("progress.scored", PROJECT, "2025-03-10", score=4.0, scale="life_qi", assessor="forum")
    assert ("to_celebrate", "Scored 4 for the first time") in agenda(trust, "2025-03-14")

    trust.tells(
        "project.completed", PROJECT, "2025-04-02", outcome="met", learned="Ask whoever walks the way."
    )
    assert ("to_celebrate", "Completed, its aim met") in agenda(trust, "2025-04-10")
    trust.tells(
        "project.handed_over",
        PROJECT,
        "2025-04-10",
        owner_role="Reception lead",
        measure="M-late",
        review_due="2025-10",
    )
    done = page(trust)
    assert (done["state"], done["ended"], done["outcome"]) == ("completed", "2025-04-02", "met")
    assert (done["changes_implemented"], done["learned"], done["handed_over"]) == (1, 1, "2025-04-10")
    assert done["flaws"] == []
    area = in_the_area(trust, "2025-04-30")
    assert (area["active"], area["completed"], area["active_or_completed"]) == (0, 1, 1)
    assert in_the_area(trust, "2024-12-31")["active"] == 1  # what was so on a day remains so
    assert needs(trust, "2026-01-01") == set()
    score = counters(trust, "2025-04-30")
    assert (score["aim_met"], score["active_or_completed"], score["coaches_coaching"]) == (1, 1, 0)


def the_gains_hold_and_another_team_takes_it_up(trust: Trust) -> None:
    trust.tells("sustain_check.recorded", PROJECT, "2025-10-06", result="held", measure="M-late")
    assert page(trust)["sustained"] == "held"
    assert agenda(trust, "2025-10-10") == {("to_celebrate", "Its gains have held")}

    alike = trust.asks("similar_work/like", title="Finding the way into our buildings", areas=AREA)
    assert [work["stream"] for work in alike] == [PROJECT]
    trust.tells("spread.planned", PROJECT, "2025-10-20", to="Luton", reach="team", change_idea="CI-map")
    trust.tells(
        "project.started", "project/P-luton", "2025-11-03", title="The way in, in Luton", forum="luton"
    )
    trust.tells(
        "spread.adopted",
        PROJECT,
        "2025-11-03",
        to="Luton community team",
        reach="team",
        change_idea="CI-map",
        adaptation="A film instead of a photograph",
        new_project="P-luton",
    )
    assert page(trust)["adopted_elsewhere"] == 1
    assert ("to_celebrate", "Taken up by Luton community team") in agenda(trust, "2025-11-10")
    there = trust.asks("timeline/of_subject", subject="project/P-luton")
    assert {line["type"] for line in there} == {"project.started", "spread.adopted"}
    assert in_the_area(trust, "2025-11-30")["active_or_completed"] == 1  # Luton has named no area


def its_whole_story_is_there(trust: Trust) -> None:
    story = trust.asks("timeline/of_subject", subject=PROJECT)
    types = [line["type"] for line in reversed(story)]
    assert types[0] == "project.proposed"
    assert types[-1] == "spread.adopted"
    assert "idea.taken_up" in types  # told of the idea, and part of this story too
    kept = trust.door.get(f"/v1/{trust.organisation.code}/streams/{PROJECT}", params={"limit": 1000}).json()
    assert len(types) == kept["version"] + 1
    odd = trust.asks("data_quality/odd")
    assert {row["stream"] for row in odd} == {
        "project/P-luton"
    }  # which has told of no sponsor, coach or lead yet
