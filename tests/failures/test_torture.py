"""Everything is killed at random, under load, and nothing that was acknowledged is lost.

`make torture` kills at least two hundred times; `make test` a few times. QILEDGER_TORTURE_SEED repeats the choices of a
run (not its timing), QILEDGER_TORTURE_KILLS says how many.
"""

import os
import secrets
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.failures.callers import Caller
from tests.failures.killing import Killer
from tests.failures.tailing import Reader
from tests.failures.verdict import judge
from tests.patience import wait_until
from tests.standing_house import Organisation, standing_house

CALLERS_EACH = 3
COMES_BACK_WITHIN_S = 60  # after any kill, on a machine that does other things too
CATCHES_UP_WITHIN_S = 60
LOOK_EVERY = 10


def test_a_few_kills_lose_nothing() -> None:
    torture(kills=8)


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_hundreds_of_kills_lose_nothing() -> None:
    torture(kills=int(os.environ.get("QILEDGER_TORTURE_KILLS", "200")))


def torture(*, kills: int) -> None:
    """Load, kills, quiet, verdict."""
    seed = os.environ.get("QILEDGER_TORTURE_SEED") or secrets.token_hex(4)
    say(f"seed {seed}: {kills} kills")
    with standing_house() as home:
        trusts = [home.open(), home.open()]
        stopping = threading.Event()
        callers = [
            Caller(trust, f"{trust.code}-{n}", seed, stopping)
            for trust in trusts
            for n in range(CALLERS_EACH)
        ]
        readers = [Reader(trust, seed) for trust in trusts]
        killer = Killer(home, seed)
        with ThreadPoolExecutor(len(callers) + len(readers)) as crowd:
            busy = [crowd.submit(caller.call) for caller in callers]
            busy += [crowd.submit(reader.tail, stopping) for reader in readers]
            try:
                kill_all_along(killer, kills, callers)
            finally:
                stopping.set()
        for task in busy:
            task.result()
        say(f"quiet; {summary(killer, callers)}")
        began = time.monotonic()
        for trust in trusts:
            wait_until(trust.caught_up, within_s=CATCHES_UP_WITHIN_S, what=f"{trust.code} is shown by itself")
        say(f"all projections caught up by themselves within {time.monotonic() - began:.1f} s")
        wait_until(home.is_ready, within_s=COMES_BACK_WITHIN_S, what="the house stands")
        verdict(trusts, callers, readers)


def kill_all_along(killer: Killer, kills: int, callers: Sequence[Caller]) -> None:
    """Kill after kill; after each the house must come back far enough to keep another event of every organisation."""
    hold = threading.Event()
    for number in range(1, kills + 1):
        hold.wait(killer.pause_s())
        before = acknowledged(callers)
        killer.kill_one()
        wait_until(
            lambda before=before: all(
                now > then for now, then in zip(acknowledged(callers), before, strict=True)
            ),
            within_s=COMES_BACK_WITHIN_S,
            what=f"every caller heard something again after {killer.killed}",
        )
        if number % LOOK_EVERY == 0:
            say(f"{number:4} kills; {summary(killer, callers)}")


def acknowledged(callers: Sequence[Caller]) -> list[int]:
    return [len(caller.journal.acknowledged) for caller in callers]


def verdict(trusts: Sequence[Organisation], callers: Sequence[Caller], readers: Sequence[Reader]) -> None:
    for trust in trusts:
        own = [reader for reader in readers if reader.trust is trust]
        for reader in own:
            reader.read_to_the_end()
        journals = [caller.journal for caller in callers if caller.trust is trust]
        records = judge(trust, journals, own)
        promised = sum(len(journal.acknowledged) for journal in journals)
        say(
            f"{trust.code}: {records} records, {promised} acknowledged, 0 lost, 0 twice, projections as folded anew"
        )


def summary(killer: Killer, callers: Sequence[Caller]) -> str:
    journals = [caller.journal for caller in callers]
    sent_again, found = sum(j.sent_again for j in journals), sum(j.found_kept for j in journals)
    heard = (
        f"{sum(acknowledged(callers))} acknowledged, {sent_again} sent again, {found} of them had been kept"
    )
    return f"{heard}; killed: " + ", ".join(
        f"{name} {times}" for name, times in sorted(killer.killed.items())
    )


def say(text: str) -> None:
    print(f"torture: {text}", flush=True)
