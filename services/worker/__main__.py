"""The processes of the worker room: `python -m services.worker queue fresh | past | deliver | long`, or one word.

The words are `webhooks`, `clock`, `sweep` and `sealer`.
`qiledger worker` starts them; a process that ends is started again by its house.
"""

import sys
from importlib import import_module

from services.doorbell import DELIVER, FRESH, LONG, PAST
from services.embedded.lifeline import die_with_parent
from services.logs import speak
from services.settings import Settings
from services.worker.stopping import StopAsked
from services.worker.waiting import connection_to, stand_by

JOBS = {
    FRESH: ("keep_fresh",),
    PAST: ("show_past",),
    DELIVER: ("speak", "deliver_messages"),
    LONG: ("rebuild_outdated", "retry_parked", "drop_unread", "forget_attempts", "mind_examinations"),
}
"""What is rung for on each queue. A process loads its own and no more, so that a house with ten of them starts soon."""


def main(argv: list[str]) -> int:
    """Runs one process until it is told to stop. Returns its exit status."""
    settings = Settings.read()
    speak(settings.log_level, settings.log_format)
    asked = StopAsked()
    asked.listen()
    match argv:
        case ["queue", str(name)] if name in JOBS:
            answer(settings, name, asked)
        case ["webhooks"]:
            from services.webhooks.sending import send_on

            send_on(settings, stopping=asked)
        case ["clock"]:
            keep_time(settings, asked)
        case ["sweep"]:
            from services.worker.sweep import sweep_on

            sweep_on(settings, stopping=asked)
        case ["sealer"]:
            from services.worker.sealer import seal_on

            seal_on(settings, stopping=asked)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def answer(settings: Settings, name: str, asked: StopAsked) -> None:
    """Answers one queue. What the jobs need is loaded here, once, and not in every fork."""
    from projections.engine.found import found
    from projections.notices.engine.found import found_rules
    from services.worker.answering import QueueWorker

    found()
    if name == DELIVER:
        found_rules()
    for job in JOBS[name]:
        import_module(f"services.worker.jobs.{job}")
    connection = connection_to(settings.redis_url)
    stand_by(connection, lambda: QueueWorker(connection, name, asked).answer(), stopping=asked)


def keep_time(settings: Settings, asked: StopAsked) -> None:
    """Rings for what is due by the clock."""
    from services.worker.schedule import Clock

    connection = connection_to(settings.redis_url)
    stand_by(connection, lambda: Clock(connection, asked).start(), stopping=asked)


if __name__ == "__main__":
    die_with_parent()
    raise SystemExit(main(sys.argv[1:]))
