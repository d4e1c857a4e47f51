"""Brings a database to the schema of this code, forward only.

Each `migrations/NNNN_name.sql` runs once, in order, in one transaction together with its line in
`public.qiledger_migrations`; a crash leaves all of a file or nothing of it. An advisory lock lets many processes
ask at once. A file that was changed after it ran, or a database newer than the code, is refused.
"""

from hashlib import sha256
from importlib import resources

import msgspec
import psycopg

from events.log import half_restored


class Migration(msgspec.Struct, frozen=True):
    """One file of `migrations/`."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return sha256(self.sql.encode()).hexdigest()


class SchemaMismatch(RuntimeError):
    """The database and this code do not belong together. The message says why, and what to do."""


def migrations() -> list[Migration]:
    """Every migration of this code, in order."""
    room = resources.files("events.log") / "migrations"
    files = sorted((f for f in room.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [Migration(f.name.removesuffix(".sql"), f.read_text(encoding="utf-8")) for f in files]


_LEDGER = """
    CREATE TABLE IF NOT EXISTS public.qiledger_migrations (
        name       text        NOT NULL PRIMARY KEY,
        checksum   text        NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""
_APPLIED = "SELECT name, checksum FROM public.qiledger_migrations ORDER BY name"
_NOTE = "INSERT INTO public.qiledger_migrations (name, checksum) VALUES (%s, %s)"
_ONE_AT_A_TIME = "SELECT pg_advisory_lock(hashtext('qiledger migrations'))"


def migrate(conninfo: str) -> list[str]:
    """Applies what is missing, as a role that may create schemas and roles. Returns the names applied now.

    Raises SchemaMismatch for a changed migration, for a database that is newer than this code, and for one into which
    a restore was not finished.
    """
    with psycopg.connect(conninfo, autocommit=True) as conn:
        _refuse_half_restored(conn)
        conn.execute("SET client_min_messages = warning")
        conn.execute(_ONE_AT_A_TIME)
        conn.execute(_LEDGER)
        conn.execute("GRANT SELECT ON public.qiledger_migrations TO PUBLIC")
        missing = _missing(conn)
        for migration in missing:
            with conn.transaction():
                conn.execute(migration.sql)  # ours, shipped with the code: never a caller's words
                conn.execute(_NOTE, (migration.name, migration.checksum))
        return [migration.name for migration in missing]


def pending(conn: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    """Which migrations the database still lacks. Raises SchemaMismatch like `migrate`."""
    _refuse_half_restored(conn)
    known = conn.execute("SELECT to_regclass('public.qiledger_migrations') IS NOT NULL").fetchone()
    if known is None or not known[0]:
        return [migration.name for migration in migrations()]
    return [migration.name for migration in _missing(conn)]


def _refuse_half_restored(conn: psycopg.Connection[tuple[object, ...]]) -> None:
    if half_restored.is_marked(conn):
        raise SchemaMismatch(half_restored.WORDS)


def _missing(conn: psycopg.Connection[tuple[object, ...]]) -> list[Migration]:
    ours = {migration.name: migration for migration in migrations()}
    applied = {str(name): str(checksum) for name, checksum in conn.execute(_APPLIED)}
    if newer := sorted(applied.keys() - ours.keys()):
        raise SchemaMismatch(
            f"the database is newer than this code: it has {', '.join(newer)}. Install the newer version."
        )
    for name, checksum in applied.items():
        if ours[name].checksum != checksum:
            raise SchemaMismatch(
                f"migration {name} was changed after it ran. Put the old file back and add a new one."
            )
    return [migration for name, migration in ours.items() if name not in applied]
