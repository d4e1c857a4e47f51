"""How long after its 201 an event is seen in a projection, while events keep coming."""

import http.client
import json
import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import msgspec

from bench.place import ORGANISATION, as_role, doorbell, fresh
from bench.posting import PATH, STRUCTURED, _key, cloud_event
from bench.report import Row
from bench.served import serving
from bench.telling import SOURCE, submission
from events.log.record import Submission
from events.projects import ProjectProposed
from events.vocabulary import canonical_body, tag_of
from services.embedded import Postgres
from services.embedded.lifeline import Descent, launch

OFFERED = 200  # events a second
SECONDS = 20
SENDERS = 4
WORKERS = (("queue", "fresh"), ("queue", "fresh"), ("sweep",))


def measure(postgres: Postgres, runs: int) -> list[Row]:
    """Percentiles over all events of a run, in milliseconds."""
    measured = [sorted(_seen_after(postgres)) for _ in range(runs)]
    return [
        Row(
            what=f"from 201 to visible, {name}, {OFFERED} events/s",
            unit="ms",
            ours=[times[min(len(times) - 1, int(len(times) * share))] * 1e3 for times in measured],
        )
        for name, share in (("median", 0.5), ("p99", 0.99), ("at most", 1.0))
    ]


def _seen_after(postgres: Postgres) -> list[float]:
    url = fresh(postgres)
    key = _key(url)
    with ExitStack() as stack:
        redis_url = stack.enter_context(doorbell())
        for argv in WORKERS:
            stack.enter_context(_working(argv, as_role(url, "qiledger_worker"), redis_url))
        port = stack.enter_context(serving(as_role(url, "qiledger_api"), redis_url))
        _Sender(port, key, SENDERS, 0.0, []).tell_and_look(0)  # the first event builds the projections
        return _offer(port, key)


def _offer(port: int, key: str) -> list[float]:
    """Several senders, each telling an event and looking for it, at a steady pace together."""
    times: list[float] = []
    began = time.perf_counter() + 0.5
    threads = [
        threading.Thread(target=_Sender(port, key, n, began, times).keep_on, name=f"sender {n}")
        for n in range(SENDERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


class _Sender:
    """Tells at its share of the pace; looks for every tenth of its events as a caller who waits for it would."""

    def __init__(self, port: int, key: str, number: int, began: float, times: list[float]) -> None:
        self._key = key
        self._telling = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self._looking = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self._chance = random.Random(number)
        self._number = number
        self._began = began
        self._times = times

    def keep_on(self) -> None:
        step = SENDERS / OFFERED
        for n in range(int(SECONDS / step)):
            due = self._began + n * step + self._number / OFFERED
            time.sleep(max(0.0, due - time.perf_counter()))
            if n % 10:
                self._tell(submission(self._chance))
            else:
                self._times.append(self.tell_and_look(n))

    def tell_and_look(self, n: int) -> float:
        """Proposes a project, and asks for it until it is there: the seconds from the answer to being seen."""
        project = f"F-{self._number}-{n}"
        position = self._tell(_proposed(project))
        told_at = time.perf_counter()
        path = f"/v1/{ORGANISATION}/projections/projects/one?project={project}&at_least={position}&wait=15"
        rows = self._ask(self._looking, "GET", path)["rows"]
        assert rows, f"{project} is not seen at {position}"
        return time.perf_counter() - told_at

    def _tell(self, told: Submission) -> int:
        body = msgspec.json.encode(cloud_event(told))
        return int(self._ask(self._telling, "POST", PATH, body)["position"])

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None
    ) -> dict[str, object]:  # type: ignore[type-arg]
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": STRUCTURED}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status < 300, text
        return json.loads(text)


def _proposed(project: str) -> Submission:
    event = ProjectProposed(title=f"Project {project}")
    return Submission(
        stream=f"project/{project}",
        source=SOURCE,
        id=f"{project}-proposed",
        type=tag_of(ProjectProposed),
        occurred_at=datetime.now(UTC),
        precise_to="instant",
        actor="client/bench",
        body=canonical_body(event).decode(),
    )


@contextmanager
def _working(argv: tuple[str, ...], database_url: str, redis_url: str) -> Iterator[None]:
    env = os.environ | {"QILEDGER_DATABASE_URL": database_url, "QILEDGER_REDIS_URL": redis_url}
    command = [sys.executable, "-m", "services.worker", *argv]
    process = launch(
        command, Descent(death_signal=15), output=None, env=env | {"QILEDGER_LOG_LEVEL": "warning"}
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(15)
