"""Every night everything that was sealed is made again from the records, and compared.

The sealer looks at what is new; whoever rewrites what was sealed long ago is found here. Then nothing more of that log
is signed until an operator has decided. It is done in the sealer's process, which knows whose seals are its own. A log
in which the API met damage while it made a proof does not wait for the night, nor does one that nobody has examined for
days. That a log was examined is kept, so that `qiledger doctor` and `/readyz` can say if it no longer is.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import psycopg
import structlog

from events.log import examinations, fsck, refusals, sealed
from events.log.sealing_key import Signer
from projections.moments import LONDON
from services.settings import Settings
from services.worker.duty import Connection, connected

AT_HOUR, AT_MINUTE = 4, 40  # not between one and three, when London's clocks change
LOOK_EVERY_S = 1.0
LOOK_AGAIN_EVERY_S = 30.0

log = structlog.get_logger(__name__)

_LOGS = "SELECT organisation FROM proof.logs ORDER BY organisation LIMIT 10000"


def examine_on(settings: Settings, signer: Signer, stopping: Callable[[], bool]) -> None:
    """Examines every night until told to stop; a database that is away then is examined the next night."""
    at, ask_again = next_night(datetime.now(LONDON)), time.monotonic() + LOOK_AGAIN_EVERY_S
    while not stopping():
        if datetime.now(LONDON) >= at:
            at = next_night(datetime.now(LONDON))
            _examined(settings, lambda conn: examine_all(conn, signer, stopping=stopping))
        if time.monotonic() >= ask_again:
            ask_again = time.monotonic() + LOOK_AGAIN_EVERY_S
            _examined(settings, lambda conn: examine_due(conn, signer, stopping=stopping))
        time.sleep(LOOK_EVERY_S)


def _examined(settings: Settings, examining: Callable[[Connection], None]) -> None:
    try:
        with connected(settings, name="examining") as conn:
            examining(conn)
    except Exception:
        log.exception("the proofs could not be examined")


def next_night(now: datetime) -> datetime:
    """The next time of day to examine at."""
    at = now.replace(hour=AT_HOUR, minute=AT_MINUTE, second=0, microsecond=0)
    return at if at > now else at + timedelta(days=1)


def examine_all(conn: Connection, signer: Signer, *, stopping: Callable[[], bool] = lambda: False) -> None:
    """Examines each log that is sealed."""
    for (name,) in conn.execute(_LOGS).fetchall():
        if stopping():
            return
        examine(conn, name, signer)


def examine_due(conn: Connection, signer: Signer, *, stopping: Callable[[], bool] = lambda: False) -> None:
    """Examines each log in which a reader met damage since it was last examined, and each that has waited too long.

    None on which a refusal stands: what is wrong with it is known, and readers may meet it as often as they like.
    """
    refused = {refusal.log for refusal in refusals.undecided(conn)}
    doubted = {doubt.log for doubt in examinations.doubts(conn)}
    overdue = {last.log for last in examinations.last(conn) if last.is_overdue}
    for name in sorted((doubted | overdue) - refused):
        if stopping():
            return
        if name in doubted:
            log.error("a reader met damage, so the proof is examined", log=name)
        examine(conn, name, signer)


def examine(conn: psycopg.Connection[tuple[object, ...]], name: str, signer: Signer) -> None:
    """Examines a log. What is found is said in the log, and stands as a refusal to sign."""
    began = time.monotonic()
    with conn.transaction():
        conn.execute(fsck.SNAPSHOT)
        found = fsck.flaws(conn, name, [signer.key.public, *signer.former], signer=signer)
        tree = sealed.tree_of(conn, name)
    if tree is None:
        return
    examinations.keep(conn, name, generation=tree.generation, size=tree.size, flaws=len(found))
    for flaw in found:
        log.error("the proof is not as it was sealed", log=name, where=flaw.where, what=flaw.what)
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        refusals.refuse(conn, name, tree.generation, f"{found[0].where}: {found[0].what}{more}")
    else:
        log.info(
            "the proof is as it was sealed",
            log=name,
            records=tree.size,
            took_s=round(time.monotonic() - began, 1),
        )
