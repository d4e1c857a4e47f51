"""`POST /v1/{organisation}/events`: where events are told, one by one or in batches."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar import post
from litestar.types import ASGIApp
from msgspec import Meta

from events.log.keys import WRITE
from events.log.outcomes import Conflict, Outcome, WrongVersion
from events.log.record import Receipt, Submission
from services.api import cloudevents, told
from services.api.admission import VERSION_MAX, admit
from services.api.answers import JSON, Answer, encode, note_refusal
from services.api.asked import Asked, body, desk_of, header, media_type, query
from services.api.cloudevents import BATCH_BYTES_MAX, EVENT_BYTES_MAX, Reading
from services.api.doors import Door, at
from services.api.problems import Problem, kinds, problem_of_refusal

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
WHOLE = f"An event is {STRUCTURED}, and a list of them {BATCH}."
DATA_ALONE = (
    f"As {JSON} come the data alone, and the attributes in `ce-` headers; a whole event is {STRUCTURED}."
)
ENVELOPE_BYTES = 8_192  # of a structured event beside its data
_VERSION = re.compile(r'"(0|[1-9][0-9]{0,15})"')


DryRun = Annotated[
    bool,
    Meta(
        description="Keep nothing; answer what would be kept, as far as the door can say: form, schema, privacy, size "
        "and what the key may tell. The log is not asked: an id that is taken, or a version other than the one "
        "expected, shows only when the event is told."
    ),
]


class Telling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How events are to be taken."""

    dry_run: DryRun = False
    all_or_nothing: Annotated[bool, Meta(description="Keep a batch as a whole or not at all.")] = False


@post(
    "/v1/{organisation:str}/events",
    opt=at(
        Door(
            scope=WRITE,
            query=Telling,
            takes=(STRUCTURED, BATCH, JSON),
            answers={JSON: told.KeptReceipt | list[told.One]},
            status=201,
            refuses=(400, 409, 412, 413, 415, 422),
        )
    ),
)
async def tell(request: Asked) -> ASGIApp:
    """Tell events: one CloudEvent (structured or binary mode), or a batch of up to 1,000.

    201 and a receipt when it is kept, 200 and the first receipt when it was kept before. Of a batch each event has its
    own outcome, in the order given: 200 if all are kept, 207 if some are not; with `all_or_nothing` none is kept unless
    all are.
    """
    how = query(request, Telling)
    kind = media_type(request)
    if kind == BATCH:
        return await _batch(request, how)
    if kind == STRUCTURED:
        reading = cloudevents.read_structured(await body(request, EVENT_BYTES_MAX + ENVELOPE_BYTES))
    elif any(name.startswith(b"ce-") for name, _ in request.scope["headers"]):
        given = await body(request, EVENT_BYTES_MAX)
        reading = cloudevents.read_binary(request.scope["headers"], header(request, "content-type"), given)
    else:
        raise Problem(kinds.WRONG_MEDIA_TYPE, DATA_ALONE if kind == JSON else WHOLE, field="content-type")
    return await _single(request, reading, how)


async def _single(request: Asked, reading: Reading, how: Telling) -> ASGIApp:
    if isinstance(reading, Problem):
        raise reading
    submission = admit(reading, request.auth, datetime.now(UTC), expected=_precondition(request))
    if how.dry_run:
        return Answer(encode(told.would_keep(submission)))
    (sealed,) = await desk_of(request).words.sealed(request.auth.organisation, [submission])
    if isinstance(sealed, Problem):
        raise sealed
    (outcome,) = await _append(request, [sealed])
    if not isinstance(outcome, Receipt):
        raise problem_of_refusal(outcome)
    headers = {
        "location": f"/v1/{request.auth.organisation}/events/{outcome.position}",
        "etag": f'"{outcome.version}"',
    }
    if outcome.duplicate:
        headers["idempotent-replayed"] = "true"
    status = told.KEPT_BEFORE if outcome.duplicate else told.KEPT_NOW
    return Answer(encode(told.receipt_of(submission, outcome)), status=status, headers=headers)


async def _batch(request: Asked, how: Telling) -> ASGIApp:
    refuse_preconditions(request)
    readings = cloudevents.read_batch(await body(request, BATCH_BYTES_MAX))
    now = datetime.now(UTC)
    admitted = [_admitted(reading, request, now) for reading in readings]
    if not how.dry_run:
        admitted = await sealed_of(request, admitted)
    refused = [(index, each) for index, each in enumerate(admitted) if isinstance(each, Problem)]
    if how.all_or_nothing and refused:
        _refuse_all(refused)
    if how.dry_run:
        outcomes: list[Outcome] = []
        results = [
            told.one_refused(each, index=index)
            if isinstance(each, Problem)
            else told.one_tried(each, index=index)
            for index, each in enumerate(admitted)
        ]
    else:
        submissions = [each for each in admitted if isinstance(each, Submission)]
        outcomes = await _append(request, submissions, all_or_nothing=how.all_or_nothing)
        results = _results(admitted, outcomes)
    if how.all_or_nothing:
        _refuse_all(
            [
                (i, problem_of_refusal(o))
                for i, o in enumerate(outcomes)
                if isinstance(o, Conflict | WrongVersion)
            ]
        )
    note_refusals(request, results)
    status = 200 if all(result.problem is None for result in results) else told.MIXED
    return Answer(encode(results), status=status)


def _admitted(reading: Reading, request: Asked, now: datetime) -> Submission | Problem:
    if isinstance(reading, Problem):
        return reading
    try:
        return admit(reading, request.auth, now)
    except Problem as problem:
        return problem


def note_refusals(request: Asked, results: Sequence[told.One]) -> None:
    """Counts what was refused of several events."""
    for result in results:
        if result.problem is not None:
            note_refusal(request, result.problem["type"].rpartition("/")[2], result.status)


async def sealed_of(request: Asked, admitted: Sequence[Submission | Problem]) -> list[Submission | Problem]:
    """The same in the same order, persons' words encrypted."""
    submissions = [each for each in admitted if isinstance(each, Submission)]
    sealed = iter(await desk_of(request).words.sealed(request.auth.organisation, submissions))
    return [each if isinstance(each, Problem) else next(sealed) for each in admitted]


def _results(admitted: Sequence[Submission | Problem], outcomes: Sequence[Outcome]) -> list[told.One]:
    """An outcome for each event, in the order given: from the door for those it refused, else from the log."""
    of_the_log = iter(outcomes)
    return [
        told.one_refused(each, index=index)
        if isinstance(each, Problem)
        else told.one_kept(each, next(of_the_log), index=index)
        for index, each in enumerate(admitted)
    ]


def _refuse_all(refused: Sequence[tuple[int, Problem]]) -> None:
    """Raises the problem of a whole batch, if any of its events was refused: its kind is that of the gravest."""
    if not refused:
        return
    faults = [{"index": index} | problem.document() for index, problem in refused]
    only = {problem.kind for _, problem in refused}
    for kind in (kinds.CONFLICT, kinds.WRONG_VERSION):
        if kind in only and only <= {kinds.CONFLICT, kinds.WRONG_VERSION}:
            raise Problem(kind, "Nothing of this batch was kept.", faults=faults)
    raise Problem(kinds.REFUSED_BATCH, faults=faults)


async def _append(
    request: Asked, submissions: list[Submission], *, all_or_nothing: bool = False
) -> list[Outcome]:
    """Keeps the events, and rings."""
    desk, organisation = desk_of(request), request.auth.organisation
    outcomes = await desk.appender.append(organisation, submissions, all_or_nothing=all_or_nothing)
    position = told.newest(outcomes)
    if position is not None:
        desk.doorbell.ring(organisation, position)
    return outcomes


def refuse_preconditions(request: Asked) -> None:
    """Raises Problem for a precondition in a header where there may be several events: it would mean nothing."""
    for name in ("if-match", "if-none-match"):
        if header(request, name) is not None:
            detail = "A precondition is for one event; of several, each has its expectedversion."
            raise Problem(kinds.MALFORMED_HEADER, detail, field=name)


def _precondition(request: Asked) -> int | None:
    """The version that `If-Match: "3"` or `If-None-Match: *` expects the stream to be at."""
    match, none_match = header(request, "if-match"), header(request, "if-none-match")
    if match is None and none_match is None:
        return None
    if match is not None and none_match is not None:
        raise Problem(kinds.MALFORMED_HEADER, "Give If-Match or If-None-Match, not both.", field="if-match")
    if none_match is not None:
        if none_match != "*":
            raise Problem(kinds.MALFORMED_HEADER, "If-None-Match takes * here.", field="if-none-match")
        return 0
    found = _VERSION.fullmatch(match or "")
    if found is None or int(found[1]) > VERSION_MAX:
        raise Problem(
            kinds.MALFORMED_HEADER, 'If-Match takes one version in quotes, such as "3".', field="if-match"
        )
    return int(found[1])
