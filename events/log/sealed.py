"""What was sealed, as Postgres has it: trees, tiles, checkpoints. The SQL serves both colours; the workers' is here.

Readers first say of which log they read (`FOR_ORGANISATION`), else row-level security shows nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
import psycopg

from events.log.tiles import Tile

TREE = """
    SELECT generation, origin, size, signed, hashes
      FROM proof.logs
     WHERE organisation = %(log)s
"""
NEWEST = """
    SELECT c.size, c.root, c.note, c.signed_at
      FROM proof.checkpoints AS c
     WHERE c.organisation = %(log)s AND c.generation = %(generation)s
     ORDER BY c.size DESC
     LIMIT 1
"""
AT_SIZE = """
    SELECT c.size, c.root, c.note, c.signed_at
      FROM proof.checkpoints AS c
     WHERE c.organisation = %(log)s AND c.generation = %(generation)s AND c.size = %(size)s
"""
COSIGNATURES = """
    SELECT line
      FROM proof.cosignatures
     WHERE organisation = %(log)s AND generation = %(generation)s AND size = %(size)s
     ORDER BY witness
     LIMIT 32
"""
KEYS = """
    SELECT vkey, first_size, first_used
      FROM proof.keys
     WHERE organisation = %(log)s AND generation = %(generation)s
     ORDER BY first_size, vkey
     LIMIT 1000
"""
TILES = """
    SELECT t.level, t.tile, t.hashes
      FROM unnest(%(levels)s::smallint[], %(numbers)s::bigint[]) AS asked (level, tile)
      JOIN proof.tiles AS t
        ON t.organisation = %(log)s AND t.generation = %(generation)s AND t.level = asked.level AND t.tile = asked.tile
     ORDER BY t.level, t.tile
     LIMIT 10000
"""


class Tree(msgspec.Struct, frozen=True):
    """How far a log's tree has come, and how far it is signed."""

    generation: int
    origin: str
    size: int
    signed: int
    hashes: list[bytes]


class Sealed(msgspec.Struct, frozen=True):
    """A checkpoint as it was signed."""

    size: int
    root: bytes
    note: str
    signed_at: datetime


class UsedKey(msgspec.Struct, frozen=True):
    """A public key that has signed, from a size on."""

    vkey: str
    first_size: int
    first_used: datetime


def tiles_asked(log: str, generation: int, tiles: Iterable[Tile]) -> dict[str, Any]:
    """The parameters of TILES."""
    asked = sorted(tiles)
    return {
        "log": log,
        "generation": generation,
        "levels": [tile.level for tile in asked],
        "numbers": [tile.number for tile in asked],
    }


def tiles_found(rows: Iterable[tuple[Any, ...]]) -> dict[Tile, bytes]:
    """The rows of TILES."""
    return {Tile(level, number): bytes(hashes) for level, number, hashes in rows}


def tree_of(conn: psycopg.Connection[Any], log: str) -> Tree | None:
    """How far the tree has come; None if it has not begun."""
    row = conn.execute(TREE, {"log": log}, binary=True).fetchone()
    return None if row is None else Tree(*row)


def newest(conn: psycopg.Connection[Any], log: str, generation: int) -> Sealed | None:
    """The newest checkpoint."""
    row = conn.execute(NEWEST, {"log": log, "generation": generation}, binary=True).fetchone()
    return None if row is None else Sealed(*row)


def at_size(conn: psycopg.Connection[Any], log: str, generation: int, size: int) -> Sealed | None:
    """The checkpoint that was signed at a size."""
    asked = {"log": log, "generation": generation, "size": size}
    row = conn.execute(AT_SIZE, asked, binary=True).fetchone()
    return None if row is None else Sealed(*row)


def tiles(
    conn: psycopg.Connection[Any], log: str, generation: int, wanted: Iterable[Tile]
) -> Mapping[Tile, bytes]:
    """Those of the tiles that are there."""
    asked = tiles_asked(log, generation, wanted)
    return tiles_found(conn.execute(TILES, asked, binary=True)) if asked["levels"] else {}


def used_keys(conn: psycopg.Connection[Any], log: str, generation: int) -> list[UsedKey]:
    """Every key that has signed this log."""
    rows = conn.execute(KEYS, {"log": log, "generation": generation}, binary=True)
    return [UsedKey(*row) for row in rows]


def cosigned(note: str, lines: Iterable[str]) -> str:
    """A checkpoint with its witnesses' lines under it."""
    return note + "".join(lines)
