"""Persons' words at the API's edge: encrypted before they go to the log, read in clear by those who may.

Persons' keys are fetched for a whole request at once, made if there is none yet, and believed for a few seconds, as
keys of the API are. Events without personal fields pass untouched.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import msgspec
import psycopg

from events.corrections import EventCorrected
from events.log.append import Pool
from events.log.read import FOR_ORGANISATION
from events.log.record import Record, Submission
from events.privacy.custody import Custodian, NoMasterKey, custodian
from events.privacy.person_key import KeyRow, PersonKey, new_key
from events.privacy.vault import ADD_KEYS, KEYS, added
from events.privacy.words import (
    all_personal_fields,
    may_hold_words,
    opened,
    personal_fields,
    seal,
    sealed_in,
    whose,
    with_words,
    words_in,
)
from events.vocabulary import Event, read_body
from services.api.admission import check_size
from services.api.problems import Problem, kinds

BELIEVED_FOR_S = 3.0  # a destroyed key is used no longer than this
REMEMBERED_MAX = 10_000

Name: TypeAlias = tuple[str, str]  # source and id, which name an event
Telling: TypeAlias = tuple[
    Submission, Event, frozenset[str], str
]  # with its personal fields, and whose they are

KEPT = """
    SELECT r.source, r.id, r.type, r.stream, r.actor, r.body
      FROM unnest(%(sources)s::text[], %(ids)s::text[]) AS told (source, id)
      JOIN log.records AS r ON r.organisation = %(organisation)s AND r.source = told.source AND r.id = told.id
"""


class _Kept(msgspec.Struct, frozen=True):
    """What matters here of an event that was told before."""

    source: str
    id: str
    type: str
    stream: str
    actor: str
    body: str


class Words:
    """Encrypts and reads persons' words, with the keys it fetched lately."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._believed: dict[tuple[str, str], tuple[PersonKey | None, float]] = {}

    async def sealed(
        self, organisation: str, submissions: Sequence[Submission]
    ) -> list[Submission | Problem]:
        """The same events in the same order as they go to the log; a problem for one that cannot."""
        done: list[Submission | Problem] = list(submissions)
        places = [place for place, told in enumerate(submissions) if may_hold_words(told.type)]
        if not places:
            return done
        tellings: dict[int, Telling] = {}
        originals = await self._originals(organisation, [submissions[place] for place in places], submissions)
        for place in places:
            try:
                telling = _telling(submissions[place], originals)
            except Problem as problem:
                done[place] = problem
            else:
                if telling is not None:
                    tellings[place] = telling
        try:
            keys = await self.keys(organisation, {person for *_, person in tellings.values()}, make=True)
        except NoMasterKey:
            return [
                Problem(kinds.NO_CUSTODY) if place in tellings else told for place, told in enumerate(done)
            ]
        erased = [told for told, _, _, person in tellings.values() if keys[person] is None]
        kept = await self._kept(organisation, [(told.source, told.id) for told in erased])
        for place, (told, event, fields, person) in tellings.items():
            sealed = seal(told, event, organisation, person, keys[person], fields)
            before = kept.get((told.source, told.id))
            done[place] = _checked(sealed if before is None else _as_before(sealed, before, fields))
        return done

    async def _originals(
        self, organisation: str, asked: Iterable[Submission], request: Sequence[Submission]
    ) -> dict[Name, _Kept]:
        """The events that corrections of words are about, of this request or of the log."""
        wanted = set()
        for told in asked:
            event = read_body(told.type, told.body)
            if isinstance(event, EventCorrected) and all_personal_fields() & event.fields.keys():
                wanted.add((event.of_source or told.source, event.of))
        if not wanted:
            return {}
        here = {
            (told.source, told.id): _Kept(told.source, told.id, told.type, told.stream, told.actor, told.body)
            for told in request
            if (told.source, told.id) in wanted
        }
        return here | await self._kept(organisation, sorted(wanted))

    async def _kept(self, organisation: str, names: Sequence[Name]) -> dict[Name, _Kept]:
        if not names:
            return {}
        asked = {
            "organisation": organisation,
            "sources": [source for source, _ in names],
            "ids": [id_ for _, id_ in names],
        }
        async with self._pool.connection() as conn, conn.transaction():
            await conn.execute(FOR_ORGANISATION, (organisation,))
            found = [_Kept(*row) for row in await (await conn.execute(KEPT, asked)).fetchall()]
        return {(one.source, one.id): one for one in found}

    async def opened(self, organisation: str, records: Sequence[Record]) -> tuple[list[Record], set[str]]:
        """The records with their words in clear, and whose words those are. Raises Problem."""
        persons = {words.person for record in records for words in sealed_in(record.body)}
        if not persons:
            return list(records), set()
        try:
            keys = await self.keys(organisation, persons, make=False)
        except NoMasterKey:
            raise Problem(kinds.NO_CUSTODY) from None
        shown = [
            msgspec.structs.replace(
                record, body=opened(record.body, organisation, record.source, record.id, keys.get)
            )
            for record in records
        ]
        return shown, {person for person in persons if keys.get(person) is not None}

    async def keys(self, organisation: str, persons: set[str], *, make: bool) -> dict[str, PersonKey | None]:
        """The keys of persons; None for one whose key was destroyed (or never made, unless they are made).

        Raises NoMasterKey.
        """
        now = time.monotonic()
        known = {
            person: believed[0]
            for person in persons
            if (believed := self._believed.get((organisation, person))) is not None and now < believed[1]
        }
        missing = sorted(persons - known.keys())
        if not missing:
            return known
        has = custodian()
        async with self._pool.connection() as conn:
            rows = await _rows(conn, organisation, missing, has if make else None)
        unwrapped = await asyncio.to_thread(lambda: {row.person: row.unwrapped(has) for row in rows})
        if len(self._believed) > REMEMBERED_MAX:
            self._believed.clear()
        self._believed |= {(organisation, p): (key, now + BELIEVED_FOR_S) for p, key in unwrapped.items()}
        return known | unwrapped


async def _rows(
    conn: psycopg.AsyncConnection[Any], organisation: str, persons: list[str], maker: Custodian | None
) -> list[KeyRow]:
    """The rows of keys; with a maker, those that are missing are made. Two who make one at once get the same."""
    asked = {"organisation": organisation, "persons": persons}
    async with conn.transaction():
        await conn.execute(FOR_ORGANISATION, (organisation,))
        rows = [KeyRow(*row) for row in await (await conn.execute(KEYS, asked)).fetchall()]
    missing = sorted(set(persons) - {row.person for row in rows})
    if not missing or maker is None:
        return rows
    made = await asyncio.to_thread(lambda: [new_key(organisation, person, maker) for person in missing])
    async with conn.transaction():
        await conn.execute(FOR_ORGANISATION, (organisation,))
        await conn.execute(ADD_KEYS, added(made))
    async with conn.transaction():  # another's key may have been first
        await conn.execute(FOR_ORGANISATION, (organisation,))
        return [KeyRow(*row) for row in await (await conn.execute(KEYS, asked)).fetchall()]


def _telling(told: Submission, originals: dict[Name, _Kept]) -> Telling | None:
    """What has to be encrypted of an event; None if nothing. Raises Problem."""
    event = read_body(told.type, told.body)
    fields, person = personal_fields(told.type), whose(event, told.stream, told.actor)
    if isinstance(event, EventCorrected):
        if not all_personal_fields() & event.fields.keys():
            return None
        original = originals.get((event.of_source or told.source, event.of))
        if original is None:
            raise Problem(kinds.UNKNOWN_TELLING, field="data.of")
        fields = personal_fields(original.type) & event.fields.keys()
        person = whose(read_body(original.type, original.body), original.stream, original.actor)
    if person is None or not words_in(event, fields):
        return None
    return told, event, fields, person


def _checked(sealed: Submission) -> Submission | Problem:
    """Ciphertext is longer than words: the record may have become too large."""
    try:
        check_size(sealed)
    except Problem as problem:
        return problem
    return sealed


def _as_before(told: Submission, before: _Kept, fields: frozenset[str]) -> Submission:
    """Told again after the erasure: the bytes that were kept then, if all but the words is the same."""
    if before.type != told.type:
        return told
    then, now = read_body(before.type, before.body), read_body(told.type, told.body)
    if (
        with_words(now, words_in(then, fields)) != then
        or words_in(then, fields).keys() != words_in(now, fields).keys()
    ):
        return told
    return msgspec.structs.replace(told, body=before.body)
