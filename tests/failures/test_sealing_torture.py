"""The sealer is killed over its work, again and again: in the end all that was told is signed, as one history."""

import random
import time

import psycopg
import pytest

from events.log import fsck, refusals, sealed
from events.log.sealed import Tree
from services.proving import believed
from services.settings import Settings
from tests.events.log.sealing import tell_many
from tests.patience import wait_until
from tests.standing_house import standing_house

KILLS = 8
TOLD = 20_000  # some commits' work for a sealer
WITHIN_S = 120


@pytest.mark.torture
@pytest.mark.timeout(1800)
def test_a_sealer_that_is_killed_over_its_work_signs_one_history() -> None:
    seed = time.time_ns()
    print(f"seed {seed}")
    dice = random.Random(seed)
    with standing_house(
        without=("fresh-1", "fresh-2", "past-1", "deliver-1", "long-1", "clock", "sweep", "api")
    ) as home:
        log = home.open().code

        def tree() -> Tree:
            with psycopg.connect(home.ways.worker, autocommit=True) as conn:
                return sealed.tree_of(conn, log) or Tree(1, "", 0, 0, [])

        for number in range(KILLS):
            tell_many(home.ways.admin, log, TOLD, str(number))
            overdue = tree().size + dice.randint(1, TOLD // 2)
            wait_until(lambda at=overdue: tree().size >= at, within_s=WITHIN_S, what="the sealer is at work")
            home.kill("sealer")
        wait_until(lambda: tree().signed == KILLS * TOLD, within_s=WITHIN_S, what="all is signed")
        with psycopg.connect(home.ways.worker, autocommit=True) as conn:
            assert refusals.undecided(conn) == []
            with conn.transaction():
                conn.execute(fsck.SNAPSHOT)
                keys = believed(Settings(data_directory=home.logs.parent))
                assert fsck.flaws(conn, log, keys) == []
                checkpoints = conn.execute(
                    "SELECT count(*) FROM proof.checkpoints WHERE organisation = %s", (log,)
                )
                print(f"{KILLS} kills, {checkpoints.fetchone()} checkpoints")
