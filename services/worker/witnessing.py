"""Having checkpoints co-signed by witnesses on other machines (c2sp.org/tlog-witness).

Each witness is shown the newest checkpoint of each log, with the proof that it begins with the one it saw last. A
witness that was away is asked again, later each time, and catches up in one step. One that has seen more than we have
signed, or finds that what it saw is not the beginning of ours, is trouble that `qiledger doctor` shows.
"""

import base64
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import psycopg
import requests
import structlog

from events.counted import counted
from events.log import notes, sealed
from events.log.merkle import consistency_proof, consistency_spans
from events.log.notes import Note, Signature, Unverified, WrongNote
from events.log.sealed import Sealed
from events.log.tiles import MissingTile, TileHashes, tiles_for
from services.sealing import Witness
from services.settings import Settings
from services.worker.duty import Connection, connected

LOOK_EVERY_S = 0.5
CONNECT_WITHIN_S, ANSWER_WITHIN_S = 3.0, 10.0
ANSWER_BYTES_MAX = 16_384
AGAIN_FIRST_S, AGAIN_MAX_S = 1.0, 300.0
TROUBLE_MAX = 300
STEPS_MAX = 3  # the witness may know another size than we think; then it is told from that one
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n")

log = structlog.get_logger(__name__)

_DUE = """
    SELECT l.organisation, l.generation, coalesce(w.size, 0) AS size
      FROM proof.logs AS l
      LEFT JOIN proof.witnesses AS w
        ON w.organisation = l.organisation AND w.generation = l.generation AND w.witness = %(witness)s
     WHERE l.signed > coalesce(w.size, 0)
       AND coalesce(w.again_at, '-infinity') <= clock_timestamp()
     ORDER BY l.organisation
     LIMIT 10000
"""
_COSIGNED = """
    INSERT INTO proof.cosignatures (organisation, generation, size, witness, line)
    VALUES (%(log)s, %(generation)s, %(size)s, %(witness)s, %(line)s)
        ON CONFLICT (organisation, generation, size, witness) DO NOTHING
"""
_WELL = """
    INSERT INTO proof.witnesses (organisation, generation, witness, size, asked_at)
    VALUES (%(log)s, %(generation)s, %(witness)s, %(size)s, clock_timestamp())
        ON CONFLICT (organisation, generation, witness) DO UPDATE
       SET size = greatest(proof.witnesses.size, excluded.size), asked_at = excluded.asked_at,
           failures = 0, again_at = '-infinity', trouble = NULL
"""
_TROUBLE = """
    INSERT INTO proof.witnesses AS w (organisation, generation, witness, failures, asked_at, again_at, trouble)
    VALUES (%(log)s, %(generation)s, %(witness)s, 1, clock_timestamp(),
            clock_timestamp() + make_interval(secs => %(first_s)s), %(trouble)s)
        ON CONFLICT (organisation, generation, witness) DO UPDATE
       SET failures = w.failures + 1, asked_at = excluded.asked_at, trouble = excluded.trouble,
           again_at = clock_timestamp()
                    + make_interval(secs => least(%(max_s)s, %(first_s)s * power(2, least(w.failures, 20))))
"""


class Trouble(Exception):
    """Why a witness did not co-sign."""


class _Answer(msgspec.Struct, frozen=True):
    status: int
    body: bytes


def witness_on(settings: Settings, witnesses: Sequence[Witness], stopping: Callable[[], bool]) -> None:
    """Asks witnesses until told to stop; outlives a database that is away."""
    while not stopping():
        try:
            with connected(settings, name="witnessing") as conn:
                while not stopping():
                    ask_all(conn, witnesses, stopping=stopping)
                    time.sleep(LOOK_EVERY_S)
        except psycopg.OperationalError as failure:
            log.warning("witnesses wait for the database", reason=type(failure).__name__)
            time.sleep(LOOK_EVERY_S)
        except Exception:
            log.exception("asking witnesses failed, and begins anew")
            time.sleep(LOOK_EVERY_S)


def ask_all(
    conn: Connection, witnesses: Sequence[Witness], *, stopping: Callable[[], bool] = lambda: False
) -> None:
    """Shows every witness what it has not seen and may be asked about again."""
    for witness in witnesses:
        for name, generation, known in conn.execute(_DUE, {"witness": witness.key.name}).fetchall():
            if stopping():
                return
            ask(conn, witness, name, generation, known)


def ask(conn: Connection, witness: Witness, name: str, generation: int, known: int) -> None:
    """Has a witness co-sign the newest checkpoint of a log, and keeps what comes of it."""
    named: dict[str, Any] = {"log": name, "generation": generation, "witness": witness.key.name}
    try:
        last = sealed.newest(conn, name, generation)
        if last is None:
            return
        cosignature = _cosigned(conn, witness, last, named, known)
    except (Trouble, MissingTile) as trouble:
        asked = named | {
            "first_s": AGAIN_FIRST_S,
            "max_s": AGAIN_MAX_S,
            "trouble": str(trouble)[:TROUBLE_MAX],
        }
        conn.execute(_TROUBLE, asked)
        log.warning(
            "a witness did not cosign", log=name, witness=witness.key.name, reason=str(trouble)[:TROUBLE_MAX]
        )
        return
    with conn.transaction():
        conn.execute(_COSIGNED, named | {"size": last.size, "line": cosignature.line()})
        conn.execute(_WELL, named | {"size": last.size})


def _cosigned(
    conn: Connection, witness: Witness, last: Sealed, named: dict[str, Any], known: int
) -> Signature:
    """The witness's line, verified. Raises Trouble, MissingTile."""
    for _ in range(STEPS_MAX):
        answer = _asked(witness, _submission(conn, last, named, known))
        if answer.status == 200:
            return _verified(witness, last, answer.body)
        told = _SIZE.fullmatch(answer.body) if answer.status == 409 else None
        if told is None or int(told[1]) == known:
            raise Trouble(
                f"it answered {answer.status}: {answer.body[:TROUBLE_MAX].decode('utf-8', 'replace').strip()}"
            )
        known = int(told[1])
        if known > last.size:
            raise Trouble(
                f"it has seen {counted(known, 'record')}; only {last.size} are signed here: was a backup restored?"
            )
    raise Trouble("it says another size each time")


def _submission(conn: Connection, last: Sealed, named: dict[str, Any], known: int) -> bytes:
    """What it is shown: the size it knows, the proof from there, the checkpoint."""
    spans = consistency_spans(known, last.size)
    kept = sealed.tiles(conn, named["log"], named["generation"], tiles_for(spans))
    proof = consistency_proof(known, last.size, TileHashes(kept))
    lines = [f"old {known}", *(base64.b64encode(one).decode() for one in proof), "", last.note]
    return "\n".join(lines).encode()


def _asked(witness: Witness, submission: bytes) -> _Answer:
    """One request, bounded in time and size, led nowhere else. Raises Trouble."""
    try:
        with requests.post(
            f"{witness.url}/add-checkpoint",
            data=submission,
            headers={"content-type": "text/plain; charset=utf-8", "accept-encoding": "identity"},
            timeout=(CONNECT_WITHIN_S, ANSWER_WITHIN_S),
            allow_redirects=False,
            stream=True,
        ) as answer:
            return _Answer(answer.status_code, answer.raw.read(ANSWER_BYTES_MAX, decode_content=False))
    except (requests.RequestException, OSError) as away:
        raise Trouble(f"it cannot be reached: {type(away).__name__}") from None


def _verified(witness: Witness, last: Sealed, body: bytes) -> Signature:
    """The line of the witness's own key among those it answered. Raises Trouble."""
    try:
        text = notes.read_note(last.note).text
        lines = [notes.read_signature(line) for line in body.decode().splitlines()]
        return notes.verified(Note(text, tuple(lines)), [witness.key])[0]
    except (UnicodeDecodeError, WrongNote, Unverified) as wrong:
        raise Trouble(f"what it answered is no cosignature of its key: {wrong}") from None
