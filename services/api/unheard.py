"""An answer without rows that asked for something of which nothing is known says so, and what may have been meant."""

import json
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from events.fields import Audience
from events.log.beside import streams_beside
from projections.engine.ask import NotYetBuilt, snapshot
from projections.measure_series import OfMeasure
from projections.near_names import ASKED_OF, names
from services.api.admission import stream_kinds
from services.api.asked import Asked, desk_of
from services.api.problems import Problem, kinds

NAMES_MAX = 5
ALL = "*"


class Unheard(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that was asked for and of which this reader may know nothing, and the names most like it."""

    parameter: str
    given: str
    near: list[str]


class Thing(NamedTuple):
    """What a request named: by which parameter, of which kind, under which name."""

    parameter: str
    kind: str
    name: str


def things_asked_for(asks: msgspec.Struct) -> list[Thing]:
    """The projects, forums and programmes that a question names."""
    found = []
    for parameter, value in msgspec.structs.asdict(asks).items():
        kind, name = parameter, value
        if parameter == "subject":
            kind, _, name = str(value).partition("/")
        no_kind = parameter == "subject" and kind not in stream_kinds()
        if (kind in ASKED_OF or no_kind) and isinstance(name, str) and name not in ("", ALL):
            found.append(Thing(parameter, kind, name))
    return found


async def unheard_now(
    request: Asked, things: Sequence[Thing], *, reader: Audience, position: int
) -> list[Unheard] | UnsetType:
    """Of the first few things, those of which nothing is known by this position: in a past neither, then.

    Of what is known by now, and was not by then, nothing is said: what a reader may know of a past is for its rows.
    """
    found = [await _unheard(request, thing, reader, position) for thing in things[:NAMES_MAX]]
    return [one for one in found if one is not None] or UNSET


def in_headers(unheard: list[Unheard] | UnsetType) -> dict[str, str]:
    """The same where the answer itself has no place for it, as in CSV: JSON, in ASCII."""
    if unheard is UNSET:
        return {}
    return {"qiledger-unheard-of": json.dumps(msgspec.to_builtins(unheard))}


async def _unheard(request: Asked, thing: Thing, reader: Audience, position: int) -> Unheard | None:
    """None if it is known; also if what would know it has not come as far as the answer."""
    if thing.kind not in ASKED_OF:
        stream = f"{thing.kind}/{thing.name}"
        return Unheard(parameter=thing.parameter, given=stream, near=_of_near_kinds(stream))
    projection, organisation = ASKED_OF[thing.kind], request.auth.organisation
    try:
        async with (
            desk_of(request).pool.connection() as conn,
            snapshot(conn, projection, organisation) as snap,
        ):
            if snap.place.position < position:
                return None
            said = await names(snap, thing.kind, thing.name, reader=reader)
    except NotYetBuilt:
        return None
    return None if said.known else Unheard(parameter=thing.parameter, given=thing.name, near=said.near)


async def no_measure(request: Asked, of: OfMeasure, there_are: Sequence[str], *, position: int) -> Problem:
    """Why there is no such chart: the project has other measures, or none, or nothing is known of it."""
    if there_are:
        near = get_close_matches(of.measure, there_are, n=NAMES_MAX, cutoff=0.0)
        detail = f"{of.project} has no measure {of.measure}."
        return Problem(kinds.NO_MEASURE, detail, field="measure", position=position, near=near)
    project = Thing("project", "project", of.project)
    for one in await unheard_now(request, [project], reader=of.reader, position=position) or ():
        detail = f"Nothing is known of the project {of.project}."
        return Problem(kinds.NO_MEASURE, detail, field="project", position=position, near=one.near)
    return Problem(kinds.NO_MEASURE, f"{of.project} has no measures.", field="measure", position=position)


def _of_near_kinds(stream: str) -> list[str]:
    """The same name, of the kinds of things that there are and that may have been meant."""
    kind, _, name = stream.partition("/")
    return [f"{one}/{name}" for one in get_close_matches(kind, stream_kinds(), n=NAMES_MAX)]


async def no_record(request: Asked, stream: str) -> Problem:
    """Why nothing is there: nothing of that kind is told of, or nothing was told of that one."""
    kind, _, name = stream.partition("/")
    if kind not in stream_kinds():
        near = _of_near_kinds(stream)
        return Problem(kinds.NO_RECORD, "No events are told of that kind of thing.", near=near)
    async with desk_of(request).pool.connection() as conn:
        beside = await streams_beside(conn, request.auth.organisation, stream)
    called = {one.partition("/")[2].lower(): one for one in beside if one.startswith(f"{kind}/")}
    near = [called[one] for one in get_close_matches(name.lower(), called, n=NAMES_MAX)]
    return Problem(kinds.NO_RECORD, f"Nothing is on record of {stream}.", near=near)
