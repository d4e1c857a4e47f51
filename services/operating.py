"""What only an operator does: open a database to the house's roles, and open the log of an organisation.

Migrations make the roles without a way in. `open_house` gives the API and the workers theirs, so that no process of the
house connects as an administrator.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import msgspec
import psycopg
from psycopg import sql

from events.log.migrate import migrate

API, WORKER = "qiledger_api", "qiledger_worker"
ROLES = (API, WORKER, "qiledger_report", "qiledger_auditor")
BOUNDS: Mapping[str, Mapping[str, str]] = {  # as 0003_guards.sql sets them for whoever logs in as the role
    API: {"lock_timeout": "5s", "statement_timeout": "30s", "idle_in_transaction_session_timeout": "10s"}
}
TRIES_MAX = 10
_CODE = re.compile(r"[A-Z0-9]{2,10}")


class WrongOrganisation(ValueError):
    """An organisation cannot be opened as asked; the message says why."""


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """The ways into one database: the administrator's, the API's, the workers'. They may hold passwords."""

    admin: str
    api: str
    worker: str


def open_house(admin_url: str, *, trusted: bool = True, passwords: Mapping[str, str] | None = None) -> Ways:
    """Migrates the database, and says how the API and the workers get in.

    A role with a password logs in with it. Without one it logs in by its name where the server trusts that, as our own
    Postgres does over its socket (`trusted`); elsewhere nothing is changed about the role, which may be in use already,
    and the administrator's way in is narrowed to it. Needs one who may create roles.

    Raises SchemaMismatch, psycopg.Error.
    """
    given = dict(passwords or {})
    migrate(admin_url)
    with psycopg.connect(admin_url, autocommit=True, application_name="qiledger operator") as conn:
        for role in {*given, *((API, WORKER) if trusted else ())}:
            let_in(conn, role, password=given.get(role))
    api, worker = (_way(admin_url, role, given.get(role), trusted=trusted) for role in (API, WORKER))
    return Ways(admin=admin_url, api=api, worker=worker)


def _way(admin_url: str, role: str, password: str | None, *, trusted: bool) -> str:
    if password is not None or trusted:
        return as_role(admin_url, role, password=password)
    return narrowed(admin_url, role)


def let_in(conn: psycopg.Connection[Any], role: str, *, password: str | None) -> None:
    """Gives a role of the house LOGIN, and a password if one is given."""
    change = sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(role))
    if password is not None:
        change += sql.SQL(" PASSWORD {}").format(sql.Literal(password))
    for left in reversed(range(TRIES_MAX)):
        try:
            conn.execute(change)
            return
        except (
            psycopg.errors.InternalError_
        ):  # "tuple concurrently updated": roles are shared by all databases
            if left == 0:
                raise


def as_role(url: str, role: str, *, password: str | None = None) -> str:
    """The same database, entered as a role."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    user = quote(role, safe="") + ("" if password is None else f":{quote(password, safe='')}")
    query = "&".join(pair for pair in parts.query.split("&") if not pair.startswith(("user=", "password=")))
    return urlunsplit((parts.scheme, f"{user}@{place}", parts.path, query, ""))


def narrowed(url: str, role: str) -> str:
    """An administrator's way in that acts as a role, within the role's timeouts, from the first statement on."""
    parts = urlsplit(url)
    wanted = " ".join(f"-c {name}={value}" for name, value in {"role": role, **BOUNDS.get(role, {})}.items())
    pairs = [pair for pair in parts.query.split("&") if pair]
    before = [unquote(pair.removeprefix("options=")) for pair in pairs if pair.startswith("options=")]
    kept = [pair for pair in pairs if not pair.startswith("options=")]
    query = "&".join([*kept, f"options={quote(' '.join([*before, wanted]), safe='')}"])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def drop_database(server_url: str, name: str) -> None:
    """Drops a database with whoever is still in it."""
    with psycopg.connect(server_url, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def in_database(url: str, name: str) -> str:
    """The same server and user, another database."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"/{quote(name, safe='')}", parts.query, ""))


def make_database(server_url: str, name: str) -> None:
    """Makes a database if it is not there."""
    with psycopg.connect(server_url, autocommit=True) as conn:
        if conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def open_organisation(conn: psycopg.Connection[Any], code: str, name: str) -> None:
    """Opens the log of an organisation, or gives it another name. Raises WrongOrganisation."""
    if not _CODE.fullmatch(code):
        raise WrongOrganisation(f"{code!r} is no code: 2 to 10 capital letters and digits, such as RWK")
    if not name.strip():
        raise WrongOrganisation("an organisation needs a name")
    conn.execute("SELECT log.open(%s, %s)", (code, name.strip()))


_ORGANISATIONS = """
    SELECT organisation, name, position
      FROM log.organisations
     ORDER BY organisation
     LIMIT 10000
"""


class Organisation(msgspec.Struct, frozen=True):
    """An organisation whose log is open, and how far it has come."""

    code: str
    name: str
    position: int


def organisations(conn: psycopg.Connection[Any]) -> list[Organisation]:
    """All that are open, as an administrator sees them."""
    return [Organisation(*row) for row in conn.execute(_ORGANISATIONS)]
