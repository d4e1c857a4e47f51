"""What `qiledger doctor` finds of keys: can persons' words be encrypted and read, and is what was erased still gone."""

from collections.abc import Iterator
from typing import Any

import psycopg

from events.counted import counted
from events.privacy.custody import KeysInHand, NoMasterKey
from events.privacy.ledger import DamagedLedger, Erasure, Ledger
from services.custody import custodian_of_house, ledger_file
from services.finding import Finding
from services.settings import Settings

_MASTERS = """
    SELECT master, count(*)
      FROM vault.keys
     WHERE wrapped IS NOT NULL
     GROUP BY master
     ORDER BY master
     LIMIT 1000
"""
_REVIVED = """
    SELECT count(*)
      FROM vault.keys AS k
      JOIN unnest(%(organisations)s::text[], %(persons)s::text[]) AS gone (organisation, person)
           USING (organisation, person)
     WHERE k.wrapped IS NOT NULL
"""


_DESTROYED = """
    SELECT organisation, person, id, destroyed_at
      FROM vault.keys
     WHERE wrapped IS NULL
     ORDER BY organisation, person
"""
_GUARDS = """
    SELECT count(*)
      FROM pg_trigger
     WHERE tgrelid = 'vault.keys'::regclass AND tgenabled = 'A' AND tgname IN ('never_revived', 'never_emptied')
"""


_KEYLESS = """
    SELECT count(*), min(said.person)
      FROM (SELECT DISTINCT 'person/' || (regexp_matches(r.body, %(sealed)s, 'g'))[1] AS person
              FROM log.records AS r
             WHERE r.organisation = %(organisation)s AND strpos(r.body, 'sealed.1.') > 0) AS said
     WHERE NOT EXISTS (SELECT FROM vault.keys AS k
                        WHERE k.organisation = %(organisation)s AND k.person = said.person)
"""
_SEALED = r'"sealed\.1\.([A-Za-z0-9_-]{1,64})\.'


def keyless(conn: psycopg.Connection[Any], organisation: str) -> Iterator[Finding]:
    """Persons with words in a log of whose key the vault knows nothing, not even that it was destroyed.

    Reads the whole log. The caller's transaction has said for which organisation it reads.
    """
    asked = {"organisation": organisation, "sealed": _SEALED}
    number, one = conn.execute(_KEYLESS, asked).fetchone() or (0, None)
    if number:
        them = counted(number, "person has", "persons have")
        said = f"{them} words in the log and no key in the vault, {one} among them"
        cure = "After a move: qiledger people unpack. Else somebody removed rows of vault.keys: restore the vault."
        yield Finding(f"words in {organisation}", "wrong", said, cure)


def unwritten(conn: psycopg.Connection[Any], ledger: Ledger) -> list[Erasure]:
    """Whose key the vault says was destroyed and the ledger does not: after a restore they would be back."""
    known = {(one.organisation, one.person) for one in ledger.erasures()}
    return [
        Erasure(organisation=organisation, person=person, key=key, at=at.isoformat())
        for organisation, person, key, at in conn.execute(_DESTROYED)
        if (organisation, person) not in known
    ]


def custody(conn: psycopg.Connection[Any]) -> Iterator[Finding]:
    """The master key, and the ledger of erasures."""
    settings = Settings.read()
    yield _master_key(conn, settings)
    if conn.execute(_GUARDS).fetchone() != (2,):
        cure = "Somebody with a superuser's rights took them down. Find out who; put them back from 0031."
        yield Finding("guards of the vault", "wrong", "not both stand", cure)
    try:
        yield from _erasures(conn, Ledger(ledger_file(settings)))
    except DamagedLedger as wrong:
        yield Finding("ledger of erasures", "wrong", str(wrong), "Until then no person's words can be read.")


def _erasures(conn: psycopg.Connection[Any], ledger: Ledger) -> Iterator[Finding]:
    """Whether the ledger and the vault agree on who was erased."""
    if missing := unwritten(conn, ledger):
        them = counted(len(missing), "key is", "keys are")
        said = f"{them} destroyed of which the ledger at {ledger.file} knows nothing"
        cure = "A restore would bring them back. Is it the right file? Then write them down: qiledger erasures apply."
        yield Finding("ledger of erasures", "wrong", said, cure)
    erased = list(ledger.erasures())
    asked = {
        "organisations": [erasure.organisation for erasure in erased],
        "persons": [erasure.person for erasure in erased],
    }
    (revived,) = conn.execute(_REVIVED, asked).fetchone() or (0,)
    if revived:
        said = f"{counted(revived, 'destroyed key is', 'destroyed keys are')} back, as after a restore"
        yield Finding("erasures", "wrong", said, "Destroy them again: qiledger erasures apply.")
    else:
        yield Finding("erasures", "well", f"{len(erased):,} in the ledger, none of them undone")


def _master_key(conn: psycopg.Connection[Any], settings: Settings) -> Finding:
    """Whether there is one, and whether it is the one that wrapped what is kept."""
    try:
        has = custodian_of_house(settings)
    except (NoMasterKey, OSError) as wrong:
        return Finding("master key", "wrong", str(wrong), "Name it by QILEDGER_MASTER_KEY_FILE.")
    if has is None:
        said = "none is named here: events with words by or about a person are refused where none is"
        return Finding("master key", "mind", said, "Make one: qiledger master-key new; see docs/privacy.md.")
    wrapped = dict(conn.execute(_MASTERS).fetchall())
    lost = [name for name in wrapped if isinstance(has, KeysInHand) and name not in has.names()]
    if lost:
        keys = sum(wrapped[name] for name in lost)
        them = counted(keys, "key of a person is", "keys of persons are")
        said = f"{them} wrapped by {', '.join(lost)}, which is not here"
        return Finding("master key", "wrong", said, "Give that one too, behind the current one.")
    return Finding("master key", "well", f"here; persons' keys that it wraps: {sum(wrapped.values()):,}")
