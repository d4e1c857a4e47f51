"""Bringing a file of history to the API, and saying of each of its lines what became of it.

Lines are taken some hundreds at a time: nothing holds a whole file. Bringing a file again is harmless and is how an
interrupted import goes on: what was kept is recognised.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import IO, Literal

import msgspec

from services.importing.reading import LINE_BYTES_MAX, Check, Events, NotUnderstood, Reader, Reading, Wire
from services.importing.sending import BATCH_MAX, Answer, Ledger

LINES_AT_ONCE = 250

Became = Literal["kept", "known", "would_be_kept", "check", "not_understood", "refused", "no_key"]
WORDS: Mapping[Became, str] = {
    "kept": "kept",
    "known": "known already",
    "would_be_kept": "would be kept",
    "check": "a counter, to check against",
    "refused": "refused",
    "not_understood": "not understood",
    "no_key": "not sent: no key",
}
TROUBLES: tuple[Became, ...] = ("refused", "not_understood", "no_key")


class EventOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one event of a line."""

    id: str
    type: str
    stream: str
    status: int
    position: int | None = None
    version: int | None = None
    why: str | None = None


class LineOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one line."""

    line: int
    became: Became
    name: str | None = None
    organisation: str | None = None
    events: tuple[EventOutcome, ...] = ()
    check: Check | None = None
    why: str | None = None


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file. Of one that is too long only so much is given that it is seen to be so."""
    while line := file.readline(LINE_BYTES_MAX + 2):
        if not line.endswith(b"\n") and len(line) > LINE_BYTES_MAX:
            while (rest := file.readline(LINE_BYTES_MAX)) and not rest.endswith(b"\n"):
                pass
        yield line.rstrip(b"\r\n")


def bring(lines: Iterator[bytes], ledgers: Mapping[str, Ledger], read: Reader) -> Iterator[LineOutcome]:
    """Tells the events of each line to its organisation's ledger. An outcome for each line that is not blank.

    Raises CannotTell when the API takes nothing; all outcomes yielded before stand.
    """
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    while taken := list(islice(numbered, LINES_AT_ONCE)):
        readings = [(number, read(line)) for number, line in taken]
        answers = _tell([reading for _, reading in readings], ledgers)
        for number, reading in readings:
            yield _outcome(number, reading, answers)


def summary(outcomes: Iterator[LineOutcome]) -> Counter[Became]:
    """How many lines became what."""
    return Counter(outcome.became for outcome in outcomes)


def _tell(readings: Sequence[Reading], ledgers: Mapping[str, Ledger]) -> dict[tuple[str, Wire], Answer]:
    """The answers to all events of these lines, by organisation and event."""
    answers: dict[tuple[str, Wire], Answer] = {}
    for organisation, ledger in ledgers.items():
        wires = [
            wire
            for reading in readings
            if isinstance(reading, Events) and reading.organisation == organisation
            for wire in reading.wires
        ]
        for begin in range(0, len(wires), BATCH_MAX):
            batch = wires[begin : begin + BATCH_MAX]
            answers |= {
                (organisation, wire): answer for wire, answer in zip(batch, ledger.tell(batch), strict=True)
            }
    return answers


def _outcome(number: int, reading: Reading, answers: Mapping[tuple[str, Wire], Answer]) -> LineOutcome:
    match reading:
        case NotUnderstood():
            return LineOutcome(line=number, became="not_understood", name=reading.name, why=reading.why)
        case Check():
            return LineOutcome(
                line=number,
                became="check",
                name=reading.name,
                organisation=reading.organisation,
                check=reading,
            )
    told = [(wire, answers.get((reading.organisation, wire))) for wire in reading.wires]
    answered = [(wire, answer) for wire, answer in told if answer is not None]
    events = tuple(_event(wire, answer) for wire, answer in answered)
    no_key = None if answered else f"there is no key for {reading.organisation}"
    return LineOutcome(
        line=number,
        became=_together([answer for _, answer in answered]),
        name=reading.name,
        organisation=reading.organisation,
        events=events,
        why=next((event.why for event in events if event.why is not None), no_key),
    )


def _event(wire: Wire, answer: Answer) -> EventOutcome:
    receipt = answer.receipt
    return EventOutcome(
        id=wire.id,
        type=wire.type,
        stream=wire.stream,
        status=answer.status,
        position=None if receipt is None else receipt.position,
        version=None if receipt is None else receipt.version,
        why=None if answer.problem is None else answer.why,
    )


def _together(answers: Sequence[Answer]) -> Became:
    """A line is refused if any of its events is, and kept if any of them is new."""
    if not answers:
        return "no_key"
    if any(answer.problem is not None for answer in answers):
        return "refused"
    if any(answer.receipt is None for answer in answers):
        return "would_be_kept"
    return "kept" if any(answer.status == 201 for answer in answers) else "known"
