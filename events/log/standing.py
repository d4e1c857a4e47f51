"""Whether what is kept still proves what was signed: asked of every tile and proof before it is given to anybody.

A tile or a record that was touched would make a proof that proves nothing, and look like a forged log to whoever gets
it. Here it is found first, by the same arithmetic that a verifier uses, against the root that was signed.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from events.log.checkpoints import Checkpoint
from events.log.merkle import (
    HASH_BYTES,
    Hash,
    Hashes,
    Span,
    WrongProof,
    consistency_proof,
    consistency_spans,
    leaf_hash,
    root_of,
    verify_consistency,
)
from events.log.notes import WrongNote, read_note
from events.log.sealed import Sealed
from events.log.tiles import WIDTH, MissingTile, Tile, TileHashes, edge_of, subtree, width_of


class Damaged(RuntimeError):
    """Something that is kept does not prove what was signed. The message says what, and nothing of what it holds."""


@contextlib.contextmanager
def proving(what: str) -> Iterator[None]:
    """A proof that cannot be made, or does not prove anything, is damage."""
    try:
        yield
    except MissingTile as missing:
        raise Damaged(str(missing)) from None
    except WrongProof:
        raise Damaged(f"{what} does not lead to the root that was signed") from None


def root_signed(kept: Sealed) -> Hash:
    """The root in a checkpoint's own words, which is the one it is filed under. Raises Damaged."""
    try:
        said = Checkpoint.read(read_note(kept.note).text)
    except WrongNote:
        said = None
    if said is None or (said.size, said.root) != (kept.size, kept.root):
        raise Damaged(f"the checkpoint over {kept.size} records is not what it is filed as")
    return said.root


def spans(size: int, signed: int) -> list[Span]:
    """What `must_grow` needs the hashes of."""
    return [(0, size), (0, signed), *consistency_spans(size, signed)]


def must_grow(size: int, root: Hash, signed: int, signed_root: Hash, hashes: Hashes) -> None:
    """That the signed tree begins with the one of this size and root. Raises WrongProof, MissingTile."""
    verify_consistency(size, signed, consistency_proof(size, signed, hashes), root, signed_root)


def above(tile: Tile, size: int) -> list[Tile]:
    """The tile, those above it whose hashes are made of it, and the edge of the tree, which makes the root."""
    chain = [tile]
    while width_of(chain[-1], size) == WIDTH:
        last = chain[-1]
        chain.append(Tile(last.level + 1, last.number >> 8))
    return [*chain, *edge_of(size)]


def must_stand(tile: Tile, kept: Mapping[Tile, bytes], size: int, root: Hash) -> bytes:
    """The tile as wide as the tree of that size has it, once it is proven to be part of that root. Raises Damaged."""
    content = {}
    for one in above(tile, size):
        wide = width_of(one, size) * HASH_BYTES
        content[one] = kept.get(one, b"")[:wide]
        if len(content[one]) != wide:
            raise Damaged(str(MissingTile(one)))
    below = tile
    while width_of(below, size) == WIDTH:
        parent = Tile(below.level + 1, below.number >> 8)
        at = below.number % WIDTH * HASH_BYTES
        if subtree(content[below]) != content[parent][at : at + HASH_BYTES]:
            raise Damaged(
                f"tile {below.number} of level {below.level} is not what the tile above was made of"
            )
        below = parent
    with proving("the edge of the tree"):
        if root_of(size, TileHashes(content)) != root:
            raise Damaged("the edge of the tree does not make the root that was signed")
    return content[tile]


def must_be_leaves(entries: Sequence[bytes], leaves: bytes, *, after: int) -> None:
    """That these are the records that the leaves were made of, from behind a position on. Raises Damaged."""
    for number in range(len(leaves) // HASH_BYTES):
        at = number * HASH_BYTES
        if number >= len(entries):
            raise Damaged(f"record {after + number + 1} is missing")
        if leaf_hash(entries[number]) != leaves[at : at + HASH_BYTES]:
            raise Damaged(f"record {after + number + 1} is not the one that its leaf was made of")
