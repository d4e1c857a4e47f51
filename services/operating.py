"""What only an operator does: open a database to the house's roles, and open the log of an organisation.

Migrations make the roles without a way in. `open_house` gives the API and the workers theirs, so that no process of the
house connects as an administrator.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec
import psycopg
from psycopg import sql

from events.log.migrate import migrate

API, WORKER = "qiledger_api", "qiledger_worker"
ROLES = (API, WORKER, "qiledger_report", "qiledger_auditor")
TRIES_MAX = 10
_CODE = re.compile(r"[A-Z0-9]{2,10}")


class WrongOrganisation(ValueError):
    """An organisation cannot be opened as asked; the message says why."""


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """The ways into one database: the administrator's, the API's, the workers'. They may hold passwords."""

    admin: str
    api: str
    worker: str


def open_house(admin_url: str, *, passwords: Mapping[str, str] | None = None) -> Ways:
    """Migrates the database and lets the API and the workers in, as themselves.

    `passwords` by role; without them roles log in as the server trusts them, as our own Postgres does over its socket.
    Needs one who may create roles. Raises SchemaMismatch, psycopg.Error.
    """
    given = passwords or {}
    migrate(admin_url)
    with psycopg.connect(admin_url, autocommit=True, application_name="qiledger operator") as conn:
        for role in (API, WORKER, *(role for role in given if role not in (API, WORKER))):
            let_in(conn, role, password=given.get(role))
    return Ways(
        admin=admin_url,
        api=as_role(admin_url, API, password=given.get(API)),
        worker=as_role(admin_url, WORKER, password=given.get(WORKER)),
    )


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


def new_passwords() -> dict[str, str]:
    """Passwords that nobody has seen, for the roles that log in."""
    return {role: secrets.token_urlsafe(24) for role in (API, WORKER)}


def as_role(url: str, role: str, *, password: str | None = None) -> str:
    """The same database, entered as a role."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    user = quote(role, safe="") + ("" if password is None else f":{quote(password, safe='')}")
    query = "&".join(pair for pair in parts.query.split("&") if not pair.startswith(("user=", "password=")))
    return urlunsplit((parts.scheme, f"{user}@{place}", parts.path, query, ""))


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
      FROM log.heads
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
