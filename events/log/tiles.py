"""The tree in tiles of up to 256 hashes (c2sp.org/tlog-tiles): what is stored and served, and proofs are made from.

A tile at level 0 holds the hashes of 256 neighbouring records; one at level 1 those of 256 whole tiles of level 0; and
so on. Tiles at the right edge are still growing; one that is full never changes. Nodes between those levels are hashed
from the tile when they are asked for.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from events.log.merkle import HASH_BYTES, Hash, Node, Span, node_hash, nodes_of

HEIGHT = 8
WIDTH = 1 << HEIGHT
TILE_BYTES = WIDTH * HASH_BYTES
LEVEL_MAX = 7  # 2**63 records need no more
ENTRY_BYTES_MAX = 65_535  # a bundle gives the length of an entry in 16 bits
_PATH = re.compile(r"((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")

Reader: TypeAlias = Callable[[Iterable["Tile"]], Mapping["Tile", bytes]]
"""Fetches tiles from wherever they are kept."""


class Tile(NamedTuple):
    """Where a tile stands."""

    level: int
    number: int


class MissingTile(LookupError):
    """A tile is not there, or not as wide as the tree has it."""

    def __init__(self, tile: Tile) -> None:
        self.tile = tile
        super().__init__(f"tile {tile.number} of level {tile.level} is missing, or too short")


class TooLongForABundle(ValueError):
    """A record's canonical bytes are more than an entry of a bundle can hold."""

    def __init__(self, number: int, length: int) -> None:
        self.number = number
        super().__init__(f"entry {number} of the bundle has {length} bytes; a bundle holds {ENTRY_BYTES_MAX}")


def width_of(tile: Tile, size: int) -> int:
    """How many hashes a tile has in the tree of that size: none before it begins, at most 256."""
    return max(0, min(WIDTH, (size >> (HEIGHT * tile.level)) - tile.number * WIDTH))


def edge_of(size: int) -> list[Tile]:
    """The tiles at the right edge of a tree that are not full, from level 0 up."""
    edge = []
    for level in range(LEVEL_MAX + 1):
        width = size >> (HEIGHT * level)
        if width % WIDTH:
            edge.append(Tile(level, width >> HEIGHT))
    return edge


def tiles_for(spans: Iterable[Span]) -> set[Tile]:
    """The tiles that hold what is hashed over these spans."""
    return {_place(node)[0] for span in spans for node in nodes_of(span)}


def _place(node: Node) -> tuple[Tile, int, int]:
    """The tile that a node is in or made from, where in it that begins, and of how many hashes."""
    level, within = divmod(node.level, HEIGHT)
    first = node.number << within
    return Tile(level, first >> HEIGHT), first % WIDTH, 1 << within


class TileHashes:
    """The hashes of whole subtrees, from tiles at hand."""

    def __init__(self, tiles: Mapping[Tile, bytes]) -> None:
        self._tiles = tiles

    def __call__(self, node: Node) -> Hash:
        """Raises MissingTile."""
        tile, first, count = _place(node)
        content = self._tiles.get(tile, b"")[first * HASH_BYTES : (first + count) * HASH_BYTES]
        if len(content) != count * HASH_BYTES:
            raise MissingTile(tile)
        return subtree(content)


def subtree(content: bytes | bytearray) -> Hash:
    """The root over neighbouring hashes, a power of two of them."""
    row = [bytes(content[at : at + HASH_BYTES]) for at in range(0, len(content), HASH_BYTES)]
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


class Growth:
    """A tree that grows at its right edge. Knows the tiles there, and which have changed since they were last taken."""

    def __init__(self, size: int, edge: Mapping[Tile, bytes]) -> None:
        """`edge` has the tiles of `edge_of(size)`. Raises MissingTile."""
        self.size = size
        self._edge: dict[int, bytearray] = {}
        self._grown: dict[Tile, bytes] = {}
        self._touched: set[int] = set()
        for tile in edge_of(size):
            content = edge.get(tile, b"")[: width_of(tile, size) * HASH_BYTES]
            if len(content) != width_of(tile, size) * HASH_BYTES:
                raise MissingTile(tile)
            self._edge[tile.level] = bytearray(content)

    def extend(self, leaves: Iterable[Hash]) -> None:
        """Grows by these leaves."""
        for leaf in leaves:
            self._append(0, leaf)
            self.size += 1

    def _append(self, level: int, hash_: Hash) -> None:
        content = self._edge.setdefault(level, bytearray())
        content += hash_
        self._touched.add(level)
        if len(content) == TILE_BYTES:
            number = self.size >> (HEIGHT * (level + 1))
            self._grown[Tile(level, number)] = bytes(content)
            root = subtree(content)
            content.clear()
            self._append(level + 1, root)

    def grown(self) -> dict[Tile, bytes]:
        """The tiles that changed since the last time: those that became full, and those at the edge."""
        edge = {
            tile: bytes(self._edge[tile.level]) for tile in edge_of(self.size) if tile.level in self._touched
        }
        grown = self._grown | edge
        self._grown, self._touched = {}, set()
        return grown

    def hashes(self) -> list[Hash]:
        """The roots of the largest whole subtrees: the compact range of the tree as it is now."""
        edge = TileHashes({tile: bytes(self._edge[tile.level]) for tile in edge_of(self.size)})
        return [edge(node) for node in nodes_of((0, self.size))]


def path_of(tile: Tile, width: int = WIDTH) -> str:
    """The address of a tile's number, and its width if it is not full: `x001/x234/067.p/12`."""
    parts = [f"{tile.number % 1000:03}"]
    left = tile.number // 1000
    while left:
        parts.append(f"x{left % 1000:03}")
        left //= 1000
    return "/".join(reversed(parts)) + ("" if width == WIDTH else f".p/{width}")


def read_path(path: str) -> tuple[int, int] | None:
    """The number and width in such an address; None if it is none, or not written the one way there is."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    number, width = int(found[1].replace("x", "").replace("/", "")), int(found[2] or WIDTH)
    if not (1 <= width < WIDTH or found[2] is None) or path_of(Tile(0, number), width) != path:
        return None
    return number, width


def bundle(entries: Sequence[bytes]) -> bytes:
    """Entries, each behind its length in two bytes. Raises TooLongForABundle."""
    for number, entry in enumerate(entries):
        if len(entry) > ENTRY_BYTES_MAX:
            raise TooLongForABundle(number, len(entry))
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unbundled(content: bytes) -> Iterator[bytes]:
    """The entries of a bundle. Raises ValueError if it is cut short."""
    at = 0
    while at < len(content):
        end = at + 2 + int.from_bytes(content[at : at + 2], "big")
        if end > len(content):
            raise ValueError("the bundle is cut short")
        yield content[at + 2 : end]
        at = end
