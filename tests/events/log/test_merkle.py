"""The tree against the vectors of Certificate Transparency, against a library that knows nothing of us, and itself."""

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.log import merkle
from events.log.merkle import CompactRange, Node, WrongProof, leaf_hash, node_hash

# The eight leaves, and roots, of Certificate Transparency's own tests.
ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIX_TO_EIGHT = [
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]
SIXTH_OF_EIGHT = [
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]

sizes = st.integers(1, 600)


def entry(index: int) -> bytes:
    return f"record {index}".encode()


class Grown:
    """A tree with all its nodes, made by the definition in the RFC and by nothing of ours."""

    def __init__(self, size: int, entries: list[bytes] | None = None) -> None:
        self.entries = [entry(index) for index in range(size)] if entries is None else entries[:size]

    def hash(self, node: Node) -> bytes:
        start, width = node.number << node.level, 1 << node.level
        return mth(tuple(self.entries[start : start + width]))

    def root(self, size: int) -> bytes:
        return mth(tuple(self.entries[:size]))


def mth(entries: tuple[bytes, ...]) -> bytes:
    """MTH of RFC 9162, section 2.1.1, word for word."""
    if not entries:
        return merkle.EMPTY_ROOT
    if len(entries) == 1:
        return leaf_hash(entries[0])
    k = 1
    while 2 * k < len(entries):
        k *= 2
    return node_hash(mth(entries[:k]), mth(entries[k:]))


def test_the_roots_are_those_of_certificate_transparency():
    for size, root in enumerate(ROOTS):
        tree = CompactRange.of(leaf_hash(entry) for entry in ENTRIES[:size])
        assert (tree.size, tree.root().hex()) == (size, root)


def test_the_proofs_are_those_of_certificate_transparency():
    grown = Grown(8, ENTRIES)
    assert [one.hex() for one in merkle.consistency_proof(6, 8, grown.hash)] == SIX_TO_EIGHT
    assert [one.hex() for one in merkle.inclusion_proof(5, 8, grown.hash)] == SIXTH_OF_EIGHT
    root = bytes.fromhex(ROOTS[8])
    proof = [bytes.fromhex(one) for one in SIX_TO_EIGHT]
    merkle.verify_consistency(6, 8, proof, bytes.fromhex(ROOTS[6]), root)
    proof = [bytes.fromhex(one) for one in SIXTH_OF_EIGHT]
    merkle.verify_inclusion(leaf_hash(ENTRIES[5]), 5, 8, proof, root)


@given(size=sizes, kept=st.integers(0, 600))
def test_a_range_that_was_put_away_grows_on_to_the_same_root(size: int, kept: int):
    kept = min(kept, size)
    early = CompactRange.of(leaf_hash(entry(index)) for index in range(kept))
    tree = CompactRange(early.size, early.hashes)
    for index in range(kept, size):
        tree.append(leaf_hash(entry(index)))
    assert tree.root() == Grown(size).root(size)
    assert len(tree.hashes) == size.bit_count()


@pytest.mark.parametrize(("size", "hashes"), [(3, 1), (-1, 0), (0, 1), (4, 2)])
def test_a_range_has_as_many_hashes_as_its_size_has_ones(size: int, hashes: int):
    with pytest.raises(ValueError, match="do not make a tree"):
        CompactRange(size, [bytes(32)] * hashes)


@given(size=sizes, index=st.integers(0, 599))
def test_every_record_is_proven_and_no_other_in_its_place(size: int, index: int):
    index %= size
    grown = Grown(size)
    proof, root = merkle.inclusion_proof(index, size, grown.hash), grown.root(size)
    merkle.verify_inclusion(leaf_hash(entry(index)), index, size, proof, root)
    for leaf, at, of in [
        (leaf_hash(b"another"), index, size),
        (leaf_hash(entry(index)), index + 1, size),
        (leaf_hash(entry(index)), index, size + 1 if (size & (size - 1)) == 0 else 2 * size),
    ]:
        with pytest.raises(WrongProof):
            merkle.verify_inclusion(leaf, at, of, proof, root)


@given(size=sizes, old=st.integers(0, 600))
def test_every_earlier_tree_is_the_beginning_of_a_later_one(size: int, old: int):
    old = min(old, size)
    grown = Grown(size)
    proof = merkle.consistency_proof(old, size, grown.hash)
    merkle.verify_consistency(old, size, proof, grown.root(old), grown.root(size))
    if 0 < old < size:
        rewritten = Grown(size, [b"rewritten", *grown.entries[1:]])
        with pytest.raises(WrongProof):
            merkle.verify_consistency(old, size, proof, grown.root(old), rewritten.root(size))
        forged = merkle.consistency_proof(old, size, rewritten.hash)
        with pytest.raises(WrongProof):
            merkle.verify_consistency(old, size, forged, grown.root(old), rewritten.root(size))


@given(size=st.integers(2, 300), old=st.integers(1, 299), at=st.integers(0, 30), bit=st.integers(0, 255))
def test_a_proof_with_one_bit_flipped_or_a_hash_too_many_or_too_few_proves_nothing(
    size: int, old: int, at: int, bit: int
):
    old = 1 + (old - 1) % (size - 1)
    grown = Grown(size)
    consistency = merkle.consistency_proof(old, size, grown.hash)
    inclusion = merkle.inclusion_proof(old - 1, size, grown.hash)
    root = grown.root(size)
    for broken in damaged(consistency, at, bit):
        with pytest.raises(WrongProof):
            merkle.verify_consistency(old, size, broken, grown.root(old), root)
    for broken in damaged(inclusion, at, bit):
        with pytest.raises(WrongProof):
            merkle.verify_inclusion(leaf_hash(entry(old - 1)), old - 1, size, broken, root)


def damaged(proof: list[bytes], at: int, bit: int) -> list[list[bytes]]:
    at %= len(proof)
    flipped = bytearray(proof[at])
    flipped[bit // 8] ^= 1 << bit % 8
    return [
        [*proof[:at], bytes(flipped), *proof[at + 1 :]],
        proof[:-1],
        [*proof, proof[-1]],
        [*proof, b"short"],
    ]


@pytest.mark.parametrize(("old", "size"), [(-1, 4), (5, 4)])
def test_no_tree_shrinks(old: int, size: int):
    with pytest.raises(ValueError, match="not grown"):
        merkle.consistency_spans(old, size)
    with pytest.raises(WrongProof, match="not grown"):
        merkle.verify_consistency(old, size, [], bytes(32), bytes(32))


def test_two_trees_of_one_size_are_one_tree():
    merkle.verify_consistency(3, 3, [], b"a" * 32, b"a" * 32)
    merkle.verify_consistency(0, 3, [], merkle.EMPTY_ROOT, b"a" * 32)
    for old, root in [(3, b"b" * 32), (0, b"b" * 32)]:
        with pytest.raises(WrongProof):
            merkle.verify_consistency(old, 3, [], root, b"a" * 32)


@given(size=st.integers(1, 200), old=st.integers(1, 200))
def test_pymerkle_makes_the_same_roots_and_inclusion_proofs_and_finds_ours_consistent(size: int, old: int):
    old = min(old, size)
    peer = pymerkle.InmemoryTree(algorithm="sha256", disable_security=False)  # with the prefixes of the RFC
    for index in range(size):
        peer.append_entry(entry(index))
    grown = Grown(size)
    assert peer.get_root(size) == grown.root(size)
    # Pymerkle begins a path with the leaf, and makes consistency proofs of its own form.
    inclusion = [bytes.fromhex(one) for one in peer.prove_inclusion(old, size).serialize()["path"]]
    assert inclusion[1:] == merkle.inclusion_proof(old - 1, size, grown.hash)
    pymerkle.verify_consistency(grown.root(old), grown.root(size), peer.prove_consistency(old, size))
