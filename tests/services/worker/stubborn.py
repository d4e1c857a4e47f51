"""A worker whose jobs do not stop when they are told: `python -m tests.services.worker.stubborn <how> <Redis> <queue>`.

`once`: an interruption is lost, the next is not. `never`: all are. `newborn`: it is told in the moment of its birth.
`idle`: it has no job, and an interruption of its wait for one is lost.
Its only job is `services.worker.jobs.stubborn.work`, which says in Redis how far it came.
"""

import os
import signal
import sys
from types import FrameType, ModuleType

import redis
from rq.exceptions import StopRequested

from services.worker.answering import JOBS, QueueWorker
from services.worker.stopping import StopAsked

JOB = f"{JOBS}stubborn.work"


class Deaf(QueueWorker):
    """Does not hear the first interruption of its wait."""

    hears = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        try:
            super().request_stop(signum, frame)
        except StopRequested:
            if self.hears:
                raise
            self.hears = True


def main(how: str, url: str, queue: str) -> None:
    bell = redis.Redis.from_url(url)

    def work() -> None:
        bell.rpush("stubborn", "began")
        while True:
            try:
                signal.pause()
            except KeyboardInterrupt:
                bell.rpush("stubborn", "was told")
                if how == "once" and bell.llen("stubborn") > 2:
                    raise

    module = ModuleType(f"{JOBS}stubborn")
    vars(module)["work"] = work
    sys.modules[module.__name__] = module
    if how == "newborn":
        os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGTERM))
    if how == "idle":
        Deaf(redis.Redis.from_url(url), queue, StopAsked()).answer()
        return
    asked, time = StopAsked(), 2.0 if how == "never" else 60.0
    asked.listen()
    QueueWorker(redis.Redis.from_url(url), queue, asked, stops_within_s=time).answer()


if __name__ == "__main__":
    main(*sys.argv[1:])
