"""Doors for operators and for the curious: is it alive, is it ready, which version is it, what is here."""

import asyncio
import platform
from datetime import datetime
from html import escape
from importlib.metadata import version
from typing import Any, cast

import msgspec
import psycopg
from litestar import route
from litestar.types import ASGIApp
from psycopg_pool import PoolTimeout

from events.log.half_restored import IS_MARKED
from events.log.migrate import migrations
from services.api.answers import HTML, JSON, NEVER, Answer, encode
from services.api.asked import Asked, accepted, desk_of, query
from services.api.desk import Desk
from services.api.doors import Door, Nothing, at
from services.api.examined import minds
from services.api.pages import PLAIN, page_text
from services.api.problems import Problem, kinds
from services.api.routes.specification import specified

READY_WITHIN_S = 3.0
_APPLIED = "SELECT name FROM public.qiledger_migrations ORDER BY name LIMIT 10000"


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str = "alive"


class Ready(msgspec.Struct, frozen=True):
    """What it needs is there. `minds` is what does not keep it from taking events, and wants looking after."""

    status: str
    checks: dict[str, str]
    proofs_examined: datetime | None = None  # by then, every sealed log had been examined whole
    minds: tuple[str, ...] = ()


class Version(msgspec.Struct, frozen=True):
    """Which code answers."""

    qiledger: str
    python: str
    schema: str


@route("/healthz", http_method=["GET", "HEAD"], opt=at(Door(answers={JSON: Alive})))
async def alive(request: Asked) -> ASGIApp:
    """Whether the process answers at all. Restart it if not."""
    query(request, Nothing)
    return Answer(encode(Alive()))


@route("/readyz", http_method=["GET", "HEAD"], opt=at(Door(answers={JSON: Ready}, refuses=(503,))))
async def ready(request: Asked) -> ASGIApp:
    """Whether it can take events: its database is there, whole, and of this schema. Send traffic elsewhere if not."""
    query(request, Nothing)
    desk = desk_of(request)
    checks = {"database": await _database(desk), "stopping": "yes" if desk.stopping.is_set() else "no"}
    if checks != {"database": "ready", "stopping": "no"}:
        raise Problem(kinds.NOT_READY, checks=checks)
    since = await desk.examined.since()
    return Answer(encode(Ready("ready", checks, since, minds(since))))


async def _database(desk: Desk) -> str:
    try:
        async with asyncio.timeout(READY_WITHIN_S), desk.pool.connection() as conn:
            rows = await (await conn.execute(_APPLIED)).fetchall()
            half_restored = await (await conn.execute(IS_MARKED)).fetchone()
    except psycopg.errors.UndefinedTable:
        return "not migrated"
    except (psycopg.Error, PoolTimeout, TimeoutError):
        return "away"
    if half_restored == (True,):
        return "a restore into it was not finished"
    applied, ours = {cast(str, name) for (name,) in rows}, {migration.name for migration in migrations()}
    if applied == ours:
        return "ready"
    return "newer than this code" if applied - ours else "not migrated"


@route("/version", http_method=["GET", "HEAD"], opt=at(Door(answers={JSON: Version})))
async def which_version(request: Asked) -> ASGIApp:
    """Which version answers, and which schema it expects."""
    query(request, Nothing)
    return Answer(encode(Version(version("qiledger"), platform.python_version(), migrations()[-1].name)))


@route("/", http_method=["GET", "HEAD"], opt=at(Door(answers={"text/html": str, JSON: dict[str, Any]})))
async def index(request: Asked) -> ASGIApp:
    """What is here."""
    query(request, Nothing)
    description = (await specified(request, "openapi")).document
    doors = [
        (method.upper(), path, cast(str, said["summary"]))
        for path, methods in description["paths"].items()
        for method, said in methods.items()
    ]
    if accepted(request, ("text/html", JSON)) == JSON:
        listed = [{"method": method, "path": path, "says": says} for method, path, says in doors]
        return Answer(encode({"doors": listed, "description": "/openapi.json"}), headers={"vary": "accept"})
    return page("qiledger", _INDEX.format(rows="\n".join(_row(*door) for door in doors)))


_INDEX = """<p>The record of an organisation's quality improvement work: a log that cannot be rewritten, and everything
made from it. Send <code>Authorization: Bearer qi_live_…</code>; <a href="/openapi.json">openapi.json</a> describes
every door, <a href="/v1/schemas">/v1/schemas</a> every event, <a href="/problems">/problems</a> every refusal.</p>
<table>
<caption>Every door</caption>
<thead><tr><th scope="col">Method</th><th scope="col">Address</th><th scope="col">What it is for</th></tr></thead>
<tbody>
{rows}
</tbody></table>"""


def _row(method: str, path: str, says: str) -> str:
    plain = "{" not in path and method == "GET"
    address = f'<a href="{escape(path)}">{escape(path)}</a>' if plain else f"<code>{escape(path)}</code>"
    return f"<tr><td>{method}</td><td>{address}</td><td>{escape(says)}</td></tr>"


def page(title: str, body: str) -> Answer:
    """A plain page, to be asked for each time."""
    return Answer(page_text(title, body), HTML, cache=NEVER, headers=PLAIN)
