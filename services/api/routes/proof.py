"""Proofs that are made here: that a record is in the log, that the log was only added to, that a receipt is true.

Positions are ours and count from 1; an index is the tree's and counts from 0. Consistency proofs say nothing of what
was told, so they may be open to all, as checkpoints may; what is made of single records needs the scope that reading
them needs.
"""

import time
from typing import Annotated

import msgspec
from litestar import route
from litestar.types import ASGIApp
from msgspec import Meta

from events.log import proofs
from events.log.keys import READ
from events.log.merkle import leaf_hash
from events.log.proofs import Proof, Published
from services.api.answers import ASK_AGAIN, FOREVER, JSON, TEXT, TEXT_UTF8, encode, etag_of, representation
from services.api.asked import Asked, accepted, desk_of, query
from services.api.auditors_reads import note_positions
from services.api.desk import WAITING_MAX
from services.api.doors import Door, at
from services.api.kept import POSITION_MAX, place_of
from services.api.problems import Problem, kinds
from services.api.proven import Cosigned, in_base64, log_named, proving, published

WAIT_S_MAX = 30
LOOK_AGAIN_S = 0.2

Position = Annotated[int, Meta(ge=1, le=POSITION_MAX, description="The position of the record in the log.")]
Size = Annotated[
    int, Meta(ge=0, le=POSITION_MAX, description="How many records; all that are sealed by default.")
]


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
        proof = await proofs.inclusion(conn, log_named(request), asked.position - 1, size)
        root = await proofs.root(conn, log_named(request), size)
    if proof is None or root is None:
        raise Problem(kinds.NOT_SEALED)
    text = encode(
        Inclusion(
            position=asked.position,
            index=proof.index,
            size=size,
            leaf=in_base64(leaf_hash(proof.entry)),
            root=in_base64(root),
            proof=[in_base64(one) for one in proof.hashes],
        )
    )
    return representation(request, text, etag=etag_of(text), cache=FOREVER if asked.size else ASK_AGAIN)


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
        proven = await proofs.consistency(conn, log_named(request), asked.old, size)
    if proven is None:
        raise Problem(kinds.NOT_SEALED)
    hashes, old_root, root = proven
    text = encode(
        Consistency(
            old=asked.old,
            size=size,
            old_root=in_base64(old_root),
            root=in_base64(root),
            proof=[in_base64(one) for one in hashes],
        )
    )
    return representation(request, text, etag=etag_of(text), cache=FOREVER if asked.size else ASK_AGAIN)


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
    position = place_of(request.path_params["position"])
    last = await _covering(request, position, asked)
    async with proving(request) as conn:
        proof = await proofs.inclusion(conn, log_named(request), position - 1, last.size, root=last.root)
    if proof is None:
        raise Problem(kinds.NOT_SEALED)
    note_positions(request, [position])
    if form == TEXT:
        body = proofs.written(proof, last.note).encode()
        return representation(request, body, TEXT_UTF8, etag=etag_of(body), cache=ASK_AGAIN)
    body = encode(_proven(proof, last))
    return representation(request, body, etag=etag_of(body), cache=ASK_AGAIN)


def _proven(proof: Proof, last: Published) -> ProvenRecord:
    return ProvenRecord(
        position=proof.index + 1,
        index=proof.index,
        size=last.size,
        record=proof.entry.decode(),
        leaf=in_base64(leaf_hash(proof.entry)),
        proof=[in_base64(one) for one in proof.hashes],
        checkpoint=last.note,
    )


async def _covering(request: Asked, position: int, asked: ProofQuery) -> Published:
    """The newest checkpoint, once it covers the position. Raises Problem if that takes too long."""
    desk, until = desk_of(request), time.monotonic() + asked.wait
    waits = False
    try:
        while True:
            last = await published(request, asked.cosigned)
            if last is not None and last.size >= position:
                return last
            left = until - time.monotonic()
            if left <= 0 or desk.stopping.is_set() or (not waits and desk.waiting >= WAITING_MAX):
                async with proving(request) as conn:
                    refused = await proofs.is_refused(conn, log_named(request))
                raise Problem(kinds.SEALING_REFUSED if refused else kinds.NOT_SEALED)
            desk.waiting += not waits
            waits = True
            await desk.news(log_named(request), after=POSITION_MAX, within_s=min(left, LOOK_AGAIN_S))
    finally:
        desk.waiting -= waits


async def _signed(request: Asked) -> int:
    """How many records the newest checkpoint is of. Raises Problem if there is none."""
    async with proving(request) as conn:
        tree = await proofs.tree(conn, log_named(request))
    if tree is None or tree.signed == 0:
        raise Problem(kinds.NOT_SEALED)
    return tree.signed
