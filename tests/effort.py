"""How many random examples a law is tried on: few in each run, for there are many runs; more when asked for.

`make deep` tries twenty times as many, for a night, or after a change to the engine.
"""

import os

TIMES = int(os.environ.get("QILEDGER_TEST_EFFORT", "1"))


def examples(usually: int) -> int:
    """For `hypothesis.settings(max_examples=…)`."""
    return usually * TIMES
