"""Backups by Postgres's own pg_dump and pg_restore, and what has to be true before a restored database may be served.

A backup is a directory: `database.dump`, which has everything that is in the database, and `backup.json`, which names
the roles that a new cluster needs and says of each log how long it was and what its root was. The key that seals, the
master key of the vault and the ledger of erasures are not in it: they are kept elsewhere on purpose.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from events.counted import counted
from events.log import half_restored, taking
from events.log.earlier import earlier_in
from events.log.operations import is_operations
from events.log.record import written
from events.log.sealing_key import Remembered
from events.log.verdict import Earlier
from events.log.vouching import is_of
from events.privacy.ledger import Ledger
from events.privacy.reapplying import reapply
from services.embedded.binaries import NoServerFound, postgres_binaries

DUMP, DESCRIPTION = "database.dump", "backup.json"
VERSION_TIMEOUT_S = 20.0
WAYS_OUT = (
    "Install the client programs of that version or a newer one (Debian: apt install postgresql-client-18)."
)

_ROLES = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'qiledger\\_%' ORDER BY rolname LIMIT 100"
_BOUNDS = """
    SELECT r.rolname, setting
      FROM pg_db_role_setting AS s
      JOIN pg_roles AS r ON r.oid = s.setrole
     CROSS JOIN unnest(s.setconfig) AS setting
     WHERE s.setdatabase = 0 AND r.rolname LIKE 'qiledger\\_%'
     ORDER BY r.rolname, setting
     LIMIT 1000
"""
_LOGS = "SELECT organisation, position FROM log.heads ORDER BY organisation LIMIT 20000"
_ORIGINS = "SELECT organisation, origin FROM proof.logs ORDER BY organisation LIMIT 20000"
_IS_EMPTY = "SELECT to_regnamespace('log') IS NULL"
_CONNECT = ("qiledger_api", "qiledger_worker", "qiledger_report", "qiledger_auditor")


class NoTool(LookupError):
    """A program of Postgres is not on this machine, or too old; the message says what to do."""


class WrongBackup(ValueError):
    """It cannot be restored here, or what was restored is not what was sealed; the message says why."""


class LogThen(msgspec.Struct, frozen=True):
    """How a log was when the backup was taken."""

    log: str
    position: int
    root: str


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside the dump."""

    made_at: str
    server: int
    roles: list[str]
    bounds: list[tuple[str, str]]
    logs: list[LogThen]


class LogNow(msgspec.Struct, frozen=True, kw_only=True):
    """A log as it was restored, and what it was held against."""

    log: str
    position: int
    root: str
    held_against: list[str]


def backup(url: str, directory: Path) -> Description:
    """Writes a backup into a new directory, of one moment. Raises NoTool, FileExistsError, CalledProcessError."""
    with psycopg.connect(url, autocommit=True) as conn:
        tool = program("pg_dump", at_least=conn.info.server_version // 10_000)
        directory.mkdir(mode=0o700, parents=True)
        with conn.transaction():
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            (snapshot,) = conn.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
            description = _described(conn)
            dump = ["--format=custom", f"--snapshot={snapshot}", f"--file={directory / DUMP}"]
            _run([tool, *dump, f"--dbname={url}"])
    (directory / DESCRIPTION).write_bytes(msgspec.json.format(msgspec.json.encode(description)))
    return description


def _described(conn: psycopg.Connection[Any]) -> Description:
    return Description(
        made_at=written(datetime.now(UTC)),
        server=conn.info.server_version,
        roles=[name for (name,) in conn.execute(_ROLES)],
        bounds=[(name, setting) for name, setting in conn.execute(_BOUNDS)],
        logs=[
            LogThen(log, position, _root(conn, log, position))
            for log, position in conn.execute(_LOGS).fetchall()
        ],
    )


def restore(url: str, directory: Path) -> Description:
    """Brings a backup into an empty database. Nobody is let in before `made_safe`: the database is marked till then.

    Raises NoTool, WrongBackup; then nothing was brought.
    """
    try:
        description = msgspec.json.decode((directory / DESCRIPTION).read_bytes(), type=Description)
    except (OSError, msgspec.MsgspecError) as wrong:
        raise WrongBackup(f"{directory} is no backup: {wrong}") from None
    with psycopg.connect(url, autocommit=True) as conn:
        tool = program("pg_restore", at_least=description.server // 10_000)
        if not _is_empty(conn):
            unfinished = half_restored.is_marked(conn)
            why = (
                "a restore into this database was not finished" if unfinished else "the database is not empty"
            )
            raise WrongBackup(f"{why}: make a new one and restore into that")
        half_restored.mark(conn)
        _make_roles(conn, description)
        try:
            _run([tool, "--exit-on-error", "--single-transaction", f"--dbname={url}", str(directory / DUMP)])
        except WrongBackup:
            if _is_empty(conn):  # else another restore, at the same time, is what is there
                half_restored.unmark(conn)
            raise
    return description


def _is_empty(conn: psycopg.Connection[Any]) -> bool:
    return conn.execute(_IS_EMPTY).fetchone() == (True,)


def _make_roles(conn: psycopg.Connection[Any], description: Description) -> None:
    for role in description.roles:
        with suppress(psycopg.errors.DuplicateObject):
            conn.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
    for role, setting in description.bounds:
        name, _, value = setting.partition("=")
        bound = sql.SQL("ALTER ROLE {} SET {} = {}")
        conn.execute(bound.format(sql.Identifier(role), sql.Identifier(name), sql.Literal(value)))
    conn.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(conn.info.dbname)))


def _let_roles_in(conn: psycopg.Connection[Any], description: Description) -> None:
    database = sql.Identifier(conn.info.dbname)
    for role in set(_CONNECT) & set(description.roles):
        conn.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(role)))


def made_safe(
    url: str,
    description: Description,
    *,
    kept: Remembered | None,
    checkpoints: Sequence[Earlier],
    ledger: Ledger,
    accept_loss: bool = False,
) -> tuple[list[LogNow], int]:
    """What has to be done before anybody is served; the logs, and how many keys were destroyed again.

    Every log is held against the backup's own word, the checkpoint kept outside, and those that were given. Rules go on
    from now, so that nobody is told of the past again. Erasures since the backup are done again. All of it, or nothing;
    and with all of it the mark is gone, and the roles of the house are let in. Raises WrongBackup.
    """
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SET timezone = 'UTC'")
        origins: dict[str, str] = dict(conn.execute(_ORIGINS).fetchall())
        logs = [
            _held(
                conn,
                then,
                _earlier(then.log, origins.get(then.log), kept, checkpoints),
                accept_loss=accept_loss,
            )
            for then in description.logs
        ]
        with conn.transaction():
            destroyed = reapply(conn, ledger)
            for log in logs:
                if not is_operations(log.log):
                    conn.execute("SELECT notices.be_silent_until_now(%s)", (log.log,))
            _let_roles_in(conn, description)
            half_restored.unmark(conn)
            return logs, destroyed


def _earlier(
    log: str, origin: str | None, kept: Remembered | None, checkpoints: Iterable[Earlier]
) -> list[Earlier]:
    given = [each for each in checkpoints if is_of(each.origin, log)]
    note = kept.read(origin) if kept is not None and origin is not None else None
    outside = [] if note is None else [earlier_in(note.encode(), [], called="the checkpoint kept outside")]
    return [*given, *outside]


def _held(
    conn: psycopg.Connection[Any], then: LogThen, earlier: Sequence[Earlier], *, accept_loss: bool
) -> LogNow:
    position = taking.head_position(conn, then.log)
    root = _root(conn, then.log, position)
    if (position, root) != (then.position, then.root):
        raise WrongBackup(f"the log {then.log} is not what it was when the backup was taken")
    for each in earlier:
        if each.size > position:
            if not accept_loss:
                had = f"the log {then.log} had {counted(each.size, 'record')} by {each.called}"
                lost = (
                    f"this backup has {position:,}: {counted(each.size - position, 'was', 'were')} lost since"
                )
                raise WrongBackup(f"{had}, {lost}. Restore a newer backup, or say --accept-loss")
        elif taking.tree_up_to(conn, then.log, each.size).root() != each.root:
            raise WrongBackup(f"the first {each.size:,} records of {then.log} are not those of {each.called}")
    return LogNow(log=then.log, position=position, root=root, held_against=[each.called for each in earlier])


def _root(conn: psycopg.Connection[Any], log: str, position: int) -> str:
    return taking.tree_up_to(conn, log, position).root().hex()


def was_interrupted(url: str) -> bool:
    """Whether a restore into this database was begun and not finished."""
    with psycopg.connect(url, autocommit=True) as conn:
        return half_restored.is_marked(conn)


def program(name: str, *, at_least: int) -> str:
    """A client program of Postgres that is new enough: beside our server's binaries, or on the PATH. Raises NoTool."""
    seen = []
    for path in _candidates(name):
        major = _major_of(path)
        if major is not None and major >= at_least:
            return str(path)
        seen.append(f"{path} (version {major})")
    found = ", ".join(seen) or "none"
    raise NoTool(f"No {name} of version {at_least} or newer was found; found: {found}. {WAYS_OUT}")


def _candidates(name: str) -> list[Path]:
    found = []
    with suppress(NoServerFound):
        found.append(postgres_binaries().directory / name)
    on_path = shutil.which(name)
    found += [Path(on_path)] if on_path is not None else []
    found += sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return [path for path in found if os.access(path, os.X_OK)]


def _major_of(path: Path) -> int | None:
    said = subprocess.run(
        [path, "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False
    )
    version = re.search(r"(\d+)(\.\d+)*", said.stdout)
    return int(version[1]) if version else None


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise WrongBackup(f"{Path(command[0]).name} failed: {said[0][:300]}")
