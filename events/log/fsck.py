"""Everything that was sealed, made again from the records alone, and compared with what is kept of it.

The sealer looks at what is new. This looks at all of it, in flat memory and in one snapshot, and names what is not as
it was sealed: leaf, tile, range or checkpoint. It trusts the keys that it is given, and nothing in the database.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
import psycopg

from events.counted import counted
from events.log import checkpoints, lines, sealed
from events.log.merkle import HASH_BYTES, CompactRange, Hash, leaf_hash, root_of
from events.log.naming import wrong_name
from events.log.notes import NoteKey, Unverified, WrongNote, WrongNoteKey
from events.log.read import FOR_ORGANISATION, PAGE, record_of
from events.log.sealed import Tree
from events.log.sealing_key import Remembered, Signer, known_keys
from events.log.tiles import HEIGHT, LEVEL_MAX, WIDTH, Growth, MissingTile, Tile, TileHashes, tiles_for

PAGE_RECORDS = 4 * WIDTH
CHECKPOINTS_PAGE = 500
FLAWS_MAX = 100
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

_CHECKPOINTS = """
    SELECT size, root, note
      FROM proof.checkpoints
     WHERE organisation = %(log)s AND generation = %(generation)s AND size > %(after)s
     ORDER BY size
     LIMIT %(limit)s
"""
_COUNTED = """
    SELECT level, count(*)
      FROM proof.tiles
     WHERE organisation = %(log)s AND generation = %(generation)s
     GROUP BY level
     ORDER BY level
     LIMIT 64
"""


_ENDS = """
    SELECT h.position, (SELECT max(r.position) FROM log.records AS r WHERE r.organisation = h.organisation)
      FROM log.heads AS h
     WHERE h.organisation = %(log)s
"""


class Flaw(msgspec.Struct, frozen=True):
    """Something that is not as it was sealed, and where."""

    where: str
    what: str


def flaws(
    conn: psycopg.Connection[Any], log: str, keys: Sequence[NoteKey], *, signer: Signer | None = None
) -> list[Flaw]:
    """What is wrong with a log's proof, at most FLAWS_MAX of it.

    The caller's transaction is a SNAPSHOT, or nobody seals meanwhile. `keys` are those whose signatures are believed,
    under any name. With a signer, the checkpoint that it keeps outside Postgres is looked at too.
    """
    conn.execute(FOR_ORGANISATION, (log,))
    tree = sealed.tree_of(conn, log)
    return (
        [] if tree is None else list(islice(_Examination(conn, log, tree, keys, signer).flaws(), FLAWS_MAX))
    )


class _Examination:
    """One pass over the records of a log."""

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        log: str,
        tree: Tree,
        keys: Sequence[NoteKey],
        signer: Signer | None,
    ) -> None:
        self._conn = conn
        self._tree = tree
        self._known = known_keys(tree.origin, keys)
        self._signer = signer
        self._named: dict[str, Any] = {"log": log, "generation": tree.generation}
        self._checkpoints = self._all_checkpoints()
        self._next = next(self._checkpoints, None)
        self._newest = 0

    def flaws(self) -> Iterator[Flaw]:
        """Everything that is wrong, record by record, then what is about the whole."""
        growth = Growth(0, {})
        while growth.size < self._tree.size:
            leaves, wrong = self._page(growth.size)
            yield from wrong
            if not leaves:
                return
            yield from self._grown(growth, leaves)
        yield from self._whole(growth)

    def _page(self, before: int) -> tuple[list[Hash], list[Flaw]]:
        """The leaves of a page, from the records' own bytes; none from where a record is missing."""
        limit = min(PAGE_RECORDS, self._tree.size - before)
        asked = {"organisation": self._named["log"], "after": before, "until": before + limit, "limit": limit}
        leaves: list[Hash] = []
        wrong: list[Flaw] = []
        try:
            for row in self._conn.execute(PAGE, asked, binary=True):
                record = record_of(row)
                if record.position != before + len(leaves) + 1:
                    break
                leaves.append(leaf_hash(lines.canonical(record)))
                if leaves[-1] != record.leaf or not record.begins_where_known:
                    wrong.append(
                        Flaw(f"record {record.position}", "its bytes are not those its leaf was made of")
                    )
        except (psycopg.DataError, ValueError):
            return [], [
                *wrong,
                Flaw(f"record {before + len(leaves) + 1}", "it, or one soon after it, cannot be read"),
            ]
        if len(leaves) < limit:
            return [], [*wrong, Flaw(f"record {before + len(leaves) + 1}", "it is missing")]
        return leaves, wrong

    def _grown(self, growth: Growth, leaves: Sequence[Hash]) -> Iterator[Flaw]:
        """Grows by a page, stopping where checkpoints were signed, and compares the tiles of the page."""
        at = 0
        while at < len(leaves):
            stop = len(leaves)
            if self._next is not None:
                stop = max(at + 1, min(stop, at + self._next[0] - growth.size))
            growth.extend(leaves[at:stop])
            at = stop
            yield from self._signed(growth)
        yield from self._tiles(growth.grown())

    def _signed(self, growth: Growth) -> Iterator[Flaw]:
        """The checkpoints of this very size."""
        while self._next is not None and self._next[0] <= growth.size:
            size, root, note = self._next
            self._next = next(self._checkpoints, None)
            self._newest = size
            yield from self._checkpoint(size, root, note, CompactRange(size, growth.hashes()).root())

    def _checkpoint(self, size: int, root: Hash, note: str, made: Hash) -> Iterator[Flaw]:
        where = f"checkpoint {size}"
        try:
            said, _ = checkpoints.verify(note, self._known, origin=self._tree.origin)
        except (WrongNote, Unverified) as wrong:
            yield Flaw(where, f"it is not believed: {wrong}")
            return
        if (said.size, said.root) != (size, root):
            yield Flaw(where, "it is not what it is filed as")
        if said.size == size and said.root != made:
            yield Flaw(where, "the records before it are not those that were signed")

    def _tiles(self, made: dict[Tile, bytes]) -> Iterator[Flaw]:
        kept = sealed.tiles(self._conn, self._named["log"], self._tree.generation, made)
        for tile, content in sorted(made.items()):
            where = f"tile {tile.number} of level {tile.level}"
            stored = kept.get(tile)
            if stored is None:
                yield Flaw(where, "it is missing")
            elif stored[: len(content)] != content:
                yield Flaw(where, _first_difference(tile, content, stored))

    def _whole(self, growth: Growth) -> Iterator[Flaw]:
        """What is about the tree as a whole."""
        if growth.hashes() != self._tree.hashes:
            yield Flaw("range", f"it is not that of the first {counted(self._tree.size, 'record')}")
        if self._newest != self._tree.signed or self._next is not None:
            found = self._newest if self._next is None else self._next[0]
            yield Flaw(
                "checkpoints",
                f"the newest is of {counted(found, 'record')}; {counted(self._tree.signed, 'was', 'were')} signed",
            )
        for level, count in self._conn.execute(_COUNTED, self._named):
            expected = -(-(self._tree.size >> (HEIGHT * level)) // WIDTH) if level <= LEVEL_MAX else 0
            if count > expected:
                yield Flaw(f"tiles of level {level}", f"there are {count}; the tree has {expected}")
        yield from self._ends()
        yield from self._names()
        yield from self._outside()

    def _ends(self) -> Iterator[Flaw]:
        """The head says how many records there are: nothing stands behind it, and nothing that was sealed is beyond."""
        row = self._conn.execute(_ENDS, self._named).fetchone()
        position, last = (0, None) if row is None else row
        if position < self._tree.size:
            yield Flaw(
                "head",
                f"it says {counted(position, 'record')}; {counted(self._tree.size, 'was', 'were')} sealed",
            )
        if last is not None and last > position:
            yield Flaw(
                f"record {last}", f"it stands behind the head, which says {counted(position, 'record')}"
            )

    def _names(self) -> Iterator[Flaw]:
        """What the log is called, and whose keys are said to have signed it."""
        tree, log = self._tree, self._named["log"]
        if self._signer is not None:
            wrong = wrong_name(self._conn, log, tree.generation, tree.origin, self._signer)
            if wrong is not None:
                yield Flaw("name", wrong)
        ours = {key.public for key in self._known}
        for used in sealed.used_keys(self._conn, log, tree.generation):
            try:
                is_ours = NoteKey.read(used.vkey).public in ours
            except WrongNoteKey:
                is_ours = False
            if not is_ours:
                yield Flaw("keys", f"{used.vkey} is listed, and is none of those that are believed")

    def _outside(self) -> Iterator[Flaw]:
        """The checkpoint that is kept outside is one that is kept here, or was signed in the moment of a crash."""
        if self._signer is None or self._signer.directory is None:
            return
        where = f"checkpoint in {self._signer.directory}"
        try:
            note = Remembered(self._signer.directory).read(self._tree.origin)
            if note is None:
                return
            said, _ = checkpoints.verify(note, self._known, origin=self._tree.origin)
        except (WrongNote, Unverified) as wrong:
            yield Flaw(where, f"it is not believed: {wrong}")
            return
        here = sealed.at_size(self._conn, self._named["log"], self._tree.generation, said.size)
        if said.size > self._tree.size:
            yield Flaw(
                where,
                f"it was signed at {counted(said.size, 'record')}; {counted(self._tree.size, 'is', 'are')} sealed here",
            )
            return
        if said.root != (here.root if here is not None else self._root(said.size)):
            yield Flaw(where, f"it has another root for the first {counted(said.size, 'record')}")
        if here is None and said.size <= self._tree.signed:
            yield Flaw(
                where, f"it was signed at {counted(said.size, 'record')}; no checkpoint of that size is kept"
            )

    def _root(self, size: int) -> Hash | None:
        """The root at a size, from the tiles, which were compared already; None if they do not make one."""
        log, generation = self._named["log"], self._tree.generation
        hashes = TileHashes(sealed.tiles(self._conn, log, generation, tiles_for([(0, size)])))
        try:
            return root_of(size, hashes)
        except MissingTile:
            return None

    def _all_checkpoints(self) -> Iterator[tuple[int, Hash, str]]:
        after = 0
        while True:
            asked = self._named | {"after": after, "limit": CHECKPOINTS_PAGE}
            page = self._conn.execute(_CHECKPOINTS, asked, binary=True).fetchall()
            yield from page
            if len(page) < CHECKPOINTS_PAGE:
                return
            after = page[-1][0]


def _first_difference(tile: Tile, made: bytes, stored: bytes) -> str:
    at = next(
        (
            at
            for at in range(0, len(made), HASH_BYTES)
            if made[at : at + HASH_BYTES] != stored[at : at + HASH_BYTES]
        ),
        0,
    )
    number = tile.number * WIDTH + at // HASH_BYTES
    if len(stored) < len(made):
        return "it is too short"
    return f"the hash of record {number + 1} is another" if tile.level == 0 else f"hash {number} is another"
