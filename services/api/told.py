"""What a sender hears of what was told: the receipt of what is kept, the problem of what is not."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from events.log.outcomes import Outcome
from events.log.record import PreciseTo, Receipt, Submission, written
from services.api.problems import Problem, problem_of_refusal

KEPT_NOW, KEPT_BEFORE, MIXED = 201, 200, 207


class KeptReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger signs for: keep it, and you can show later that the event was told."""

    position: int
    version: int
    recorded: str
    leaf: str
    stream: str
    source: str
    id: str


class WouldKeep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What would be kept of an event, were this not a dry run and the log had nothing against it."""

    stream: str
    source: str
    id: str
    type: str
    occurred: str
    precision: PreciseTo
    actor: str
    data: msgspec.Raw
    expectedversion: int | None = None


class One(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The outcome of one event of several: its place, its status, and a receipt or a problem."""

    status: int
    index: int | None = None
    line: int | None = None
    receipt: KeptReceipt | None = None
    would_keep: WouldKeep | None = None
    problem: dict[str, Any] | None = None


def receipt_of(submission: Submission, receipt: Receipt) -> KeptReceipt:
    """The receipt as a sender gets it."""
    return KeptReceipt(
        position=receipt.position,
        version=receipt.version,
        recorded=_recorded(receipt.recorded_at),
        leaf=receipt.leaf.hex(),
        stream=submission.stream,
        source=submission.source,
        id=submission.id,
    )


_recorded = lru_cache(maxsize=64)(written)  # events that are kept together are recorded at the same moment


def would_keep(submission: Submission) -> WouldKeep:
    """The submission as a sender may look at it."""
    return WouldKeep(
        stream=submission.stream,
        source=submission.source,
        id=submission.id,
        type=submission.type,
        occurred=written(submission.occurred_at, submission.precise_to),
        precision=submission.precise_to,
        actor=submission.actor,
        data=msgspec.Raw(submission.body.encode()),
        expectedversion=submission.expected,
    )


def one_kept(
    submission: Submission, outcome: Outcome, index: int | None = None, line: int | None = None
) -> One:
    """The outcome of one event that went to the log."""
    if isinstance(outcome, Receipt):
        status = KEPT_BEFORE if outcome.duplicate else KEPT_NOW
        return One(status=status, receipt=receipt_of(submission, outcome), index=index, line=line)
    return one_refused(problem_of_refusal(outcome), index=index, line=line)


def one_refused(
    problem: Problem, index: int | None = None, line: int | None = None, instance: str | None = None
) -> One:
    """The outcome of one event that was refused."""
    return One(status=problem.kind.status, problem=problem.document(instance), index=index, line=line)


def one_tried(submission: Submission, index: int | None = None, line: int | None = None) -> One:
    """The outcome of one event of a dry run."""
    return One(status=KEPT_BEFORE, would_keep=would_keep(submission), index=index, line=line)


def newest(outcomes: Sequence[Outcome]) -> int | None:
    """The highest position at which something was kept just now."""
    kept = [
        outcome.position for outcome in outcomes if isinstance(outcome, Receipt) and not outcome.duplicate
    ]
    return max(kept, default=None)
