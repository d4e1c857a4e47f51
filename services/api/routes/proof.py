"""The proof, for verifiers: checkpoints, keys, tiles and entries as c2sp.org/tlog-tiles has them, and proofs made here.

Positions are ours and count from 1; an index is the tree's and counts from 0. Checkpoints, public keys and consistency
proofs say nothing of what was told, so they may be open to all (`QILEDGER_PUBLIC_CHECKPOINTS`): a witness needs no key
then. All that is made of single records needs the scope that reading them needs.
"""

import base64
import time
from datetime import datetime
from hashlib import sha256
from typing import Annotated

import msgspec
from litestar import route
from litestar.types import ASGIApp
from msgspec import Meta

from events.log import proofs, tiles
from events.log.keys import READ
from events.log.merkle import leaf_hash
from events.log.proofs import Proof, Published
from events.log.tiles import LEVEL_MAX, Tile, TooLongForABundle
from services.api.answers import ASK_AGAIN, FOREVER, JSON, encode, representation
from services.api.asked import Asked, accepted, desk_of, query
from services.api.auditors_reads import note_positions
from services.api.desk import WAITING_MAX
from services.api.doors import Door, Nothing, at
from services.api.kept import POSITION_MAX
from services.api.problems import Problem, kinds
from services.api.proven import proving

TEXT = "text/plain"
TEXT_UTF8 = "text/plain; charset=utf-8"
OCTETS = "application/octet-stream"
WAIT_S_MAX = 30
LOOK_AGAIN_S = 0.2
COSIGNED_MAX = 16

Position = Annotated[int, Meta(ge=1, le=POSITION_MAX, description="The position of the record in the log.")]
Size = Annotated[
    int, Meta(ge=0, le=POSITION_MAX, description="How many records; all that are sealed by default.")
]
Cosigned = Annotated[
    int, Meta(ge=0, le=COSIGNED_MAX, description="By how many witnesses the checkpoint is to be co-signed.")
]


class CheckpointQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which checkpoint."""

    cosigned: Cosigned = 0


class InclusionQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which record, in the tree over how many."""

    position: Position
    size: Size | None = None


class ConsistencyQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which two trees."""

    old: Annotated[int, Meta(ge=0, le=POSITION_MAX, description="How many records the earlier tree had.")]
    size: Size | None = None


class ProofQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long to wait for the proof, and by how many witnesses it is to be borne out."""

    wait: Annotated[
        float, Meta(ge=0, le=WAIT_S_MAX, description="Seconds to wait for the record to be sealed.")
    ] = 0.0
    cosigned: Cosigned = 0


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that has signed checkpoints of this log, from a size on. `key` is 32 bytes (Ed25519) in base64."""

    vkey: str
    key: str
    first_size: int
    first_used: datetime


class PublicKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Every key that has signed this log, the oldest first."""

    origin: str
    keys: list[PublicKey]


class Inclusion(msgspec.Struct, frozen=True, kw_only=True):
    """The proof that a record is in a tree. Hashes in base64, from the leaf's neighbour up."""

    position: int
    index: int
    size: int
    leaf: str
    root: str
    proof: list[str]


class Consistency(msgspec.Struct, frozen=True, kw_only=True):
    """The proof that a tree begins with an earlier one. Hashes in base64, in the order of RFC 9162."""

    old: int
    size: int
    old_root: str
    root: str
    proof: list[str]


class ProvenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt with its proof: the record's exact bytes, where they are in the tree, and the signed checkpoint."""

    position: int
    index: int
    size: int
    record: str
    leaf: str
    proof: list[str]
    checkpoint: str


@route(
    "/v1/{organisation:str}/log/checkpoint",
    http_method=["GET", "HEAD"],
    opt=at(
        Door(scope=READ, may_be_public=True, query=CheckpointQuery, answers={TEXT_UTF8: str}, refuses=(404,))
    ),
)
async def checkpoint(request: Asked) -> ASGIApp:
    """The newest signed checkpoint, with what witnesses put under it (c2sp.org/tlog-checkpoint)."""
    asked = query(request, CheckpointQuery)
    accepted(request, (TEXT,))
    last = await _published(request, asked.cosigned)
    if last is None:
        raise Problem(kinds.NOT_SEALED)
    text = last.note.encode()
    return representation(request, text, TEXT_UTF8, etag=_etag(text), cache=ASK_AGAIN)


@route(
    "/v1/{organisation:str}/log/keys",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=READ, may_be_public=True, answers={JSON: PublicKeys, TEXT_UTF8: str}, refuses=(404,))),
)
async def public_keys(request: Asked) -> ASGIApp:
    """Every public key that has signed this log's checkpoints. As text/plain one a line, as Go's note package has them.

    Do not trust a key because it is listed here: compare it with the one you were given by another way.
    """
    query(request, Nothing)
    form = accepted(request, (JSON, TEXT))
    async with proving(request) as conn:
        found = await proofs.used_keys(conn, _log(request))
    if found is None or not found[1]:
        raise Problem(kinds.NOT_SEALED)
    tree, used = found
    if form == TEXT:
        text = "".join(f"{key.vkey}\n" for key in used).encode()
        return representation(request, text, TEXT_UTF8, etag=_etag(text), cache=ASK_AGAIN)
    listed = [
        PublicKey(
            vkey=key.vkey,
            key=_base64(base64.b64decode(key.vkey.rpartition("+")[2] or "")[1:]),
            first_size=key.first_size,
            first_used=key.first_used,
        )
        for key in used
    ]
    text = encode(PublicKeys(origin=tree.origin, keys=listed))
    return representation(request, text, etag=_etag(text), cache=ASK_AGAIN)


@route(
    "/v1/{organisation:str}/log/tile/{level:str}/{place:path}",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=READ, answers={OCTETS: bytes}, refuses=(404, 422))),
)
async def tile(request: Asked) -> ASGIApp:
    """A tile of hashes, or a bundle of entries at level `entries` (c2sp.org/tlog-tiles). It never changes."""
    query(request, Nothing)
    accepted(request, (OCTETS,))
    level, place = (
        request.path_params["level"],
        tiles.read_path(str(request.path_params["place"]).lstrip("/")),
    )
    if place is None:
        raise Problem(kinds.NO_TILE)
    content = await (_bundle(request, *place) if level == "entries" else _tile(request, level, *place))
    if content is None:
        raise Problem(kinds.NO_TILE)
    return representation(request, content, OCTETS, etag=_etag(content), cache=FOREVER)


async def _tile(request: Asked, level: str, number: int, width: int) -> bytes | None:
    if level not in {str(one) for one in range(LEVEL_MAX + 1)} or number > POSITION_MAX:
        return None
    async with proving(request) as conn:
        return await proofs.tile(conn, _log(request), Tile(int(level), number), width)


async def _bundle(request: Asked, number: int, width: int) -> bytes | None:
    if number * tiles.WIDTH > POSITION_MAX:
        return None
    async with proving(request) as conn:
        found = await proofs.entries(conn, _log(request), number, width)
    if found is None or len(found) != width:
        return None
    note_positions(request, range(number * tiles.WIDTH + 1, number * tiles.WIDTH + width + 1))
    try:
        return tiles.bundle(found)
    except TooLongForABundle as long:
        position = number * tiles.WIDTH + long.number + 1
        raise Problem(kinds.TOO_LONG_FOR_A_BUNDLE, position=position) from None


@route(
    "/v1/{organisation:str}/log/inclusion",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=READ, query=InclusionQuery, answers={JSON: Inclusion}, refuses=(404,))),
)
async def inclusion(request: Asked) -> ASGIApp:
    """The proof that the record at a position is in the tree of a size (RFC 9162, section 2.1.3)."""
    asked = query(request, InclusionQuery)
    accepted(request, (JSON,))
    size = asked.size or await _signed(request)
    async with proving(request) as conn:
        proof = await proofs.inclusion(conn, _log(request), asked.position - 1, size)
        root = await proofs.root(conn, _log(request), size)
    if proof is None or root is None:
        raise Problem(kinds.NOT_SEALED)
    text = encode(
        Inclusion(
            position=asked.position,
            index=proof.index,
            size=size,
            leaf=_base64(leaf_hash(proof.entry)),
            root=_base64(root),
            proof=[_base64(one) for one in proof.hashes],
        )
    )
    return representation(request, text, etag=_etag(text), cache=FOREVER if asked.size else ASK_AGAIN)


@route(
    "/v1/{organisation:str}/log/consistency",
    http_method=["GET", "HEAD"],
    opt=at(
        Door(
            scope=READ,
            may_be_public=True,
            query=ConsistencyQuery,
            answers={JSON: Consistency},
            refuses=(404,),
        )
    ),
)
async def consistency(request: Asked) -> ASGIApp:
    """The proof that the log still begins with the records that it had at an earlier size (RFC 9162, section 2.1.4)."""
    asked = query(request, ConsistencyQuery)
    accepted(request, (JSON,))
    size = asked.size or await _signed(request)
    async with proving(request) as conn:
        proven = await proofs.consistency(conn, _log(request), asked.old, size)
    if proven is None:
        raise Problem(kinds.NOT_SEALED)
    hashes, old_root, root = proven
    text = encode(
        Consistency(
            old=asked.old,
            size=size,
            old_root=_base64(old_root),
            root=_base64(root),
            proof=[_base64(one) for one in hashes],
        )
    )
    return representation(request, text, etag=_etag(text), cache=FOREVER if asked.size else ASK_AGAIN)


@route(
    "/v1/{organisation:str}/events/{position:str}/proof",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=READ, query=ProofQuery, answers={JSON: ProvenRecord, TEXT_UTF8: str}, refuses=(404,))),
)
async def receipt(request: Asked) -> ASGIApp:
    """A receipt that proves itself: who has it, the record and a public key needs neither us nor a network.

    As text/plain it is a c2sp.org/tlog-proof. With `wait`, a record that was told just now is waited for.
    """
    asked = query(request, ProofQuery)
    form = accepted(request, (JSON, TEXT))
    text = request.path_params["position"]
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= POSITION_MAX):
        raise Problem(kinds.NO_RECORD)
    last = await _covering(request, int(text), asked)
    async with proving(request) as conn:
        proof = await proofs.inclusion(conn, _log(request), int(text) - 1, last.size, root=last.root)
    if proof is None:
        raise Problem(kinds.NOT_SEALED)
    note_positions(request, [int(text)])
    if form == TEXT:
        body = proofs.written(proof, last.note).encode()
        return representation(request, body, TEXT_UTF8, etag=_etag(body), cache=ASK_AGAIN)
    body = encode(_proven(proof, last))
    return representation(request, body, etag=_etag(body), cache=ASK_AGAIN)


def _proven(proof: Proof, last: Published) -> ProvenRecord:
    return ProvenRecord(
        position=proof.index + 1,
        index=proof.index,
        size=last.size,
        record=proof.entry.decode(),
        leaf=_base64(leaf_hash(proof.entry)),
        proof=[_base64(one) for one in proof.hashes],
        checkpoint=last.note,
    )


async def _covering(request: Asked, position: int, asked: ProofQuery) -> Published:
    """The newest checkpoint, once it covers the position. Raises Problem if that takes too long."""
    desk, until = desk_of(request), time.monotonic() + asked.wait
    waits = False
    try:
        while True:
            last = await _published(request, asked.cosigned)
            if last is not None and last.size >= position:
                return last
            left = until - time.monotonic()
            if left <= 0 or desk.stopping.is_set() or (not waits and desk.waiting >= WAITING_MAX):
                async with proving(request) as conn:
                    refused = await proofs.is_refused(conn, _log(request))
                raise Problem(kinds.SEALING_REFUSED if refused else kinds.NOT_SEALED)
            desk.waiting += not waits
            waits = True
            await desk.news(_log(request), after=POSITION_MAX, within_s=min(left, LOOK_AGAIN_S))
    finally:
        desk.waiting -= waits


async def _published(request: Asked, cosigned: int) -> Published | None:
    async with proving(request) as conn:
        return await proofs.published(conn, _log(request), cosigned=cosigned)


async def _signed(request: Asked) -> int:
    """How many records the newest checkpoint is of. Raises Problem if there is none."""
    async with proving(request) as conn:
        tree = await proofs.tree(conn, _log(request))
    if tree is None or tree.signed == 0:
        raise Problem(kinds.NOT_SEALED)
    return tree.signed


def _log(request: Asked) -> str:
    """The log that the address names: whoever needs a key for it was checked at the door."""
    return str(request.path_params["organisation"])


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _etag(content: bytes) -> str:
    return f'"{sha256(content).hexdigest()[:32]}"'
