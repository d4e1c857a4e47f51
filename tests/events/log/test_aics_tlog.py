"""A third implementation, where there is one (it needs Python 3.12): notes, cosignatures, trees and proofs agree."""

import pytest

from events.log import checkpoints, merkle, notes
from events.log.checkpoints import Checkpoint
from events.log.merkle import leaf_hash
from events.log.notes import COSIGNED, SigningKey
from events.log.tiles import Growth, Tile, TileHashes

peer = pytest.importorskip("aics_tlog", reason="aics-tlog needs Python 3.12")

ENTRIES = [f"record {index}".encode() for index in range(700)]
ORIGIN = "qiledger.example.org/RWK"


def grown(size: int) -> tuple[dict[Tile, bytes], bytes]:
    growth = Growth(0, {})
    growth.extend(leaf_hash(entry) for entry in ENTRIES[:size])
    kept = growth.grown()
    return kept, merkle.root_of(size, TileHashes(kept))


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 512, 700])
def test_trees_and_proofs_are_the_same(size: int):
    kept, root = grown(size)
    theirs = peer.MerkleTree()
    for entry in ENTRIES[:size]:
        theirs.append(entry)
    assert theirs.root() == root
    hashes = TileHashes(kept)
    for index in {0, size // 2, size - 1}:
        assert theirs.inclusion_proof(index) == merkle.inclusion_proof(index, size, hashes)
    for old in {1, size // 2 or 1, size}:
        assert theirs.consistency_proof(old) == merkle.consistency_proof(old, size, hashes)


def test_our_checkpoints_and_cosignatures_are_theirs():
    key = SigningKey.make(ORIGIN)
    witness = SigningKey.make("witness.example/w1", COSIGNED)
    _, root = grown(700)
    note = checkpoints.sign(Checkpoint(ORIGIN, 700, root), [key])
    written = note.joined_by([witness.cosign(note.text, at=1_679_315_147)]).write()
    parsed = peer.parse_note(written)
    assert parsed.text == note.text
    assert peer.parse_vkey(key.public.write()).name == ORIGIN
    assert peer.verify_note(parsed, [peer.parse_vkey(key.public.write())])
    (line,) = [line for line in notes.read_note(written).signatures if line.name == witness.public.name]
    assert peer.verify_cosignature(line.content, line.name, witness.public.public, ORIGIN, 700, root)
    assert not peer.verify_cosignature(line.content, line.name, witness.public.public, ORIGIN, 701, root)
