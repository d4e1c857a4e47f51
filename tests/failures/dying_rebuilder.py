"""One who rebuilds everything in one pass, and is killed: `python -m tests.failures.dying_rebuilder <step> <nth> …`."""

import os
import signal
import sys
from typing import Any

import psycopg

from projections.engine.chunks import Filling
from projections.engine.found import found
from projections.engine.rebuild import rebuild_together

STEPS = ("while folding", "before the commit", "after the commit")
BATCH = 40


def main(step: str, nth: str, url: str, organisation: str) -> None:
    """Rebuilds until a step has come for the n-th time."""
    left = int(nth)

    def die(_: object = None) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if step == "while folding":
        fold = Filling._fold

        def dying_fold(*given: Any) -> Any:
            folded = fold(*given)
            die()
            return folded

        Filling._fold = dying_fold  # type: ignore[method-assign]
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
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
