"""What `qiledger doctor` says of the proof, and whose signatures it believes."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg

from events.counted import counted
from events.log import examinations, fsck, refusals, sealed
from events.log.notes import NoteKey
from services.custody_found import keyless
from services.finding import Finding, State
from services.sealing import former_keys, sealing_key_of_house
from services.settings import Settings

UNSEALED_S_MAX = 60

_LOGS = """
    SELECT h.organisation, h.position, coalesce(l.signed, 0) AS signed,
           h.position > coalesce(l.signed, 0)
           AND h.recorded_at < clock_timestamp() - make_interval(secs => %(late_s)s) AS is_late
      FROM log.heads AS h
      LEFT JOIN proof.logs AS l ON l.organisation = h.organisation
     ORDER BY h.organisation
     LIMIT 10000
"""
_TROUBLED = """
    SELECT organisation, witness, size, trouble
      FROM proof.witnesses
     WHERE trouble IS NOT NULL
     ORDER BY organisation, witness
     LIMIT 1000
"""


_BEGUN_ANEW = """
    SELECT organisation, origin
      FROM proof.logs
     WHERE generation > 1
     ORDER BY organisation
     LIMIT 1000
"""
_GUARDS = """
    SELECT count(*)
      FROM pg_trigger
     WHERE tgrelid::regclass::text ~ '^proof[.]' AND tgenabled = 'A'
       AND tgname IN ('never_changed', 'never_removed', 'only_grows', 'only_goes_on', 'only_decided')
"""
GUARDS = 11


def proof(conn: psycopg.Connection[Any]) -> Iterator[Finding]:
    """Whether logs are sealed, by whom nothing is signed, and whether witnesses are heard of."""
    (guards,) = conn.execute(_GUARDS).fetchone() or (0,)
    if guards < GUARDS:
        cure = "Somebody with a superuser's rights took them down. Find out who; put them back from 0010 and 0030."
        yield Finding(
            "guards of the proof",
            "wrong",
            f"{counted(GUARDS - guards, f'of {GUARDS} is', f'of {GUARDS} are')} down",
            cure,
        )
    for log, origin in conn.execute(_BEGUN_ANEW):
        cure = "To whoever holds an older checkpoint it is another log: tell them why."
        yield Finding(f"name of {log}", "mind", f"it was begun anew, as {origin}", cure)
    standing = refusals.undecided(conn)
    for refusal in standing:
        cure = "Find out what happened before anything else: docs/proof.md. Then qiledger refusals."
        yield Finding(f"seal of {refusal.log}", "wrong", f"refused: {refusal.reason}", cure)
    refused = {refusal.log for refusal in standing}
    late = []
    for log, position, signed, is_late in conn.execute(_LOGS, {"late_s": UNSEALED_S_MAX}):
        if is_late and log not in refused:
            late.append(log)
            cure = "See that the sealer runs and has QILEDGER_SEALING_KEY and a name for logs, QILEDGER_LOG_ORIGIN."
            yield Finding(
                f"seal of {log}",
                "mind",
                f"{counted(position - signed, 'record is', 'records are')} not sealed",
                cure,
            )
    for log, witness, size, trouble in conn.execute(_TROUBLED):
        state: State = "wrong" if "has seen" in trouble or "422" in trouble else "mind"
        cure = (
            "One that is away is asked again. One that has seen another history or more of it: docs/proof.md."
        )
        yield Finding(f"witness {witness}", state, f"{log} at {size}: {trouble}", cure)
    if not standing and not late:
        yield Finding("proof", "well", "every log is sealed to its head")
    yield from _examined(conn)


def _examined(conn: psycopg.Connection[Any]) -> Iterator[Finding]:
    """Whether everything that was sealed is still made again each night, and what readers met meanwhile."""
    for doubt in examinations.doubts(conn):
        cure = "The sealer examines the log within a minute; if it does not, see that it runs. qiledger doctor --proof"
        yield Finding(f"proof of {doubt.log}", "wrong", f"a reader met damage: {doubt.what}", cure)
    known = examinations.last(conn)
    for last in known:
        if last.flaws:
            said = f"{last.flaws:,} flaws were found on {last.examined_at:%Y-%m-%d %H:%M}"
            yield Finding(
                f"examination of {last.log}", "wrong", said, "qiledger doctor --proof; docs/proof.md."
            )
        if last.is_overdue:
            when = "never" if last.examined_at is None else f"last on {last.examined_at:%Y-%m-%d %H:%M}"
            cure = "See that the sealer runs: it does so each night. Meanwhile: qiledger doctor --proof."
            said = f"{when}, more than {examinations.EXAMINED_DAYS_MAX} days ago"
            yield Finding(f"examination of {last.log}", "mind", said, cure)
    if known and not any(last.is_overdue for last in known):
        oldest = min((last.examined_at for last in known if last.examined_at), default=None)
        said = "begins this night" if oldest is None else f"every log, on {oldest:%Y-%m-%d %H:%M} or later"
        yield Finding("examination", "well", said)


def believed(settings: Settings) -> list[NoteKey]:
    """The public keys whose seals are ours: of the settings, else of the house's own key. Raises WrongSettings."""
    ours = sealing_key_of_house(settings)
    return [*([] if ours is None else [ours.public]), *former_keys(settings)]


def listed(conn: psycopg.Connection[Any], log: str) -> list[NoteKey]:
    """The keys that the database itself lists: better than none, and not to be relied on."""
    tree = sealed.tree_of(conn, log)
    return (
        []
        if tree is None
        else [NoteKey.read(key.vkey) for key in sealed.used_keys(conn, log, tree.generation)]
    )


def whole_proof(conn: psycopg.Connection[Any], keys: Sequence[NoteKey]) -> Iterator[Finding]:
    """Everything made again from the records of every log, and compared. `conn` commits each statement."""
    logs = [
        log
        for (log,) in conn.execute("SELECT organisation FROM proof.logs ORDER BY organisation LIMIT 10000")
    ]
    if logs and not keys:
        cure = (
            "Say whose seals are ours: QILEDGER_SEALING_KEY, or public keys in QILEDGER_SEALING_KEYS_BEFORE."
        )
        yield Finding("keys", "mind", "only those that the database itself lists are known", cure)
    for log in logs:
        with conn.transaction():
            conn.execute(fsck.SNAPSHOT)
            conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (log,))
            tree = sealed.tree_of(conn, log)
            found = fsck.flaws(conn, log, keys or listed(conn, log))
            yield from keyless(conn, log)
        for flaw in found:
            cure = "Somebody or something has changed it: docs/proof.md says what to do."
            yield Finding(f"{log} {flaw.where}", "wrong", flaw.what, cure)
        if not found and tree is not None:
            said = (
                f"{counted(tree.size, 'record')}, and everything that was sealed over them, are as they were"
            )
            yield Finding(f"proof of {log}", "well", said)
