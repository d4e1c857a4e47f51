"""One who delivers and is killed at a step: `python -m tests.failures.dying_deliverer <step> <organisation> [<time>]`.

SIGKILL, by itself, when it comes to that step for the first time, or the one that is said.
"""

import os
import random
import signal
import sys
import time
from typing import Any

from services.channels.outcome import Outcome
from services.channels.set_up import channels, words
from services.custody import entrust_by
from services.settings import Settings
from services.worker.delivering.deliverer import Deliverer, Step
from services.worker.delivering.noting import Notes
from services.worker.duty import connected

STEPS = (
    "before it is written down",
    "after it is written down",
    "after sending",
    "while noting",
    "after noting",
)


class Doom:
    """The step at which to die, when it is come to so many times."""

    def __init__(self, step: str, times: int) -> None:
        self._step = step
        self._left = times

    def at(self, step: str) -> None:
        if step == self._step:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)


class DyingNotes(Notes):
    doom: Doom

    def write(self, *given: Any) -> Any:
        noted = super().write(*given)
        self.doom.at("while noting")
        return noted

    def note(self, *given: Any) -> None:
        super().note(*given)
        self.doom.at("after noting")


class Dying(Deliverer):
    doom: Doom

    def turn(self, *given: Any) -> Any:
        self.doom.at("before it is written down")
        return super().turn(*given)

    def hand_over(self, *given: Any) -> Outcome:
        self.doom.at("after it is written down")
        outcome = super().hand_over(*given)
        self.doom.at("after sending")
        return outcome


def main(step: str, organisation: str, time_: str = "1") -> None:
    settings = Settings.read()
    entrust_by(settings)
    with connected(settings, name="dies") as conn:
        ways = channels(settings)
        one = Dying(conn, ways, words(settings))
        one.notes = notes = DyingNotes(conn, now=one._now, chance=random.random, reconnect=None)
        one.doom = notes.doom = Doom(step, int(time_))
        until = time.monotonic() + 60
        for channel in ways.values():
            while one.deliver_some(organisation, channel, deadline=until) is not Step.NOTHING_DUE:
                assert time.monotonic() < until


if __name__ == "__main__":
    main(*sys.argv[1:])
