"""`/v1/{organisation}/people/{person}`: how a person is reached, by reference.

Every look, change and removal is on record in the log of operations before it happens.
"""

import asyncio
import re
from typing import Any, LiteralString

import msgspec
from litestar import delete, put, route
from litestar.types import ASGIApp

from events.log.keys import PEOPLE_READ, PEOPLE_WRITE
from events.log.read import FOR_ORGANISATION
from events.operations import ContactChanged, ContactEmptied, ContactRead
from events.privacy.custody import NoMasterKey, custodian
from events.privacy.vault import CONTACT, EMPTY, KEEPING, PUT, Contact, Reach, contact_in, sealed
from events.vocabulary import Event
from services.api.answers import JSON, NEVER, Answer, encode
from services.api.asked import Asked, desk_of, query
from services.api.doors import Door, Nothing, at
from services.api.given import given
from services.api.problems import Problem, kinds

PATH = "/v1/{organisation:str}/people/{person:str}"
_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Kept(msgspec.Struct, frozen=True):
    """The vault knows how this person is reached."""

    person: str


class Emptied(msgspec.Struct, frozen=True):
    """The vault has forgotten how this person is reached; whether it had known."""

    person: str
    emptied: bool


@route(
    PATH,
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=PEOPLE_READ, answers={JSON: Contact}, refuses=(404, 503))),
)
async def find(request: Asked) -> ASGIApp:
    """How a person is reached. That it was looked up is on record first."""
    query(request, Nothing)
    person = _person(request)
    await _note(request, ContactRead(person=person, client=request.auth.client, key=request.auth.id))
    rows = await _rows(request, CONTACT, person)
    if not rows:
        raise Problem(kinds.NO_PERSON)
    try:
        contact = await asyncio.to_thread(lambda: contact_in(rows[0], custodian()))
    except NoMasterKey:
        raise Problem(kinds.NO_CUSTODY) from None
    if contact is None:
        raise Problem(kinds.NO_PERSON)
    return Answer(encode(contact), cache=NEVER)


@put(
    PATH,
    opt=at(
        Door(scope=PEOPLE_WRITE, body=Reach, answers={JSON: Kept}, refuses=(400, 410, 413, 415, 422, 503))
    ),
)
async def keep(request: Asked) -> ASGIApp:
    """Say how a person is reached, in place of what was known. It is kept encrypted, apart from the log."""
    query(request, Nothing)
    person, organisation = _person(request), request.auth.organisation
    reach = await given(request, Reach)
    try:
        key = (await desk_of(request).words.keys(organisation, {person}, make=True))[person]
    except NoMasterKey:
        raise Problem(kinds.NO_CUSTODY) from None
    if key is None:
        raise Problem(kinds.ERASED_PERSON)
    await _note(request, ContactChanged(person=person, client=request.auth.client, key=request.auth.id))
    if not await _changed(request, PUT, person, sealed=sealed(key, organisation, person, reach)):
        raise Problem(kinds.ERASED_PERSON)  # by a key that was destroyed since we fetched it
    return Answer(encode(Kept(person=person)), cache=NEVER)


@delete(PATH, status_code=200, opt=at(Door(scope=PEOPLE_WRITE, answers={JSON: Emptied})))
async def forget(request: Asked) -> ASGIApp:
    """Forget how a person is reached. Their words stay readable until `qiledger erase` destroys their key."""
    query(request, Nothing)
    person = _person(request)
    await _note(request, ContactEmptied(person=person, client=request.auth.client, key=request.auth.id))
    emptied = await _changed(request, EMPTY, person)
    return Answer(encode(Emptied(person=person, emptied=bool(emptied))), cache=NEVER)


def _person(request: Asked) -> str:
    """The reference in the address. Raises Problem."""
    reference: str = request.path_params["person"]
    if not _REFERENCE.fullmatch(reference):
        raise Problem(kinds.NO_PERSON)
    return f"person/{reference}"


async def _note(request: Asked, event: Event) -> None:
    """What is about to happen, on record. Raises LogBusy: then it does not happen."""
    key = request.auth
    await desk_of(request).journal.tell(key.organisation, event, actor=f"client/{key.client}")


async def _rows(request: Asked, statement: LiteralString, person: str) -> list[tuple[Any, ...]]:
    organisation = request.auth.organisation
    async with desk_of(request).pool.connection() as conn, conn.transaction():
        await conn.execute(FOR_ORGANISATION, (organisation,))
        cursor = await conn.execute(statement, {"organisation": organisation, "person": person})
        return await cursor.fetchall()


async def _changed(request: Asked, statement: LiteralString, person: str, **values: Any) -> int:
    """How many rows were changed."""
    organisation = request.auth.organisation
    async with desk_of(request).pool.connection() as conn, conn.transaction():
        await conn.execute(FOR_ORGANISATION, (organisation,))
        asked = {"organisation": organisation, "person": person, **values}
        await conn.execute(KEEPING, asked)
        return (await conn.execute(statement, asked)).rowcount
