"""The processes of the worker room, one each: `python -m services.worker queue fresh | queue long | clock | sweep`.

`qiledger worker` starts them; a process that ends is started again by its house.
"""

import signal
import sys
from types import FrameType

from rq import Worker
from rq.serializers import JSONSerializer

from services.doorbell import FRESH, LONG, queue
from services.embedded.lifeline import die_with_parent
from services.logs import speak
from services.settings import Settings
from services.worker.schedule import Clock
from services.worker.sweep import sweep_on
from services.worker.waiting import patient

MAINTENANCE_EVERY_S = 60
WORKER_TTL_S = 60


def main(argv: list[str]) -> int:
    """Runs one process until it is told to stop. Returns its exit status."""
    settings = Settings.read()
    speak(settings.log_level, settings.log_format)
    match argv:
        case ["queue", ("fresh" | "long") as name]:
            answer(settings, FRESH if name == "fresh" else LONG)
        case ["clock"]:
            Clock(patient(settings.redis_url)).start()
        case ["sweep"]:
            sweep_on(settings, stopping=told_to_stop())
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def answer(settings: Settings, name: str) -> None:
    """Answers one queue, forking a process for each job."""
    connection = patient(settings.redis_url)
    worker = Worker(
        [queue(connection, name)],
        connection=connection,
        serializer=JSONSerializer,
        maintenance_interval=MAINTENANCE_EVERY_S,
        worker_ttl=WORKER_TTL_S,
        log_job_description=False,
    )
    worker.max_connection_wait_time = 2.0
    worker.work(logging_level=settings.log_level.upper())


def told_to_stop() -> "StopAsked":
    """Turns SIGTERM and SIGINT into a question one may ask."""
    asked = StopAsked()
    signal.signal(signal.SIGTERM, asked.note)
    signal.signal(signal.SIGINT, asked.note)
    return asked


class StopAsked:
    """Whether a stop was asked for."""

    def __init__(self) -> None:
        self._asked = False

    def note(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked = True

    def __call__(self) -> bool:
        return self._asked


if __name__ == "__main__":
    die_with_parent()
    raise SystemExit(main(sys.argv[1:]))
