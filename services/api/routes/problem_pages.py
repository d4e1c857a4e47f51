"""The pages that problem types resolve to: what it means, why it happens, what to do."""

from html import escape

import msgspec
from litestar import route
from litestar.types import ASGIApp

from services.api.answers import JSON, Answer, encode
from services.api.asked import Asked, accepted, query
from services.api.doors import Door, Nothing, at
from services.api.problems import Problem, kinds
from services.api.problems.kinds import Kind
from services.api.routes.house import page


class Problems(msgspec.Struct, frozen=True):
    """Every kind of problem."""

    items: list[Kind]


@route("/problems", http_method=["GET", "HEAD"], opt=at(Door(answers={"text/html": str, JSON: Problems})))
async def problems(request: Asked) -> ASGIApp:
    """Every kind of problem that a request can meet."""
    query(request, Nothing)
    listed = sorted(kinds.ALL.values(), key=lambda kind: (kind.status, kind.slug))
    if accepted(request, ("text/html", JSON)) == JSON:
        return Answer(encode(Problems(listed)), headers={"vary": "accept"})
    rows = "\n".join(
        f'<li>{kind.status} <a href="/problems/{kind.slug}">{escape(kind.title)}</a></li>' for kind in listed
    )
    return page("What can go wrong", f"<ul>\n{rows}\n</ul>")


@route(
    "/problems/{slug:str}",
    http_method=["GET", "HEAD"],
    opt=at(Door(answers={"text/html": str, JSON: Kind}, refuses=(404,))),
)
async def problem(request: Asked) -> ASGIApp:
    """One kind of problem: its cause and its cure."""
    query(request, Nothing)
    form = accepted(request, ("text/html", JSON))
    kind = kinds.ALL.get(request.path_params["slug"])
    if kind is None:
        raise Problem(kinds.NOT_FOUND)
    if form == JSON:
        return Answer(encode(kind), headers={"vary": "accept"})
    return page(
        kind.title,
        f"<p>Status {kind.status}, type <code>/problems/{kind.slug}</code></p>\n"
        f"<h2>Cause</h2>\n<p>{escape(kind.cause)}</p>\n<h2>Cure</h2>\n<p>{escape(kind.cure)}</p>",
    )
