"""Signals of a chart: told when they first show, once each; and taken back when a correction removes them."""

from events.corrections import EventRetracted
from events.fields import Direction
from events.measures import MeasureDefined, MeasurementCorrected, MeasurementRecorded
from tests.projections.notices.trust import COACH, LEAD, P1, SPONSOR, Trust, a_trust

STEADY = [50, 52, 49, 51, 50, 48, 52, 50, 51, 49, 50, 51]


def months() -> list[str]:
    return [f"{2025 + n // 12}-{n % 12 + 1:02}" for n in range(60)]


def charted(values: list[int], direction: Direction = "increase") -> Trust:
    """An XmR chart of monthly values, each told at the end of its month; their ids are `m-0`, `m-1` …"""
    trust = a_trust()
    trust.tell(
        P1,
        "2025-01-07",
        MeasureDefined(measure="M-1", name="Hours slept", chart="i", direction=direction, interval="monthly"),
    )
    for n, value in enumerate(values):
        add(trust, n, value)
    return trust


def add(trust: Trust, n: int, value: int) -> None:
    recorded = MeasurementRecorded(measure="M-1", period=months()[n], value=value)
    trust.tell(P1, f"{months()[n]}-28", recorded, id_=f"m-{n}")


def test_a_steady_chart_tells_nobody() -> None:
    assert charted(STEADY).told("signal_seen") == []


def test_a_signal_of_improvement_is_told_to_the_team_at_once_and_to_the_sponsor_in_a_digest() -> None:
    trust = charted([*STEADY, 90])
    told = {one.recipient: one.urgency for one in trust.told("signal_seen")}
    assert told == {LEAD: "at_once", COACH: "at_once", SPONSOR: "weekly"}
    assert trust.told("signal_seen")[0].title == "A signal of improvement in Hours slept, of Sleep"


def test_a_signal_of_concern_is_told_to_the_sponsor_at_once_as_well() -> None:
    told = {one.recipient: one.urgency for one in charted([*STEADY, 10]).told("signal_seen")}
    assert told == {LEAD: "at_once", COACH: "at_once", SPONSOR: "at_once"}


def test_a_signal_that_goes_on_is_told_once() -> None:
    trust = charted([*STEADY, *[60] * 6])
    before = trust.told("signal_seen")
    shifts = [one for one in before if "shift" in one.window]
    for n in range(18, 24):
        add(trust, n, 60)
    after = [one for one in trust.told("signal_seen") if "shift" in one.window]
    assert len({one.window for one in after}) <= 1
    assert len(after) >= len(shifts)


def test_a_signal_that_was_there_before_is_nobodys_news() -> None:
    trust = charted([*STEADY, 90])
    known = len(trust.told("signal_seen"))
    add(trust, 13, 50)
    assert len(trust.told("signal_seen")) == known


def test_a_correction_that_removes_a_signal_is_told_to_those_who_had_heard_of_it() -> None:
    for right in (MeasurementCorrected(of="m-12", value=50), EventRetracted(of="m-12")):
        trust = charted([*STEADY, 90])
        trust.tell(P1, "2026-02-01", right)
        seen, gone = trust.told("signal_seen"), trust.told("signal_withdrawn")
        assert all(one.cleared for one in seen)
        assert seen
        assert {one.recipient for one in gone} == {LEAD, COACH, SPONSOR}
        assert any(one.follows is not None and seen[0].window in one.follows.windows for one in gone)


def test_a_correction_that_leaves_the_signal_tells_nobody() -> None:
    trust = charted([*STEADY, 90])
    trust.tell(P1, "2026-02-01", MeasurementCorrected(of="m-12", value=95))
    assert trust.told("signal_withdrawn") == []
    assert trust.whom("signal_seen") == {LEAD, COACH, SPONSOR}


def test_a_correction_may_bring_a_signal_to_light() -> None:
    trust = charted([*STEADY, 50])
    trust.tell(P1, "2026-02-01", MeasurementCorrected(of="m-12", value=90))
    assert trust.whom("signal_seen") == {LEAD, COACH, SPONSOR}
