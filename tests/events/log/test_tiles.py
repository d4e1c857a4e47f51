"""Tiles: where a tree's hashes lie, what grows at its edge, and how they are addressed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.log import merkle, tiles
from events.log.merkle import CompactRange, Node, leaf_hash
from events.log.tiles import Growth, MissingTile, Tile, TileHashes

LEAVES = [leaf_hash(str(index).encode()) for index in range(70_000)]


def grown(size: int, steps: list[int]) -> dict[Tile, bytes]:
    """All tiles of a tree that grew in steps, each from the tiles that were there."""
    kept: dict[Tile, bytes] = {}
    for start, end in zip([0, *steps], [*steps, size], strict=True):
        growth = Growth(start, {tile: kept[tile] for tile in tiles.edge_of(start)})
        growth.extend(LEAVES[start:end])
        for tile, content in growth.grown().items():
            assert content.startswith(kept.get(tile, b""))  # a tile only grows
            kept[tile] = content
    return kept


@pytest.fixture(scope="module")
def large() -> dict[Tile, bytes]:
    return grown(70_000, [])


def test_a_tree_of_70000_has_the_tiles_that_the_specification_says(large: dict[Tile, bytes]):
    widths = {tile: len(content) // 32 for tile, content in large.items()}
    level_0 = [width for tile, width in sorted(widths.items()) if tile.level == 0]
    assert level_0 == [256] * 273 + [112]
    assert [width for tile, width in sorted(widths.items()) if tile.level == 1] == [256, 17]
    assert [width for tile, width in sorted(widths.items()) if tile.level > 1] == [1]
    assert all(width == tiles.width_of(tile, 70_000) for tile, width in widths.items())


def test_a_tree_of_256_has_one_full_tile_and_one_of_width_one_above():
    assert {tile: len(content) // 32 for tile, content in grown(256, []).items()} == {
        Tile(0, 0): 256,
        Tile(1, 0): 1,
    }


@given(size=st.integers(1, 1_500), steps=st.lists(st.integers(0, 1_500), max_size=4))
def test_however_it_grew_the_tiles_and_the_range_are_the_same(size: int, steps: list[int]):
    kept = grown(size, sorted(step for step in steps if step <= size))
    assert kept == grown(size, [])
    growth = Growth(size, {tile: kept[tile] for tile in tiles.edge_of(size)})
    assert tuple(growth.hashes()) == CompactRange.of(LEAVES[:size]).hashes


@given(size=st.integers(1, 70_000), index=st.integers(0, 69_999), old=st.integers(1, 70_000))
def test_proofs_of_any_size_come_from_the_tiles_of_a_larger_tree(
    large: dict[Tile, bytes], size: int, index: int, old: int
):
    index, old = index % size, 1 + old % size
    spans = [*merkle.inclusion_spans(index, size), *merkle.consistency_spans(old, size), (0, size), (0, old)]
    hashes = TileHashes({tile: large[tile] for tile in tiles.tiles_for(spans)})
    root = merkle.root_of(size, hashes)
    merkle.verify_inclusion(LEAVES[index], index, size, merkle.inclusion_proof(index, size, hashes), root)
    proof = merkle.consistency_proof(old, size, hashes)
    merkle.verify_consistency(old, size, proof, merkle.root_of(old, hashes), root)


def test_a_tile_that_is_missing_or_too_short_is_named():
    with pytest.raises(MissingTile, match="tile 3 of level 0"):
        TileHashes({})(Node(2, 200))
    with pytest.raises(MissingTile, match="tile 0 of level 0"):
        Growth(3, {Tile(0, 0): bytes(64)})


@pytest.mark.parametrize(
    ("number", "width", "path"),
    [
        (0, 256, "000"),
        (67, 12, "067.p/12"),
        (1_234_067, 256, "x001/x234/067"),
        (1_000, 255, "x001/000.p/255"),
    ],
)
def test_addresses_are_those_of_the_specification(number: int, width: int, path: str):
    assert tiles.path_of(Tile(0, number), width) == path
    assert tiles.read_path(path) == (number, width)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "0000",
        "x000/001",
        "001/002",
        "x001",
        "000.p/0",
        "000.p/256",
        "000.p/01",
        "000.p/",
        "-01",
        "٠٠٠",
        "a00",
    ],
)
def test_an_address_is_written_one_way_only(path: str):
    assert tiles.read_path(path) is None


def test_a_bundle_holds_entries_behind_their_lengths():
    entries = [b"", b"one", b"x" * 65_535]
    assert list(tiles.unbundled(tiles.bundle(entries))) == entries
    with pytest.raises(tiles.TooLongForABundle, match="entry 1"):
        tiles.bundle([b"", b"x" * 65_536])
    with pytest.raises(ValueError, match="cut short"):
        list(tiles.unbundled(tiles.bundle([b"one"])[:-1]))
