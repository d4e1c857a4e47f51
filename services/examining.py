"""What `qiledger doctor` looks at: is everything there, can nothing acknowledged be lost, is everything fresh."""

import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import psycopg
import redis

from events.counted import counted
from events.log.migrate import SchemaMismatch, pending
from projections.engine.advance import behind
from services.custody_found import custody
from services.doorbell import FRESH, LONG, PAST, connect, queue
from services.finding import Finding, State
from services.operating import organisations
from services.proving import proof
from services.settings import without_password

POSTGRES_OLDEST, POSTGRES_NEWEST = 15, 18
LAG_RECORDS_MAX = 1_000
ANSWER_WITHIN_S = 3.0


class Where(msgspec.Struct, frozen=True):
    """Where to look; None for what is not known."""

    api: str | None
    database: str | None
    redis: str | None


def examine(where: Where) -> Iterator[Finding]:
    """Everything, one finding after another. Never raises for what it finds."""
    yield from _api(where.api)
    yield from _database(where.database)
    yield from _redis(where.redis)


def _api(url: str | None) -> Iterator[Finding]:
    if url is None:
        yield Finding(
            "API", "mind", "not known where it is", "Set QILEDGER_URL, or start a house: qiledger up."
        )
        return
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/readyz", timeout=ANSWER_WITHIN_S):
            yield Finding("API", "well", f"ready at {url}")
    except urllib.error.HTTPError as refused:
        yield Finding(
            "API", "wrong", f"{url} answers that it is not ready ({refused.code})", "See below, and its log."
        )
    except (OSError, ValueError) as away:
        reason = getattr(away, "reason", away)
        yield Finding(
            "API", "wrong", f"{url} does not answer: {reason}", "Start it: qiledger up, or qiledger serve."
        )


def _database(url: str | None) -> Iterator[Finding]:
    if url is None:
        cure = "Set QILEDGER_DATABASE_URL to an administrator's way in, or start a house: qiledger up."
        yield Finding("database", "wrong", "not known where it is", cure)
        return
    try:
        with psycopg.connect(
            url, autocommit=True, connect_timeout=5, application_name="qiledger doctor"
        ) as conn:
            yield Finding("database", "well", f"answers at {without_password(url)}")
            for look in (
                _version,
                _schema,
                _durability,
                _guards,
                _roles,
                _logs,
                _projections,
                proof,
                custody,
            ):
                yield from _looked(look, conn)
    except psycopg.OperationalError as away:
        first = str(away).strip().splitlines()[0]
        yield Finding(
            "database",
            "wrong",
            f"cannot be reached: {first}",
            "Check that it runs and that the URL is right.",
        )


def _looked(look: Any, conn: psycopg.Connection[Any]) -> list[Finding]:
    """One look; what this role may not see, or what is not there yet, is a finding too."""
    try:
        return list(look(conn))
    except psycopg.errors.InsufficientPrivilege:
        return [Finding(_name(look), "mind", "this role may not look", "Look as an administrator.")]
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return [Finding(_name(look), "wrong", "there is no schema yet", "qiledger migrate")]


def _name(look: Any) -> str:
    return str(look.__name__).strip("_").replace("_", " ")


def _version(conn: psycopg.Connection[Any]) -> Iterator[Finding]:
    major = conn.info.server_version // 10_000
    if POSTGRES_OLDEST <= major <= POSTGRES_NEWEST:
        yield Finding("version", "well", f"Postgres {major}")
    else:
        cure = f"Use one from {POSTGRES_OLDEST} to {POSTGRES_NEWEST}."
        yield Finding("version", "mind", f"Postgres {major} is not one we test with", cure)


def _schema(conn: psycopg.Connection[Any]) -> Iterator[Finding]:
    try:
        missing = pending(conn)
    except SchemaMismatch as wrong:
        yield Finding("schema", "wrong", str(wrong))
        return
    if missing:
        yield Finding("schema", "wrong", f"lacks {', '.join(missing)}", "qiledger migrate")
    else:
        yield Finding("schema", "well", "up to date")


def _durability(conn: psycopg.Connection[Any]) -> Iterator[Finding]:
    """An acknowledgement means that it is on the disk; these settings make that true."""
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        (value,) = conn.execute("SELECT current_setting(%s)", (setting,)).fetchone() or ("?",)
        if value == "off":
            cure = f"Set {setting} = on in postgresql.conf: a power cut would lose what was acknowledged."
            yield Finding(setting, "wrong", "off", cure)
        else:
            yield Finding(setting, "well", str(value))


_TRIGGERS = """
    SELECT tgname
      FROM pg_trigger
     WHERE tgrelid IN ('log.records'::regclass, 'log.heads'::regclass) AND tgenabled = 'A'
     ORDER BY tgname
     LIMIT 100
"""
_EVENT_TRIGGERS = """
    SELECT evtname
      FROM pg_event_trigger
     WHERE evtname = ANY (%s) AND evtenabled = 'A'
     ORDER BY evtname
     LIMIT 100
"""
SCHEMA_GUARDS = ["qiledger_log_stands", "qiledger_log_is_not_dropped", "qiledger_log_is_not_moved"]
GUARDS = {"never_rewritten", "only_appended", "never_removed", "only_moved_by_appending"}


def _guards(conn: psycopg.Connection[Any]) -> Iterator[Finding]:
    """What lets nobody rewrite history."""
    standing = {name for (name,) in conn.execute(_TRIGGERS)}
    if standing >= GUARDS:
        yield Finding("guards of the log", "well", "all four stand")
    else:
        down = ", ".join(sorted(GUARDS - standing))
        cure = "Somebody with a superuser's rights took them down. Find out who; put them back from 0003_guards.sql."
        yield Finding("guards of the log", "wrong", f"down: {down}", cure)
    if len(list(conn.execute(_EVENT_TRIGGERS, (SCHEMA_GUARDS,)))) == len(SCHEMA_GUARDS):
        yield Finding("guard of the schema", "well", "stands")
    else:
        cure = "It takes a superuser to set it up: run qiledger migrate as one, on a new database, if you can have one."
        yield Finding("guard of the schema", "mind", "missing: an owner could redefine the log", cure)


def _roles(conn: psycopg.Connection[Any]) -> Iterator[Finding]:
    asked = "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND rolcanlogin ORDER BY rolname LIMIT 100"
    let_in = {name for (name,) in conn.execute(asked, (["qiledger_api", "qiledger_worker"],))}
    for role in ("qiledger_api", "qiledger_worker"):
        if role in let_in:
            yield Finding(role, "well", "may log in")
        else:
            password = f"{role.upper()}_PASSWORD"
            yield Finding(
                role, "mind", "may not log in", f"qiledger migrate --let-in, or with {password} set."
            )


def _logs(conn: psycopg.Connection[Any]) -> Iterator[Finding]:
    rows = organisations(conn)
    if not rows:
        yield Finding("logs", "mind", "none is open", "qiledger organisations open CODE --name …")
    for row in rows:
        yield Finding(f"log {row.code}", "well", f"{counted(row.position, 'record')}, {row.name}")


def _projections(conn: psycopg.Connection[Any]) -> Iterator[Finding]:
    lags = behind(conn)
    for lag in lags:
        late = lag.head - lag.position
        state: State = "mind" if late > LAG_RECORDS_MAX else "well"
        cure = "Workers should catch up by themselves; if not, see the logs of fresh and sweep."
        yield Finding(
            f"{lag.organisation} {lag.projection}",
            state,
            f"{counted(late, 'record')} behind {lag.head:,}",
            cure,
        )
    if not lags:
        yield Finding("projections", "well", "all have come to the heads")
    asked = """
        SELECT organisation, projection, count(*), sum(records)
          FROM projections.parked
         GROUP BY organisation, projection
         ORDER BY organisation, projection
         LIMIT 1000
    """
    for organisation, projection, streams, records in conn.execute(asked):
        said = f"{counted(records, 'record is', 'records are')} parked, of {counted(streams, 'stream')}"
        cure = "A record could not be digested: qiledger parked. After the mend: qiledger parked --retry."
        yield Finding(f"{organisation} {projection}", "wrong", said, cure)


def _redis(url: str | None) -> Iterator[Finding]:
    if url is None:
        cure = "Without it everything works, a moment later. Set QILEDGER_REDIS_URL to have it."
        yield Finding("doorbell", "mind", "no Redis is known", cure)
        return
    try:
        client = connect(url)
        server = _told(client.info("server"))
        yield Finding(
            "doorbell", "well", f"Redis {server.get('redis_version')} answers at {without_password(url)}"
        )
        policy = _told(client.config_get("maxmemory-policy")).get("maxmemory-policy")
        if policy not in (None, "noeviction"):
            yield Finding("maxmemory-policy", "mind", str(policy), "Set noeviction: jobs are not a cache.")
        for name in (FRESH, PAST, LONG):
            yield Finding(f"queue {name}", "well", f"{queue(client, name).count} waiting")
    except redis.RedisError as away:
        cure = "The present is served without it, a moment later; of a new past nobody can ask. See that it runs."
        yield Finding("doorbell", "mind", f"does not answer: {type(away).__name__}", cure)


def _told(answer: Any) -> Mapping[str, Any]:
    return answer if isinstance(answer, dict) else {}
