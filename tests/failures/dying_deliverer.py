"""One who delivers and is killed at a step: `python -m tests.failures.dying_deliverer <step> <organisation> [<time>]`.

SIGKILL, by itself, when it comes to that step for the first time, or the one that is said.
"""

import os
import signal
import sys
import time
from typing import Any

from services.channels.outcome import Outcome
from services.channels.set_up import channels, words
from services.custody import entrust_by
from services.settings import Settings
from services.worker.delivering.deliverer import Deliverer
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
    left = 1

    def _die(self, step: str) -> None:
        if step == self.step:
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)

    def turn(self, *given: Any) -> Any:
        self._die("before it is written down")
        return super().turn(*given)

    def hand_over(self, *given: Any) -> Outcome:
        self._die("after it is written down")
        outcome = super().hand_over(*given)
        self._die("after sending")
        return outcome

    def _note(self, *given: Any) -> Any:
        noted = super()._note(*given)
        self._die("while noting")
        return noted

    def note(self, *given: Any) -> None:
        super().note(*given)
        self._die("after noting")


def main(step: str, organisation: str, time_: str = "1") -> None:
    settings = Settings.read()
    entrust_by(settings)
    with connected(settings, name="dies") as conn:
        one = Dying(conn, channels(settings), words(settings))
        one.step, one.left = step, int(time_)
        one.deliver(organisation, deadline=time.monotonic() + 60)


if __name__ == "__main__":
    main(*sys.argv[1:])
