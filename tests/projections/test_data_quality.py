from pathlib import Path

import pytest

from events.aims import AimRevised, AimSet
from events.changes import ChangeImplemented
from events.charts import BaselineSet
from events.coaching import CoachAllocated
from events.corrections import EventCorrected, EventRetracted
from events.cycles import CycleActed, CycleDone, CyclePlanned, CycleStudied, CycleTested
from events.drivers import DriverAdded, DriverLinked, DriverRemoved
from events.forum_members import ForumChairAppointed, ForumMemberLeft
from events.forums import ForumCreated
from events.ideas import IdeaDeclined, IdeaRaised
from events.improvements import ImprovementReported
from events.involvement import InvolvementSet
from events.learning import LearningCaptured
from events.measures import MeasureDefined, MeasurementCorrected, MeasurementRecorded
from events.programmes import ProjectJoinedProgramme
from events.projects import ProjectCompleted, ProjectStarted
from events.scores import ProgressScored
from events.stories import StoryShared
from events.teams import PersonJoined, PersonLeft
from events.training import CohortOpened, TrainingCompleted, TrainingEnrolled
from events.vocabulary import Event
from projections.data_quality import ODDITIES_MAX, RULES, quality
from projections.oddities import rules
from projections.oddities.page import as_markdown
from tests.projections.engine.telling import of, open_log, tell
from tests.projections.history import History
from tests.projections.plans import plan, rows_read

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


def value(of: float) -> MeasurementRecorded:
    return MeasurementRecorded(measure="M-1", period="2024-01", value=of)


MEASURE = MeasureDefined(measure="M-1", name="Seen within 28 days")
OUTCOME = MeasureDefined(measure="M-1", name="Seen within 28 days", kind="outcome")
AIM = AimSet(statement="80% by May", target=80, by="2024-05")
TESTED = CycleTested(cycle="C-1", number=1)
ADOPTED = CycleTested(cycle="C-1", decision="adopt")
IN_PRACTICE = ChangeImplemented(change="A text message the day before")


@pytest.mark.parametrize(
    ("told", "broken"),
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
        ([scored(1), scored(0.5)], ["score_fell"]),
        ([AIM, MEASURE, scored(0.5), scored(2)], ["score_jumped"]),
        ([AIM, MEASURE, scored(1), scored(1)], []),  # said again
        ([AIM, MEASURE, scored(1), scored(2)], []),  # a step, and no jump
        ([AIM, scored(1), scored(1.5), scored(1, "ihi")], []),
        ([scored(1.5)], ["score_without_aim"]),
        ([AIM, scored(2)], ["score_without_measure"]),
        ([AIM, MEASURE, scored(2.5)], ["score_without_test"]),
        ([AIM, MEASURE, TESTED, scored(2.5)], ["score_without_outcome"]),
        ([AIM, OUTCOME, TESTED, scored(3)], ["score_without_success"]),
        ([AIM, OUTCOME, ADOPTED, scored(4)], ["score_without_change"]),
        ([AIM, OUTCOME, ADOPTED, IN_PRACTICE, scored(5)], ["score_without_end"]),
        ([AIM, OUTCOME, ADOPTED, IN_PRACTICE, scored(4.5)], []),
        ([IN_PRACTICE], ["implemented_untested"]),
        (
            [AimSet(statement="Fewer", baseline=5, target=9, by="2024-05", direction="decrease")],
            ["aim_turned_round"],
        ),
        ([AimSet(statement="Fewer", baseline=9, target=5, by="2024-05", direction="decrease")], []),
        ([CyclePlanned(cycle="C-1")], ["not_predicted"]),
        (
            [TESTED, CycleTested(cycle="C-2", number=3, previous="C-1")],
            ["number_out_of_turn"],
        ),
        ([TESTED, CycleTested(cycle="C-2", number=2, previous="C-1")], []),
        ([DriverAdded(driver="D-2", text="Time", parents=("D-1",))], ["driver_of_nothing"]),
        (
            [
                DriverAdded(driver="D-1", text="Time"),
                DriverAdded(driver="D-2", text="Staff", parents=("D-1",)),
                DriverLinked(driver="D-1", parent="D-2"),
            ],
            ["drivers_in_a_circle"],
        ),
        ([PersonJoined(person="person/two", role="lead")], ["two_leads"]),
        ([PersonJoined(person="person/l", role="lead")], ["joined_twice"]),
        (
            [ProjectJoinedProgramme(programme="safer"), ProjectJoinedProgramme(programme="safer")],
            ["joined_programme_twice"],
        ),
        ([MEASURE, reading(below=4)], ["few_counted"]),
        ([MeasureDefined(measure="M-1", name="Days", chart="t"), value(0)], ["chart_does_not_fit"]),
        ([MeasureDefined(measure="M-1", name="Falls", chart="c"), value(-1)], ["chart_does_not_fit"]),
        ([MeasureDefined(measure="M-1", name="Seen", chart="p"), value(0.4)], ["chart_does_not_fit"]),
        (
            [MEASURE, reading(), BaselineSet(measure="M-1", until="2024-03", reason="Before")],
            ["baseline_short"],
        ),
        (
            [
                MEASURE,
                *(reading(f"2023-{month:02}") for month in range(1, 13)),
                BaselineSet(measure="M-1", until="2023-12", reason="Before"),
            ],
            [],
        ),
        ([reading()], ["measure_not_defined"]),
        ([MEASURE, reading(), reading()], ["measured_twice"]),
        ([MEASURE, reading(), reading("2024-02")], []),
        ([MEASURE, reading(above=11)], ["more_than_all"]),
        ([MeasureDefined(measure="M-1", name="Falls", chart="u"), reading(above=11)], []),
        ([MEASURE, reading("2026-02")], ["period_ahead"]),
        ([PersonJoined(person="person/s", role="lead")], ["sponsor_leads", "two_leads"]),
        ([ProjectCompleted()], ["completed_without_learning"]),
        ([ProjectCompleted(learned="It works."), ProjectCompleted()], ["ended_twice"]),
        ([ProjectStarted()], ["started_twice"]),
    ],
)
def test_what_is_odd_is_named_by_its_rule(told: list[Event], broken: list[str]) -> None:
    history = started(*((f"2024-03-{day:02}", event) for day, event in enumerate(told, 1)))
    assert odd(history) == broken


@pytest.mark.parametrize(
    ("told", "healed_by"),
    [
        (InvolvementSet(level="big_i"), PersonJoined(person="person/u", role="service_user")),
        (InvolvementSet(level="big_i"), InvolvementSet(level="little_i")),
        (AimSet(statement="Be better"), AimRevised(statement="Half by May", target=5, by="2024-05")),
        (
            CycleTested(cycle="C-1", decision="adapt"),
            CyclePlanned(cycle="C-2", previous="C-1", prediction="One in ten."),
        ),
        (CyclePlanned(cycle="C-1"), CycleTested(cycle="C-1", prediction="One in ten.")),
        (IN_PRACTICE, ADOPTED),
        (scored(1.5), AIM),
        (PersonJoined(person="person/two", role="lead"), PersonLeft(person="person/l")),
        (DriverAdded(driver="D-2", text="Time", parents=("D-1",)), DriverRemoved(driver="D-2")),
        (reading(), MEASURE),
        (ProjectCompleted(), LearningCaptured(kind="worked", text="Asking in person.")),
        (PersonJoined(person="person/l", role="sponsor"), PersonLeft(person="person/l", role="sponsor")),
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
    told.tell(P, "2024-03-01", CyclePlanned(cycle="C-1", prediction="One."))
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
    told = started(("2024", scored(1)), ("2026-01-09", LearningCaptured(kind="worked", text="Huddles.")))
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


def test_a_forum_with_two_chairs_is_odd_until_one_has_left() -> None:
    told = History()
    chair = ForumChairAppointed(person="person/a", role="chair")
    told.tell("forum/luton", "2024-01-01", ForumCreated(name="Luton"), chair)
    told.tell("forum/luton", "2024-02-01", ForumChairAppointed(person="person/b", role="chair"))
    assert odd(told, "forum/luton") == []  # the second follows the first
    third = ForumChairAppointed(person="person/c", role="chair", instead_of="person/a")
    told.tell("forum/luton", "2024-03-01", third)
    assert odd(told, "forum/luton") == ["two_chairs"]
    told.tell("forum/luton", "2024-04-01", ForumMemberLeft(person="person/b"))
    assert odd(told, "forum/luton") == []


def test_training_is_completed_once_by_those_who_enrolled() -> None:
    told = History()
    cohort = "cohort/ilp-13"
    told.tell(cohort, "2023-01-01", CohortOpened(course="ilp"))
    done = TrainingCompleted(course="ilp", person="person/a", kind="staff")
    told.tell(cohort, "2023-06-01", done)
    assert odd(told, cohort) == []  # nobody's enrolment is told
    told.tell(cohort, "2023-01-02", TrainingEnrolled(course="ilp", person="person/b", kind="staff"))
    assert odd(told, cohort) == ["trained_unenrolled"]
    told.tell(cohort, "2023-01-03", TrainingEnrolled(course="ilp", person="person/a", kind="staff"))
    assert odd(told, cohort) == []
    told.tell(cohort, "2023-07-01", done)
    assert odd(told, cohort) == ["trained_twice"]


def test_a_story_for_everybody_names_the_consents_it_rests_on() -> None:
    told = History()
    told.tell("story/1", "2024-01-01", StoryShared(title="Falls", audience="public"))
    told.tell("story/2", "2024-01-01", StoryShared(title="Falls", audience="public", consents=("K-1",)))
    told.tell("story/3", "2024-01-01", StoryShared(title="Falls", audience="organisation"))
    assert [odd(told, f"story/{n}") for n in (1, 2, 3)] == [["public_without_consent"], [], []]


def test_every_rule_is_tried_here() -> None:
    """A rule that no test breaks might as well not be there."""
    page = Path(__file__).read_text(encoding="utf-8")
    assert [one for one in rules() if f'"{one}"' not in page] == []


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


def test_the_published_page_is_what_the_rules_say() -> None:
    page = Path(__file__).parents[2] / "docs" / "data-quality.md"
    how = "run `python -m projections.oddities.page > docs/data-quality.md`"
    assert page.read_text(encoding="utf-8") == as_markdown(), how


def test_every_rule_has_a_sentence() -> None:
    assert all(words.endswith(".") and words[0].isupper() for words in RULES.values())


def test_odd_records_are_looked_up_one_by_one_whatever_the_length_of_the_log(database_url: str) -> None:
    organisation = open_log(database_url)
    tell(database_url, organisation, (of(scored(1 + n % 3), P, minute=n) for n in range(200)))
    asked = {"source": None, "rule": None, "limit": 10}
    nodes = plan(database_url, quality, "odd", organisation, asked, without=["enable_nestloop"])
    assert 0 < rows_read(nodes)["records"] <= ODDITIES_MAX
