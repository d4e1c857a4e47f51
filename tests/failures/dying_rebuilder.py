"""One who rebuilds everything in one pass, and is killed: `python -m tests.failures.dying_rebuilder <step> <nth> …`.

Prints the ids of the processes that fold for it.
"""

import os
import signal
import sys
from typing import Any

import psycopg

from projections.engine import beside, filling
from projections.engine.chunks import Filling
from projections.engine.folding import Here
from projections.engine.found import found
from projections.engine.making import Task
from projections.engine.rebuild import rebuild_together

STEPS = ("while folding", "before the commit", "after the commit")
BATCH = 40


def main(step: str, nth: str, url: str, organisation: str, processes: str = "0") -> None:
    """Rebuilds until a step has come for the n-th time."""
    left = int(nth)
    filling.FOLDS_BESIDE = 1
    init = beside.Beside.__init__

    def telling_init(self: beside.Beside, *given: Any) -> None:
        init(self, *given)
        print(*(worker.pid for worker in self.workers), flush=True)

    beside.Beside.__init__ = telling_init  # type: ignore[method-assign]

    def die(_: object = None) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if step == "while folding":
        make = Here.make

        def dying_make(here: Here, task: Task, *, meanwhile: Any) -> Any:
            making = make(here, task, meanwhile=meanwhile)
            die()
            return making

        Here.make = dying_make  # type: ignore[method-assign]
    if step == "before the commit":
        write = Filling._write

        def dying_write(*given: Any) -> None:
            write(*given)
            die()

        Filling._write = dying_write  # type: ignore[method-assign]
    with psycopg.connect(url, autocommit=True) as conn:
        rebuild_together(
            conn,
            found().values(),
            organisation,
            batch_max=BATCH,
            on_progress=die if step == "after the commit" else None,
            processes=int(processes),
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
