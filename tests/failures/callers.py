"""Callers who tell events while everything is killed around them, and write down what they were told in return.

A caller sends the same bytes again until it gets an answer, and never believes anything without one.
"""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx
import msgspec

from events.corrections import Revision
from events.streams import OperationsEvent
from events.vocabulary import ANY_STREAM, Event, canonical_body, example_of, tag_of, vocabulary
from tests.standing_house import BATCH, STRUCTURED, Organisation

ANSWER_WITHIN_S = 8.0
BETWEEN_TRIES_S = 0.05
BETWEEN_EVENTS_S = 0.04  # on average: load enough to be hit by every kill, little enough to check it all
EVENTS_A_SUBJECT = 25
AGAIN, CONFLICT, WRONG_VERSION = 200, 409, 412


class Acknowledged(msgspec.Struct, frozen=True):
    """What a caller was promised of an event."""

    position: int
    version: int
    recorded: str
    leaf: str
    stream: str


class Journal(msgspec.Struct):
    """Everything that one caller told and heard."""

    told: dict[str, dict[str, Any]] = {}
    acknowledged: dict[str, Acknowledged] = {}
    in_order: list[int] = []  # positions as first acknowledged
    refused: set[str] = set()
    sent_again: int = 0
    found_kept: int = 0  # heard of only when sent again
    surprises: list[str] = []  # answers that no failure excuses


class Caller:
    """One client of an organisation. What it tells follows from its seed; when, and what comes of it, does not."""

    def __init__(self, trust: Organisation, name: str, seed: str, stopping: threading.Event) -> None:
        self.journal = Journal()
        self.trust = trust
        self._name = name
        self._random = Random(f"{seed} {name}")
        self._stopping = stopping
        self._version = 0  # of the stream that nobody else tells of
        not_ours = (
            Revision,
            OperationsEvent,
        )  # these put right what was told, or are for the ledger alone to tell
        self._kinds = [kind for kind in vocabulary().values() if not issubclass(kind, not_ours)]

    def call(self) -> Journal:
        """Tells until told to stop, and every event that was begun to its end."""
        with self.trust.door(timeout_s=ANSWER_WITHIN_S) as door:
            while not self._stopping.is_set():
                tell = self._random.choices(
                    [
                        self._tell_one,
                        self._tell_expecting,
                        self._tell_in_vain,
                        self._tell_differently,
                        self._tell_all,
                    ],
                    weights=[55, 15, 5, 5, 20],
                )[0]
                tell(door)
                self._stopping.wait(self._random.expovariate(1 / BETWEEN_EVENTS_S))
        return self.journal

    # What may be told.

    def _tell_one(self, door: httpx.Client) -> None:
        event = self._event()
        self._hear(event, self._sent(door, event), 201, AGAIN)

    def _tell_expecting(self, door: httpx.Client) -> None:
        """The next of a stream of its own, at the version that it knows."""
        event = self._event(subject=f"project/own-{self._name}") | {"expectedversion": self._version}
        self._hear(event, self._sent(door, event), 201, AGAIN)
        if promised := self.journal.acknowledged.get(event["id"]):
            self._version = promised.version

    def _tell_in_vain(self, door: httpx.Client) -> None:
        """At a version long gone by."""
        if self._version:
            event = self._event(subject=f"project/own-{self._name}") | {"expectedversion": 0}
            self._hear(event, self._sent(door, event), WRONG_VERSION)

    def _tell_differently(self, door: httpx.Client) -> None:
        """Another event under an id that is taken."""
        if earlier := self._earlier():
            event = earlier | {"time": "2019-01-01T00:00:00Z"}
            answer = self._sent(door, event)
            if answer is not None and answer.status_code != CONFLICT:
                self._is_surprised(event, answer.status_code, answer.text)

    def _tell_all(self, door: httpx.Client) -> None:
        """A batch: new events, some told before, some in vain, sometimes all or nothing."""
        events = [self._event() for _ in range(self._random.randint(2, 30))]
        whole = self._random.random() < 0.3
        before = [earlier] if (earlier := self._earlier()) else []
        in_vain = []
        if self._version and not whole and self._random.random() < 0.3:
            in_vain = [self._event(subject=f"project/own-{self._name}") | {"expectedversion": 0}]
        answer = self._sent(door, [*before, *events, *in_vain], "?all_or_nothing=true" if whole else "")
        if answer is None:
            return
        if answer.status_code not in (200, 207):
            self._is_surprised(events[0], answer.status_code, answer.text)
            return
        outcomes = answer.json()
        for event, outcome in zip([*before, *events, *in_vain], outcomes, strict=True):
            meant = (AGAIN,) if event in before else (WRONG_VERSION,) if event in in_vain else (201, AGAIN)
            self._note(event, outcome["status"], outcome.get("receipt"), meant)

    def _event(self, subject: str | None = None) -> dict[str, Any]:
        """Something new. Mostly as it happens, sometimes late; now and then putting an earlier event right."""
        earlier = self._earlier() if subject is None and self._random.random() < 0.04 else None
        if earlier and "/own-" in earlier["subject"]:
            earlier = None  # nobody but `_tell_expecting` tells of that stream
        kind, data = self._putting_right(earlier) if earlier else self._happened(subject)
        late = timedelta(days=self._random.uniform(0, 400)) if self._random.random() < 0.05 else timedelta()
        event = {
            "specversion": "1.0",
            "id": f"{self._name}-{len(self.journal.told) + 1}",
            "source": "/tests",
            "type": tag_of(kind) if isinstance(kind, type) else kind,
            "subject": earlier["subject"] if earlier else subject or self._subject(kind),
            "time": (datetime.now(UTC) - late).isoformat().replace("+00:00", "Z"),
            "data": data,
        }
        self.journal.told[str(event["id"])] = event
        return event

    def _happened(self, subject: str | None) -> tuple[type[Event], Any]:
        kinds = [kind for kind in self._kinds if kind.stream == "project"] if subject else self._kinds
        kind = self._random.choice(kinds)
        return kind, json.loads(canonical_body(example_of(kind)))

    def _putting_right(self, earlier: dict[str, Any]) -> tuple[Any, Any]:
        if earlier["data"] and self._random.random() < 0.5 and not earlier["type"].startswith("event."):
            return "event.corrected", {"of": earlier["id"], "fields": earlier["data"]}
        return "event.retracted", {"of": earlier["id"]}

    def _subject(self, kind: type[Event]) -> str:
        stream = "project" if kind.stream == ANY_STREAM else kind.stream
        generation = len(self.journal.told) // EVENTS_A_SUBJECT
        return f"{stream}/S-{generation}-{self._random.randrange(3)}"

    def _earlier(self) -> dict[str, Any] | None:
        """An event that was acknowledged."""
        if not self.journal.acknowledged:
            return None
        newest = list(self.journal.acknowledged)[-500:]
        return self.journal.told[self._random.choice(newest)]

    # What is heard.

    def _sent(self, door: httpx.Client, told: Any, query: str = "") -> httpx.Response | None:
        """The answer to a request that is sent until it is answered. None if the end comes first."""
        kind = BATCH if isinstance(told, list) else STRUCTURED
        body = json.dumps(told).encode()
        for number in self._tries():
            self.journal.sent_again += number > 0
            try:
                answer = door.post(self.trust.path + query, content=body, headers={"content-type": kind})
            except httpx.TransportError:
                continue
            if answer.status_code != 503:
                return answer
        self.journal.surprises.append(f"no answer to {body[:200]!r}")
        return None

    def _tries(self) -> Iterator[int]:
        for number in range(2_000):
            yield number
            threading.Event().wait(BETWEEN_TRIES_S)

    def _hear(self, event: dict[str, Any], answer: httpx.Response | None, *meant: int) -> None:
        if answer is not None:
            receipt = answer.json() if answer.status_code in (201, AGAIN) else None
            self._note(event, answer.status_code, receipt, meant)

    def _note(self, event: dict[str, Any], status: int, receipt: Any, meant: tuple[int, ...]) -> None:
        if status not in meant:
            self._is_surprised(event, status, repr(receipt))
        elif receipt is None:
            self.journal.refused.add(event["id"])
        else:
            self.journal.found_kept += status == AGAIN and event["id"] not in self.journal.acknowledged
            self._believe(event["id"], msgspec.convert(receipt, Acknowledged))

    def _believe(self, id_: str, promised: Acknowledged) -> None:
        known = self.journal.acknowledged.setdefault(id_, promised)
        if known is promised:
            self.journal.in_order.append(promised.position)
        elif known != promised:
            self.journal.surprises.append(f"{id_} was promised {known}, and then {promised}")

    def _is_surprised(self, event: dict[str, Any], status: int, text: str) -> None:
        self.journal.surprises.append(f"{status} to {event['type']} {event['id']}: {text[:300]}")
