from events.cycles import CycleAbandoned, CycleActed, CycleDone, CyclePlanned, CycleStudied, CycleTested
from events.measures import MeasurementRecorded
from events.projects import ProjectStarted
from projections.cycle_quality import QualityPart, quality
from tests.projections.history import History

P = "project/P-1"
PLAN = CyclePlanned(cycle="C-1", prediction="At most one in ten will miss it.", scale="One clinic, one day")


def cycle(told: History, name: str = "C-1") -> QualityPart:
    row: QualityPart = told.row(quality, f"{P}/cycle/{name}")
    return row


def test_a_prediction_before_the_result_is_told_apart_from_one_beside_it() -> None:
    told = History()
    told.tell(P, "2024-03-01", PLAN)
    told.tell(P, "2024-03-08", CycleDone(cycle="C-1"), CycleStudied(cycle="C-1", happened="Two of 14."))
    told.tell(P, "2024-03-20", CycleTested(cycle="C-2", prediction="Fewer", happened="Fewer"))
    told.tell(P, "2024-04-01", CycleStudied(cycle="C-3", happened="None."))
    told.tell(P, "2024-04-02", CyclePlanned(cycle="C-3", prediction="None."))
    predicted = {name: cycle(told, name).predicted for name in ("C-1", "C-2", "C-3")}
    assert predicted == {"C-1": "before", "C-2": "beside", "C-3": "beside"}


def test_a_plan_that_arrives_late_is_still_before_its_result() -> None:
    told = History()
    told.tell(P, "2024-03-08", CycleStudied(cycle="C-1", happened="Two of 14."))
    told.tell(P, "2024-03-01", PLAN)
    assert (cycle(told).predicted, cycle(told).days) == ("before", 7)


def test_a_cycle_takes_from_its_plan_to_its_decision() -> None:
    told = History()
    told.tell(P, "2024-03-01", PLAN)
    told.tell(P, "2024-03-08", CycleStudied(cycle="C-1", happened="Two of 14."))
    assert cycle(told).days == 7
    told.tell(P, "2024-03-11", CycleActed(cycle="C-1", decision="adopt"))
    assert (cycle(told).days, cycle(told).standing, cycle(told).tested) == (10, "decided", "2024-03-08")
    told.tell(P, "2024-04", CycleActed(cycle="C-1", decision="adapt"))
    assert (cycle(told).days, cycle(told).decision) == (None, "adapt")


def test_what_was_tested_cannot_be_abandoned_as_a_plan() -> None:
    told = History()
    told.tell(P, "2024-03-01", PLAN, CycleAbandoned(cycle="C-1"))
    assert cycle(told).standing == "abandoned"
    told.tell(P, "2024-03-02", CycleDone(cycle="C-1"))
    assert cycle(told).standing == "done"


def ward() -> History:
    told = History()
    told.tell(P, "2024-01-01", ProjectStarted(title="Falls", forum="newham", directorate="newham"))
    told.tell(P, "2024-03-01", PLAN)
    told.tell(P, "2024-03-08", CycleStudied(cycle="C-1", happened="Two.", learned="Check numbers."))
    told.tell(P, "2024-03-11", CycleActed(cycle="C-1", decision="adapt"))
    told.tell(P, "2024-04-11", CycleTested(cycle="C-2", previous="C-1", decision="adopt"))
    told.tell(P, "2024-05-11", CycleTested(cycle="C-3", decision="adapt"))
    told.tell(P, "2024-05-12", CyclePlanned(cycle="C-4", due="2024-06"))
    for month in ("2024-01", "2024-02", "2024-03"):
        told.tell(P, "2024-05-20", MeasurementRecorded(measure="M-1", period=month, value=3))
    told.tell("project/P-2", "2024-02-01", ProjectStarted(title="Sleep", forum="luton"))
    told.tell("project/P-2", "2024-05-01", CycleTested(cycle="C-1", prediction="Better", happened="Better"))
    return told


async def test_a_forum_sees_how_well_its_cycles_are_told(database_url: str) -> None:
    luton, newham = await ward().ask(database_url, quality, "tests", since="2024-01-01", until="2024-12-31")
    assert (newham.place, newham.cycles, newham.predicted, newham.predicted_before) == ("newham", 3, 1, 1)
    assert (newham.linked, newham.learned, newham.small_scale) == (2, 1, 1)
    assert (newham.adapt, newham.adopt, newham.abandon, newham.undecided) == (2, 1, 0, 0)
    assert (newham.median_days, newham.projects, newham.iterating, newham.with_monthly_data) == (10, 1, 1, 1)
    assert (luton.place, luton.predicted_share, luton.predicted_before, luton.iterating) == ("luton", 1, 0, 0)


async def test_cycles_count_on_the_day_they_were_tested(database_url: str) -> None:
    asked = {"since": "2024-03-01", "until": "2024-04-10", "by": "organisation"}
    (all_of_them,) = await ward().ask(database_url, quality, "tests", limit=9, **asked)
    assert (all_of_them.place, all_of_them.cycles) == ("", 1)


async def test_data_with_gaps_are_not_monthly(database_url: str) -> None:
    told = ward()
    told.tell(P, "2024-12-20", MeasurementRecorded(measure="M-1", period="2024-11-05", value=3))
    told.tell(P, "2024-12-20", MeasurementRecorded(measure="M-2", period="2023", value=3))
    of_projects = await told.ask(
        database_url, quality, "tests", since="2024-01-01", until="2024-12-31", by="project"
    )
    assert [(one.place, one.with_monthly_data) for one in of_projects] == [("P-1", 0), ("P-2", 0)]


async def test_a_coach_sees_what_each_cycle_lacks(database_url: str) -> None:
    answers = await ward().ask(database_url, quality, "to_look_at", on="2024-07-01", forum="newham")
    assert [(one.cycle, one.lacking, one.since) for one in answers] == [
        ("C-2", "learning", "2024-04-11"),
        ("C-2", "prediction", "2024-04-11"),
        ("C-3", "learning", "2024-05-11"),
        ("C-3", "next_cycle", "2024-05-11"),
        ("C-3", "prediction", "2024-05-11"),
        ("C-4", "prediction", "2024-05-12"),
        ("C-4", "study", "2024-06"),
    ]
    in_june = await ward().ask(database_url, quality, "to_look_at", on="2024-06-30", forum="newham")
    assert "study" not in [one.lacking for one in in_june]


async def test_a_cycle_is_linked_when_another_follows_from_it(database_url: str) -> None:
    answers = await ward().ask(database_url, quality, "cycles", project="P-1")
    assert [(one.cycle, one.linked) for one in answers] == [
        ("C-1", True),
        ("C-4", False),
        ("C-2", True),
        ("C-3", False),
    ]
