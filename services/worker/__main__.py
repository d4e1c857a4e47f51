"""The processes of the worker room: `python -m services.worker queue fresh | past | deliver | long`, or one word.

The words are `webhooks`, `clock`, `sweep` and `sealer`.
`qiledger worker` starts them; a process that ends is started again by its house.
"""

import sys

from projections.engine.found import found
from services.doorbell import DELIVER, FRESH, LONG, PAST
from services.embedded.lifeline import die_with_parent
from services.logs import speak
from services.settings import Settings
from services.webhooks.sending import send_on
from services.worker.answering import QueueWorker
from services.worker.schedule import Clock
from services.worker.sealer import seal_on
from services.worker.stopping import StopAsked
from services.worker.sweep import sweep_on
from services.worker.waiting import connection_to, stand_by


def main(argv: list[str]) -> int:
    """Runs one process until it is told to stop. Returns its exit status."""
    settings = Settings.read()
    speak(settings.log_level, settings.log_format)
    asked = StopAsked()
    asked.listen()
    match argv:
        case ["queue", str(name)] if name in (FRESH, PAST, DELIVER, LONG):
            answer(settings, name, asked)
        case ["webhooks"]:
            send_on(settings, stopping=asked)
        case ["clock"]:
            keep_time(settings, asked)
        case ["sweep"]:
            sweep_on(settings, stopping=asked)
        case ["sealer"]:
            seal_on(settings, stopping=asked)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def answer(settings: Settings, name: str, asked: StopAsked) -> None:
    """Answers one queue. What the jobs need is loaded here, once, and not in every fork."""
    found()
    connection = connection_to(settings.redis_url)
    stand_by(connection, lambda: QueueWorker(connection, name, asked).answer(), stopping=asked)


def keep_time(settings: Settings, asked: StopAsked) -> None:
    """Rings for what is due by the clock."""
    connection = connection_to(settings.redis_url)
    stand_by(connection, lambda: Clock(connection, asked).start(), stopping=asked)


if __name__ == "__main__":
    die_with_parent()
    raise SystemExit(main(sys.argv[1:]))
