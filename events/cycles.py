"""PDSA cycles: plan, do, study, act. What was predicted is kept beside what happened.

A cycle can be told step by step as it goes, or all at once when it has been tested.
"""

from typing import Literal

from events.fields import (
    ChangeIdeaId,
    Citation,
    CycleId,
    Label,
    Ordinal,
    Text,
    Title,
    Tools,
    WrittenDate,
)
from events.streams import ProjectEvent
from events.vocabulary import example

Decision = Literal["adapt", "adopt", "abandon"]
Comparison = Literal["as_predicted", "better", "worse", "unclear"]


@example(
    cycle="C-7",
    number=2,
    change_idea="CI-4",
    objective="Find out whether a text message brings people to their appointment",
    question="Do fewer people miss their appointment?",
    prediction="At most one in ten will miss it.",
    plan="One clinic sends messages to everybody booked on Tuesday.",
    scale="One clinic, one day",
    previous="C-6",
)
class CyclePlanned(ProjectEvent, frozen=True, kw_only=True, tag="cycle.planned"):
    """A team planned a PDSA cycle: a small test of a change, with a prediction that the test can prove wrong."""

    cycle: CycleId  # which cycle
    number: Ordinal | None = None  # which in its ramp: 1 for the first test of an idea
    change_idea: ChangeIdeaId | None = None  # the change that is tested
    objective: Text | None = None  # what the test is for
    question: Text | None = None  # what it shall answer
    prediction: Text | None = None  # what the team expects to happen
    plan: Text | None = None  # who does what, where and when, by role
    data_plan: Text | None = None  # what is counted or asked, and how
    scale: Title | None = None  # how small the test is
    ramp: Label | None = None  # the series of cycles it belongs to
    previous: CycleId | None = None  # the cycle it follows from
    due: WrittenDate | None = None  # when it is to be studied
    published: Citation | None = None  # where this was read


@example(cycle="C-7")
class CycleStarted(ProjectEvent, frozen=True, kw_only=True, tag="cycle.started"):
    """A planned test began."""

    cycle: CycleId  # which cycle


@example(
    cycle="C-7",
    observations="Fourteen messages sent; two came back.",
    problems="One clinic list was out of date.",
)
class CycleDone(ProjectEvent, frozen=True, kw_only=True, tag="cycle.done"):
    """A test was carried out. What was seen is kept before anybody has made sense of it."""

    cycle: CycleId  # which cycle
    observations: Text | None = None  # what was seen
    problems: Text | None = None  # what did not go as planned


@example(
    cycle="C-7",
    happened="Two of fourteen missed it; one had changed her number.",
    compared="worse",
    learned="Numbers have to be checked when booking.",
)
class CycleStudied(ProjectEvent, frozen=True, kw_only=True, tag="cycle.studied"):
    """A team compared what happened with what it had predicted."""

    cycle: CycleId  # which cycle
    happened: Text  # what happened
    compared: Comparison | None = None  # how that compares with the prediction
    learned: Text | None = None  # what the team learned


@example(cycle="C-7", decision="adapt", next="Check the number when booking, and test again next Tuesday.")
class CycleActed(ProjectEvent, frozen=True, kw_only=True, tag="cycle.acted"):
    """A team decided what becomes of the change it tested. With that the cycle is over; more testing is a new cycle."""

    cycle: CycleId  # which cycle
    decision: Decision  # adapt, adopt or abandon
    next: Text | None = None  # what the team does next
    next_cycle: CycleId | None = None  # the cycle that goes on from here


@example(cycle="C-8", reason="The clinic was closed that day.")
class CycleAbandoned(ProjectEvent, frozen=True, kw_only=True, tag="cycle.abandoned"):
    """A planned test will not be carried out. Nothing is said about the change it would have tested."""

    cycle: CycleId  # which cycle
    reason: Text | None = None  # why


@example(
    cycle="C-7",
    change_idea="CI-4",
    tested="Text messages to everybody booked on Tuesday",
    prediction="At most one in ten will miss the appointment.",
    happened="Two of fourteen missed it; one had changed her number.",
    compared="worse",
    learned="Numbers have to be checked when booking.",
    decision="adapt",
    tools=["PDSA"],
)
class CycleTested(ProjectEvent, frozen=True, kw_only=True, tag="cycle.tested"):
    """A PDSA cycle was carried out and studied. What was predicted is kept beside what happened.

    Where a report tells only that a change was tested, `tested` says what, and the rest stays open.
    """

    cycle: CycleId  # which cycle
    number: Ordinal | None = None  # which in its ramp: 1 for the first test of an idea
    change_idea: ChangeIdeaId | None = None  # the change that was tested
    tested: Text | None = None  # what was done
    prediction: Text | None = None  # what the team had expected
    happened: Text | None = None  # what happened instead, or as well
    compared: Comparison | None = None  # how that compares with the prediction
    learned: Text | None = None  # what the team learned
    decision: Decision | None = None  # what becomes of the change: adapt, adopt or abandon
    next: Text | None = None  # what the team does next
    ramp: Label | None = None  # the series of cycles it belongs to
    previous: CycleId | None = None  # the cycle it follows from
    tools: Tools = ()  # methods that were used
    published: Citation | None = None  # where this was read
