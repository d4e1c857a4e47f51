"""How a door answers: a status, headers and bytes. Problems are answered here too, and each is said once in the log."""

import uuid
from collections.abc import Mapping
from hashlib import sha256

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException
from litestar.types import Receive, Scope, Send

from events.log.operations import ENDING
from services.api.asked import Asked, Gone, accepted, desk_of, has_etag
from services.api.near_addresses import near_addresses
from services.api.pages import PLAIN, problem_page
from services.api.problems import Problem, kinds, problem_of_failure

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv; charset=utf-8"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain"
TEXT_UTF8 = "text/plain; charset=utf-8"
OCTETS = "application/octet-stream"
EVENT_STREAM = "text/event-stream"
CLOUDEVENTS = "application/cloudevents-batch+json"
PROBLEM = "application/problem+json"

FOREVER = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"
NEVER = "no-store"

log = structlog.get_logger(__name__)
encode = msgspec.json.Encoder().encode


class Answer:
    """A whole answer, ready to be sent. To HEAD it goes without its body."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self,
        body: bytes,
        media_type: str = JSON,
        *,
        status: int = 200,
        cache: str = NEVER,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = [
            (b"content-type", media_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", cache.encode()),
            (b"x-content-type-options", b"nosniff"),
        ]
        if headers:
            self.headers += [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b"" if scope["method"] == "HEAD" else self.body  # type: ignore[typeddict-item]
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


class NotModified:
    """The caller holds this representation already."""

    __slots__ = ("headers",)

    def __init__(self, etag: str, cache: str) -> None:
        self.headers = [(b"etag", etag.encode()), (b"cache-control", cache.encode()), (b"vary", b"accept")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 304, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def representation(
    request: Asked,
    body: bytes,
    media_type: str = JSON,
    *,
    etag: str,
    cache: str,
    headers: Mapping[str, str] | None = None,
) -> Answer | NotModified:
    """What was asked for with its strong ETag; 304 if the caller holds it already."""
    if has_etag(request, etag):
        return NotModified(etag, cache)
    return Answer(body, media_type, cache=cache, headers={"etag": etag, "vary": "accept", **(headers or {})})


def etag_of(content: bytes) -> str:
    """A strong ETag for exactly these bytes."""
    return f'"{sha256(content).hexdigest()[:32]}"'


def named(request: Asked) -> str:
    """The door of a request, as operators know it: method and address, and nothing of what was sent.

    Which log was read, that of the organisation or that of its operations, is part of it.
    """
    address = str(request.scope.get("path_template") or "(no such address)")
    if str(request.scope.get("path_params", {}).get("organisation", "")).endswith(ENDING):
        address = address.replace("{organisation}", f"{{organisation}}{ENDING}")
    return f"{request.scope['method']} {address}"[:300]


def note_refusal(request: Asked, problem: str, status: int) -> None:
    """Counts a refusal, of a request or of one of its events, for the log of operations."""
    if 400 <= status < 500:
        key = request.scope.get("auth")
        asked_for = request.scope.get("path_params", {}).get("organisation")
        organisation = asked_for if key is None else key.organisation
        desk_of(request).journal.refused(organisation, problem, status, named(request), key)


def note_problem(request: Asked, problem: Problem, number: str) -> None:
    """Says once in the log what was refused to whom, and nothing of what they sent."""
    key = request.scope.get("auth")
    log.info(
        "refused",
        problem=problem.kind.slug,
        status=problem.kind.status,
        request=number,
        method=request.scope["method"],
        door=request.scope.get("path_template"),
        organisation=None if key is None else key.organisation,
        client=None if key is None else key.client,
    )
    note_refusal(request, problem.kind.slug, problem.kind.status)


def answer_problem(request: Asked, problem: Problem, number: str) -> Response[bytes]:
    """The problem as a document, or as a page for a person."""
    note_problem(request, problem, number)
    headers = {
        "x-request-id": number,
        "cache-control": NEVER,
        "x-content-type-options": "nosniff",
        "vary": "accept",
    }
    read_by_a_person = _wants_a_page(request)
    return Response(
        problem_page(problem, number) if read_by_a_person else encode(problem.document(instance(number))),
        status_code=problem.kind.status,
        media_type="text/html" if read_by_a_person else PROBLEM,
        headers=headers | (PLAIN if read_by_a_person else {}) | problem.headers,
    )


def _wants_a_page(request: Asked) -> bool:
    """Whether a browser asks: it names HTML before all else."""
    try:
        return accepted(request, (PROBLEM, "text/html")) == "text/html"
    except Problem:
        return False


_OF_STATUS = {
    404: kinds.NOT_FOUND,
    405: kinds.WRONG_METHOD,
    413: kinds.TOO_LARGE,
    415: kinds.WRONG_MEDIA_TYPE,
}


def _problem_of_status(request: Asked, failure: HTTPException) -> Problem:
    """What the router has against a request: no such address, no such method there."""
    kind = _OF_STATUS.get(failure.status_code, kinds.MALFORMED_HEADER)
    allow = (failure.headers or {}).get("allow")
    if allow:
        return Problem(kind, f"It takes {allow}.", headers={"allow": allow})
    if kind is not kinds.NOT_FOUND:
        return Problem(kind)
    near = near_addresses(str(request.scope["path"]), request.app.state.methods)
    return Problem(kind, near=near) if near else Problem(kind)


def answer_exception(request: Asked, failure: Exception) -> Response[bytes]:
    """The problem document for whatever went wrong; what nobody foresaw is logged whole, and told as little."""
    number = new_number()
    match failure:
        case Problem():
            problem = failure
        case HTTPException(status_code=status) if status < 500:
            problem = _problem_of_status(request, failure)
        case Gone():
            problem = Problem(kinds.TOO_SLOW)
        case _:
            problem = problem_of_failure(failure) or unforeseen(request, failure, number)
    return answer_problem(request, problem, number)


def new_number() -> str:
    """By which a problem is found in the log."""
    return str(uuid.uuid4())


def instance(number: str) -> str:
    """The same number as a problem document tells it."""
    return f"urn:uuid:{number}"


def unforeseen(request: Asked, failure: Exception, number: str, **where: int) -> Problem:
    """What is told of a failure that nobody foresaw, once it is logged whole under the number that is told."""
    door = request.scope.get("path_template")
    log.error("a request failed", exc_info=failure, request=number, door=door, **where)
    return Problem(kinds.INTERNAL)
