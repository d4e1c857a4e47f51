"""Proofs as readers ask for them: checkpoints with their witnesses, tiles, entries, inclusion, consistency. Async.

Every function is given a log and reads nothing of another. What is not sealed yet is not there: None. Whatever is made
here is held against the signed root before it is given away: a tile or a record that was damaged makes no wrong proof,
it raises `Damaged`.
"""

import base64
from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg

from events.log import examinations, lines, merkle, sealed, standing, tiles
from events.log.merkle import Hash, Span, leaf_hash
from events.log.read import FOR_ORGANISATION, PAGE, record_of
from events.log.sealed import Sealed, Tree, UsedKey
from events.log.standing import Damaged
from events.log.tiles import WIDTH, Tile, TileHashes

PROOF_V1 = "c2sp.org/tlog-proof@v1"

COSIGNED_BY = """
    SELECT size
      FROM proof.cosignatures
     WHERE organisation = %(log)s AND generation = %(generation)s
     GROUP BY size
    HAVING count(*) >= %(cosigned)s
     ORDER BY size DESC
     LIMIT 1
"""
REFUSED = "SELECT 1 FROM proof.refusals WHERE organisation = %(log)s AND decided_at IS NULL"

Connection = psycopg.AsyncConnection[Any]


class Published(msgspec.Struct, frozen=True):
    """A checkpoint as it is served: signed, and under it the lines of witnesses."""

    generation: int
    origin: str
    size: int
    root: Hash
    note: str


class Proof(msgspec.Struct, frozen=True):
    """A record and the proof that a tree has it at its place."""

    index: int
    entry: bytes
    hashes: list[Hash]


async def tree(conn: Connection, log: str) -> Tree | None:
    """How far the log is sealed; None if it is not at all."""
    async with conn.transaction():
        return await _tree(conn, log)


async def published(conn: Connection, log: str, *, cosigned: int = 0) -> Published | None:
    """The newest checkpoint that so many witnesses have co-signed. Raises Damaged."""
    async with conn.transaction():
        found = await _tree(conn, log)
        if found is None or found.signed == 0:
            return None
        named = {"log": log, "generation": found.generation, "cosigned": cosigned}
        size = found.signed if cosigned == 0 else await _one(conn, COSIGNED_BY, named)
        if size is None:
            return None
        row = await _row(conn, sealed.AT_SIZE, named | {"size": size})
        if row is None:
            raise Damaged(f"the checkpoint over {size} records is missing")
        last = Sealed(*row)
        standing.root_signed(last)
        cursor = await conn.execute(sealed.COSIGNATURES, named | {"size": size})
        under = [line for (line,) in await cursor.fetchall()]
    return Published(found.generation, found.origin, last.size, last.root, sealed.cosigned(last.note, under))


async def is_refused(conn: Connection, log: str) -> bool:
    """Whether the sealer has refused to sign, and nobody has decided yet."""
    async with conn.transaction():
        await conn.execute(FOR_ORGANISATION, (log,))
        return await _one(conn, REFUSED, {"log": log}) is not None


async def used_keys(conn: Connection, log: str) -> tuple[Tree, list[UsedKey]] | None:
    """Every key that has signed the log."""
    async with conn.transaction():
        found = await _tree(conn, log)
        if found is None:
            return None
        cursor = await conn.execute(sealed.KEYS, {"log": log, "generation": found.generation}, binary=True)
        return found, [UsedKey(*row) for row in await cursor.fetchall()]


async def tile(conn: Connection, log: str, asked: Tile, width: int) -> bytes | None:
    """A tile of that width, if the signed tree has it so wide. Raises Damaged."""
    async with conn.transaction():
        found = await _tree(conn, log)
        if found is None or tiles.width_of(asked, found.signed) < width:
            return None
        return (await _standing(conn, log, found, asked))[: width * merkle.HASH_BYTES]


async def entries(conn: Connection, log: str, number: int, width: int) -> list[bytes] | None:
    """The canonical records of a bundle of that width, if the signed tree has them. Raises Damaged."""
    async with conn.transaction():
        found = await _tree(conn, log)
        if found is None or tiles.width_of(Tile(0, number), found.signed) < width:
            return None
        leaves = await _standing(conn, log, found, Tile(0, number))
        kept = await _entries(conn, log, number * WIDTH, width)
    standing.must_be_leaves(kept, leaves[: width * merkle.HASH_BYTES], after=number * WIDTH)
    return kept


async def inclusion(
    conn: Connection, log: str, index: int, size: int, *, root: Hash | None = None
) -> Proof | None:
    """The record at an index, and the proof that the tree of that size (and root) has it. Raises Damaged."""
    async with conn.transaction():
        found = await _tree(conn, log)
        if found is None or not 0 <= index < size <= found.signed:
            return None
        signed = await _signed_root(conn, log, found)
        spans = [*merkle.inclusion_spans(index, size), *standing.spans(size, found.signed)]
        hashes = await _hashes(conn, log, found.generation, spans)
        kept = await _entries(conn, log, index, 1)
    if not kept:
        raise Damaged(f"record {index + 1} is missing")
    with standing.proving(f"the proof of record {index + 1}"):
        proof, made = merkle.inclusion_proof(index, size, hashes), merkle.root_of(size, hashes)
        standing.must_grow(size, made, found.signed, signed, hashes)
        merkle.verify_inclusion(leaf_hash(kept[0]), index, size, proof, made if root is None else root)
    return Proof(index, kept[0], proof)


async def consistency(
    conn: Connection, log: str, old: int, size: int
) -> tuple[list[Hash], Hash, Hash] | None:
    """The proof that the tree of that size begins with the one of size `old`, and both roots. Raises Damaged."""
    async with conn.transaction():
        found = await _tree(conn, log)
        if found is None or not 0 <= old <= size <= found.signed:
            return None
        signed = await _signed_root(conn, log, found)
        spans = [*merkle.consistency_spans(old, size), (0, old), *standing.spans(size, found.signed)]
        hashes = await _hashes(conn, log, found.generation, spans)
    with standing.proving(f"the proof between {old} and {size} records"):
        proof = merkle.consistency_proof(old, size, hashes)
        old_root, root = merkle.root_of(old, hashes), merkle.root_of(size, hashes)
        standing.must_grow(size, root, found.signed, signed, hashes)
        merkle.verify_consistency(old, size, proof, old_root, root)
    return proof, old_root, root


async def root(conn: Connection, log: str, size: int) -> Hash | None:
    """The root of the tree of that size."""
    proven = await consistency(conn, log, size, size)
    return None if proven is None else proven[2]


async def doubt(conn: Connection, log: str, what: str) -> None:
    """Notes what does not prove what was signed: the sealer's process examines the log then."""
    async with conn.transaction():
        await conn.execute(FOR_ORGANISATION, (log,))
        await conn.execute(examinations.DOUBT, {"log": log, "what": what[:200]})


def written(proof: Proof, checkpoint: str) -> str:
    """A proof in the form of c2sp.org/tlog-proof: it needs nothing else to be verified, but the record and a key."""
    hashes = [base64.b64encode(one).decode() for one in proof.hashes]
    return "\n".join([PROOF_V1, f"index {proof.index}", *hashes, "", checkpoint])


async def _tree(conn: Connection, log: str) -> Tree | None:
    await conn.execute(FOR_ORGANISATION, (log,))
    row = await _row(conn, sealed.TREE, {"log": log})
    return None if row is None else Tree(*row)


async def _signed_root(conn: Connection, log: str, tree: Tree) -> Hash:
    """The root that was signed last: what everything else is held against. Raises Damaged."""
    named = {"log": log, "generation": tree.generation, "size": tree.signed}
    row = await _row(conn, sealed.AT_SIZE, named) if tree.signed else None
    if row is None:
        if tree.signed:
            raise Damaged(f"the checkpoint over {tree.signed} records is missing")
        return merkle.EMPTY_ROOT
    return standing.root_signed(Sealed(*row))


async def _standing(conn: Connection, log: str, tree: Tree, asked: Tile) -> bytes:
    """A tile as wide as the signed tree has it, held against the signed root through the tiles above it."""
    signed = await _signed_root(conn, log, tree)
    kept = await _tiles(conn, log, tree.generation, {*standing.above(asked, tree.signed)})
    return standing.must_stand(asked, kept, tree.signed, signed)


async def _hashes(conn: Connection, log: str, generation: int, spans: Sequence[Span]) -> TileHashes:
    return TileHashes(await _tiles(conn, log, generation, tiles.tiles_for(spans)))


async def _tiles(conn: Connection, log: str, generation: int, wanted: set[Tile]) -> dict[Tile, bytes]:
    cursor = await conn.execute(sealed.TILES, sealed.tiles_asked(log, generation, wanted), binary=True)
    return sealed.tiles_found(await cursor.fetchall())


async def _entries(conn: Connection, log: str, after: int, limit: int) -> list[bytes]:
    asked = {"organisation": log, "after": after, "until": after + limit, "limit": limit}
    cursor = await conn.execute(PAGE, asked, binary=True)
    try:
        return [lines.canonical(record_of(row)) for row in await cursor.fetchall()]
    except (psycopg.DataError, ValueError):  # a moment beyond all calendars, a text that is none
        raise Damaged(f"a record after {after} cannot be read") from None


async def _row(conn: Connection, query: Any, named: dict[str, Any]) -> Any:
    return await (await conn.execute(query, named, binary=True)).fetchone()


async def _one(conn: Connection, query: Any, named: dict[str, Any]) -> Any:
    row = await _row(conn, query, named)
    return None if row is None else row[0]
