"""The Merkle tree over a log's records: RFC 9162, section 2.1, with SHA-256. Pure; knows nothing of Postgres or keys.

A tree is named by its size alone: leaf `i` is the record at position `i + 1`. Whoever holds a root of 32 bytes can be
shown that a record is in that tree (inclusion), and that a later tree still has all of an earlier one at its beginning
(consistency), each with some twenty hashes for a million records.

A node is a whole subtree: `Node(level, number)` covers the `2 ** level` leaves from `number * 2 ** level` on. Whole
subtrees never change once their leaves are there, so they are what is kept, and proofs are made from them.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple, Self, TypeAlias

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Hash: TypeAlias = bytes
Span: TypeAlias = tuple[int, int]
"""Leaves from the first to before the second."""


class WrongProof(ValueError):
    """A proof does not prove what it is given for."""


class Node(NamedTuple):
    """A whole subtree."""

    level: int
    number: int


Hashes: TypeAlias = Callable[[Node], Hash]
"""Where the hashes of whole subtrees come from."""


def leaf_hash(entry: bytes) -> Hash:
    """The hash of a leaf: of a zero byte and the record's canonical bytes."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: Hash, right: Hash) -> Hash:
    """The hash of an interior node: of a one and the hashes of its two children."""
    return sha256(b"\x01" + left + right).digest()


class CompactRange:
    """A tree in as many hashes as its size has ones in binary: enough to grow it, and to know its root."""

    __slots__ = ("_hashes", "_size")

    def __init__(self, size: int = 0, hashes: Sequence[Hash] = ()) -> None:
        if size < 0 or len(hashes) != size.bit_count() or any(len(one) != HASH_BYTES for one in hashes):
            raise ValueError(f"{len(hashes)} hashes do not make a tree of {size} leaves")
        self._size = size
        self._hashes = list(hashes)

    @classmethod
    def of(cls, leaves: Iterable[Hash]) -> Self:
        """The tree over these leaf hashes."""
        tree = cls()
        for leaf in leaves:
            tree.append(leaf)
        return tree

    @property
    def size(self) -> int:
        """How many leaves it has."""
        return self._size

    @property
    def hashes(self) -> tuple[Hash, ...]:
        """The roots of its largest whole subtrees, from left to right."""
        return tuple(self._hashes)

    def append(self, leaf: Hash) -> None:
        """Grows it by a leaf, given by its hash."""
        hashes, carry = self._hashes, self._size
        while carry & 1:
            leaf = node_hash(hashes.pop(), leaf)
            carry >>= 1
        hashes.append(leaf)
        self._size += 1

    def root(self) -> Hash:
        """The root hash."""
        return _folded(self._hashes) if self._hashes else EMPTY_ROOT


def _folded(hashes: Sequence[Hash]) -> Hash:
    """The root over neighbouring whole subtrees that grow smaller from left to right."""
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def nodes_of(span: Span) -> list[Node]:
    """The largest whole subtrees that cover a span, from left to right. It begins where the tree itself divides."""
    start, end = span
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def inclusion_spans(index: int, size: int) -> list[Span]:
    """What the hashes of an inclusion proof cover, from the leaf's neighbour to the root's child."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    start, end = 0, size
    spans: list[Span] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(old: int, size: int) -> list[Span]:
    """What the hashes of a consistency proof cover, in its order. None are needed for an empty or an equal tree."""
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} has not grown from one of {old}")
    if old in (0, size):
        return []
    start, end, whole = 0, size, True
    spans: list[Span] = []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start, whole = middle, False
    if not whole:
        spans.append((start, end))
    return spans[::-1]


def _split(width: int) -> int:
    """The largest power of two below a width of two or more."""
    return 1 << ((width - 1).bit_length() - 1)


def span_hash(span: Span, hashes: Hashes) -> Hash:
    """The hash over a span, from those of the whole subtrees in it."""
    return _folded([hashes(node) for node in nodes_of(span)])


def root_of(size: int, hashes: Hashes) -> Hash:
    """The root of the tree of that size, from whole subtrees."""
    return span_hash((0, size), hashes) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, hashes: Hashes) -> list[Hash]:
    """The proof that leaf `index` is in the tree of that size (RFC 9162, section 2.1.3.1)."""
    return [span_hash(span, hashes) for span in inclusion_spans(index, size)]


def consistency_proof(old: int, size: int, hashes: Hashes) -> list[Hash]:
    """The proof that the tree of that size begins with the one of size `old` (RFC 9162, section 2.1.4.1)."""
    return [span_hash(span, hashes) for span in consistency_spans(old, size)]


def verify_inclusion(leaf: Hash, index: int, size: int, proof: Sequence[Hash], root: Hash) -> None:
    """Raises WrongProof unless the leaf is at `index` of the tree (RFC 9162, section 2.1.3.2)."""
    _sound(proof)
    if not 0 <= index < size:
        raise WrongProof(f"leaf {index} is not in a tree of {size}")
    at, last, found = index, size - 1, leaf
    for hash_ in proof:
        if last == 0:
            raise WrongProof("the proof is too long")
        if at & 1 or at == last:
            found = node_hash(hash_, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, hash_)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise WrongProof("the proof is too short")
    if found != root:
        raise WrongProof(f"leaf {index} is not what the tree of {size} has there")


def verify_consistency(old: int, size: int, proof: Sequence[Hash], old_root: Hash, root: Hash) -> None:
    """Raises WrongProof unless the tree begins with the older one (RFC 9162, section 2.1.4.2)."""
    _sound(proof)
    if not 0 <= old <= size:
        raise WrongProof(f"a tree of {size} has not grown from one of {old}")
    if old in (0, size):
        if proof:
            raise WrongProof("an empty or an equal tree needs no proof")
        if old_root != (root if old else EMPTY_ROOT):
            raise WrongProof(f"two trees of {old} leaves have different roots")
        return
    found_old, found = _grown(old, size, proof, old_root)
    if found_old != old_root:
        raise WrongProof(f"the proof does not lead to the root of the tree of {old}")
    if found != root:
        raise WrongProof(f"the tree of {size} does not begin with the tree of {old}")


def _grown(old: int, size: int, proof: Sequence[Hash], old_root: Hash) -> tuple[Hash, Hash]:
    """The roots of both trees as a proof makes them."""
    path = [old_root, *proof] if old.bit_count() == 1 else list(proof)
    if not path:
        raise WrongProof("the proof is too short")
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    found_old = found = path[0]
    for hash_ in path[1:]:
        if last == 0:
            raise WrongProof("the proof is too long")
        if at & 1 or at == last:
            found_old, found = node_hash(hash_, found_old), node_hash(hash_, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, hash_)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise WrongProof("the proof is too short")
    return found_old, found


def _sound(proof: Sequence[Hash]) -> None:
    if any(len(hash_) != HASH_BYTES for hash_ in proof):
        raise WrongProof(f"every hash of a proof has {HASH_BYTES} bytes")
