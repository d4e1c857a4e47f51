import pytest

from events.aims import AimRevised, AimSet
from events.coaching import CoachAllocated
from events.corrections import EventCorrected, EventRetracted
from events.cycles import CycleActed, CycleDone, CyclePlanned, CycleStudied, CycleTested
from events.ideas import IdeaDeclined, IdeaRaised
from events.improvements import ImprovementReported
from events.involvement import InvolvementSet
from events.learning import LearningCaptured
from events.measures import MeasureDefined, MeasurementCorrected, MeasurementRecorded
from events.projects import ProjectCompleted, ProjectStarted
from events.scores import ProgressScored
from events.teams import PersonJoined, PersonLeft
from events.vocabulary import Event
from projections.data_quality import RULES, quality
from tests.projections.history import History

P = "project/P-1"
TEAM = (
    PersonJoined(person="person/s", role="sponsor"),
    PersonJoined(person="person/l", role="lead"),
    CoachAllocated(coach="person/c"),
)


def started(*told: tuple[str, Event]) -> History:
    history = History()
    history.tell(P, "2024-01-01", *TEAM, ProjectStarted(title="Falls"))
    for on, event in told:
        history.tell(P, on, event)
    return history


def odd(history: History, stream: str = P) -> list[str]:
    return [oddity.rule for oddity in history.row(quality, stream).oddities]


def scored(score: float, scale: str = "life_qi") -> ProgressScored:
    return ProgressScored(score=score, scale=scale, assessor="self")


def reading(period: str = "2024-01", *, above: float = 3, below: float = 10) -> MeasurementRecorded:
    return MeasurementRecorded(measure="M-1", period=period, numerator=above, denominator=below)


MEASURE = MeasureDefined(measure="M-1", name="Seen within 28 days")


@pytest.mark.parametrize(
    ("told", "rules"),
    [
        ([], []),
        ([InvolvementSet(level="big_i")], ["big_i_without_service_user"]),
        ([AimSet(statement="Be better")], ["aim_not_measurable"]),
        ([CycleDone(cycle="C-1")], ["cycle_not_planned"]),
        (
            [CycleTested(cycle="C-1", decision="adopt"), CycleActed(cycle="C-1", decision="abandon")],
            ["decided_twice"],
        ),
        ([CycleTested(cycle="C-1", decision="adapt")], ["adapted_and_left"]),
        ([scored(2.5), scored(2)], ["score_fell"]),
        ([scored(1), scored(2.5)], ["score_jumped"]),
        ([scored(1), scored(2), scored(1, "ihi")], []),
        ([reading()], ["measure_not_defined"]),
        ([MEASURE, reading(), reading()], ["measured_twice"]),
        ([MEASURE, reading(), reading("2024-02")], []),
        ([MEASURE, reading(above=11)], ["more_than_all"]),
        ([MeasureDefined(measure="M-1", name="Falls", chart="u"), reading(above=11)], []),
        ([MEASURE, reading("2026-02")], ["period_ahead"]),
        ([PersonJoined(person="person/s", role="lead")], ["sponsor_leads"]),
        ([ProjectCompleted()], ["completed_without_learning"]),
        ([ProjectStarted()], ["started_twice"]),
    ],
)
def test_what_is_odd_is_named_by_its_rule(told: list[Event], rules: list[str]) -> None:
    history = started(*((f"2024-03-{day:02}", event) for day, event in enumerate(told, 1)))
    assert odd(history) == rules


@pytest.mark.parametrize(
    ("told", "healed_by"),
    [
        (InvolvementSet(level="big_i"), PersonJoined(person="person/u", role="service_user")),
        (InvolvementSet(level="big_i"), InvolvementSet(level="little_i")),
        (AimSet(statement="Be better"), AimRevised(statement="Half by May", target=5, by="2024-05")),
        (CycleTested(cycle="C-1", decision="adapt"), CyclePlanned(cycle="C-2", previous="C-1")),
        (reading(), MEASURE),
        (ProjectCompleted(), LearningCaptured(kind="worked", text="Asking in person.")),
        (PersonJoined(person="person/s", role="lead"), PersonLeft(person="person/s", role="lead")),
    ],
)
def test_a_later_fact_heals_what_was_lacking(told: Event, healed_by: Event) -> None:
    history = started(("2024-03-01", told))
    assert len(odd(history)) == 1
    history.tell(P, "2024-06-01", healed_by)
    assert odd(history) == []


def test_a_start_lacks_sponsor_coach_and_lead_until_each_has_joined() -> None:
    told = History()
    told.tell(P, "2024-01-01", ProjectStarted())
    assert odd(told) == ["started_without_sponsor", "started_without_coach", "started_without_lead"]
    told.tell(P, "2024-02-01", PersonJoined(person="person/l", role="co_lead"))
    assert odd(told) == ["started_without_sponsor", "started_without_coach"]
    told.tell(P, "2024-03-01", *TEAM)
    assert odd(told) == []


def test_a_cycle_of_a_project_that_nobody_started_is_odd_until_the_start_arrives() -> None:
    told = History()
    told.tell(P, "2024-03-01", CycleTested(cycle="C-1"), CycleTested(cycle="C-1"))
    assert odd(told) == ["cycle_of_no_project"]
    told.tell(P, "2024-01-01", *TEAM, ProjectStarted())
    assert odd(told) == []


def test_a_plan_that_arrives_late_heals_its_result() -> None:
    told = started(("2024-03-08", CycleStudied(cycle="C-1", happened="Two.")))
    assert odd(told) == ["cycle_not_planned"]
    told.tell(P, "2024-03-01", CyclePlanned(cycle="C-1"))
    assert odd(told) == []


def test_a_start_dated_after_the_end_is_odd() -> None:
    told = History()
    told.tell(P, "2024-03-01", *TEAM, ProjectCompleted(learned="Ask early."))
    told.tell(P, "2024-04-01", ProjectStarted())
    assert odd(told) == ["ended_without_start", "started_after_end"]


def test_retracting_or_correcting_the_record_heals_it() -> None:
    told = started(("2024-02-01", MEASURE), ("2024-03-01", reading(above=11)))
    told.tell(P, "2024-03-02", reading("2024-02"), reading("2024-02"))
    assert odd(told) == ["more_than_all", "measured_twice"]
    told.tell(P, "2024-04-01", MeasurementCorrected(of="e-6", numerator=9, denominator=10))
    told.tell(P, "2024-04-01", EventRetracted(of="e-8"))
    assert odd(told) == []


def test_an_aim_corrected_to_be_measurable_is_no_longer_odd() -> None:
    told = started(("2024-02-01", AimSet(statement="Half by May", by="2024-05")))
    assert odd(told) == ["aim_not_measurable"]
    told.tell(P, "2024-03-01", EventCorrected(of="e-5", fields={"target": 5}))
    assert odd(told) == []


def test_dates_that_surprise_are_named() -> None:
    told = started(("2024", scored(2)), ("2026-01-09", LearningCaptured(kind="worked", text="Huddles.")))
    assert odd(told) == ["known_to_the_year", "happened_ahead"]
    told.tell("improvement/I-1", "2024-05-01", huddle(since="2024-02", until="2023"))
    assert odd(told, "improvement/I-1") == ["ended_before_it_began"]
    told.tell("improvement/I-2", "2024-05-01", huddle(since="2024-02", until="2024"))
    assert odd(told, "improvement/I-2") == []


def huddle(since: str, until: str) -> ImprovementReported:
    return ImprovementReported(what_changed="A good start", level="team", since=since, until=until)


def test_an_idea_that_nobody_raised_is_odd_until_it_is_told() -> None:
    told = History()
    told.tell("idea/1", "2024-05-01", IdeaDeclined(answer="Not now."))
    assert odd(told, "idea/1") == ["not_introduced"]
    told.tell("idea/1", "2024-04-01", IdeaRaised(title="A map"))
    assert odd(told, "idea/1") == []


async def test_each_system_sees_its_own_oddities_with_rule_and_record(database_url: str) -> None:
    told = History()
    told.tell(P, "2024-01-01", *TEAM, ProjectStarted(), source="https://one.example")
    told.tell(P, "2024-02-01", reading(), source="https://two.example", id_="our-17")
    told.tell("project/P-2", "2024-02-01", ProjectStarted(), source="https://one.example")
    (oddity,) = await told.ask(database_url, quality, "odd", source="https://two.example")
    assert (oddity.stream, oddity.rule, oddity.about) == (P, "measure_not_defined", "M-1")
    assert (oddity.event, oddity.type, oddity.occurred) == ("our-17", "measurement.recorded", "2024-02-01")
    assert (oddity.position, oddity.says) == (5, RULES["measure_not_defined"])
    by_rule = await told.ask(database_url, quality, "by_rule")
    assert [(one.source, one.rule, one.records) for one in by_rule] == [
        ("https://one.example", "started_without_coach", 1),
        ("https://one.example", "started_without_lead", 1),
        ("https://one.example", "started_without_sponsor", 1),
        ("https://two.example", "measure_not_defined", 1),
    ]


def test_every_rule_has_a_sentence() -> None:
    assert all(words.endswith(".") and words[0].isupper() for words in RULES.values())
