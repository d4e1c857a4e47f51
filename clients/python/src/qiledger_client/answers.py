"""What the ledger answers: receipts, outcomes, records, pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from qiledger_client.problems import Problem, problem_of

KEPT_BEFORE = 200


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What the ledger signs for: the event is on disk, at this position, for ever. `duplicate`: it was there before."""

    position: int
    version: int
    recorded: str
    leaf: str
    stream: str
    source: str
    id: str
    duplicate: bool = False

    @classmethod
    def read(cls, told: Mapping[str, Any], *, status: int) -> "Receipt":
        """The receipt in an answer; what a later ledger adds is passed over."""
        return cls(
            position=told["position"],
            version=told["version"],
            recorded=told["recorded"],
            leaf=told["leaf"],
            stream=told["stream"],
            source=told["source"],
            id=told["id"],
            duplicate=status == KEPT_BEFORE,
        )


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What the door would keep: the answer of a dry run."""

    would_keep: Mapping[str, Any]


Outcome: TypeAlias = Receipt | Problem
"""What became of one event of several."""


def outcome_of(base: str, told: Mapping[str, Any]) -> Outcome | Tried:
    """What became of one event of a batch or an import."""
    if "receipt" in told:
        return Receipt.read(told["receipt"], status=told["status"])
    if "would_keep" in told:
        return Tried(would_keep=told["would_keep"])
    return problem_of(base, told["status"], told.get("problem", {}))


@dataclass(frozen=True, kw_only=True)
class Record:
    """An event as it is kept. `occurred` is written as exactly as it is known."""

    position: int
    stream: str
    version: int
    source: str
    id: str
    type: str
    occurred: str
    precision: str
    recorded: str
    actor: str
    leaf: str
    data: Mapping[str, Any]

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Record":
        """The record in an item of the feed."""
        return cls(**{name: told[name] for name in cls.__dataclass_fields__})

    @classmethod
    def of_cloudevent(cls, told: Mapping[str, Any]) -> "Record":
        """The record in a CloudEvent, as webhooks bring it. Raises KeyError for an event that is no record."""
        precision = told.get("precision", "instant")
        length = {"day": 10, "month": 7, "year": 4}.get(precision)
        return cls(
            position=int(told["sequence"]),
            stream=told["subject"],
            version=int(told["streamversion"]),
            source=told["source"],
            id=told["id"],
            type=told["type"],
            occurred=told["time"][:length],
            precision=precision,
            recorded=told["recordedtime"],
            actor=told["actor"],
            leaf=told["leaf"],
            data=told.get("data", {}),
        )


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of the feed. `next` is where to read on: keep it together with what you did with the page."""

    records: Sequence[Record]
    next: str
    head: int
    caught_up: bool


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A page of what a projection answers. `position` is the part of the log that it reflects.

    Without rows, `unheard_of` may say what was asked for of which nothing is known, and the names `near` to it.
    """

    rows: Sequence[Mapping[str, Any]]
    position: int
    parked: int
    next: str | None
    unheard_of: Sequence[Mapping[str, Any]] = ()
