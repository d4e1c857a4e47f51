"""One who delivers and is killed at a step: `python -m tests.failures.dying_deliverer <step>`. SIGKILL, by itself."""

import os
import signal
import sys
import time
from typing import Any

import psycopg

from services.channels.outcome import Channel, Outcome
from services.channels.set_up import channels, words
from services.custody import entrust_by
from services.settings import Settings
from services.worker.delivering.deliverer import Deliverer, Prepared
from services.worker.duty import connected

STEPS = (
    "before it is written down",
    "after it is written down",
    "after sending",
    "while noting",
    "after noting",
)


class Dying(Deliverer):
    step = ""

    def _die(self, step: str) -> None:
        if step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)

    def _said_and_where(self, *given: Any) -> Any:
        self._die("before it is written down")
        return super()._said_and_where(*given)

    def hand_over(self, prepared: Prepared, channel: Channel) -> Outcome:
        self._die("after it is written down")
        outcome = super().hand_over(prepared, channel)
        self._die("after sending")
        return outcome

    def _note(self, conn: psycopg.Connection[Any], *given: Any) -> None:
        with conn.transaction():
            super()._note(conn, *given)
            self._die("while noting")
        self._die("after noting")


def main(step: str, organisation: str) -> None:
    settings = Settings.read()
    entrust_by(settings)
    with connected(settings, name="dies") as conn:
        one = Dying(conn, channels(settings), words(settings))
        one.step = step
        one.deliver(organisation, deadline=time.monotonic() + 60)


if __name__ == "__main__":
    main(*sys.argv[1:])
