"""The sealer: grows a log's Merkle tree by its new records, and signs a checkpoint over it.

It signs no tree that does not begin with the last one it signed, and no record whose bytes are not what was kept. Where
it finds otherwise (a rewritten table, a restored backup, a tile that was touched) it refuses: the refusal is kept, and
nothing more of that log is signed until an operator has decided.

Steps, and what a crash after each leaves:

1. Some pages of records are hashed; tiles, compact range and size are written in one transaction, fenced by the epoch.
   *The tree is larger than the newest checkpoint. The next sealer goes on from there.*
2. Consistency of the whole new tree with the last checkpoint is proven from the stored tiles; the checkpoint is signed,
   and kept outside Postgres where there is a directory for it. *Nobody has seen it. The next sealer proves its own tree
   against that one too, and signs it or a larger one.*
3. The checkpoint is inserted, fenced again. *It is served from the commit on.*
"""

import time
from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg
import structlog

from events.counted import counted
from events.log import checkpoints, lines, refusals, sealed
from events.log.checkpoints import Checkpoint
from events.log.merkle import (
    CompactRange,
    Hash,
    WrongProof,
    consistency_proof,
    consistency_spans,
    leaf_hash,
    verify_consistency,
)
from events.log.naming import wrong_name
from events.log.notes import Unverified, WrongNote
from events.log.read import FOR_ORGANISATION, HEAD, PAGE, record_of
from events.log.record import Record
from events.log.sealing_key import Remembered, Signer
from events.log.tiles import WIDTH, Growth, MissingTile, Tile, TileHashes, edge_of, tiles_for

PAGE_RECORDS = 4 * WIDTH  # of at most 64 KiB each; a typical one has 500 bytes
PAGES_A_COMMIT = 8
SIGNED_EVERY = 256 * WIDTH  # records of a backlog between two checkpoints
LEASE_S = 5  # several commits; a sealer that was killed is waited for so long

log = structlog.get_logger(__name__)


class Held(Exception):
    """Somebody else seals this log now."""


class Fenced(RuntimeError):
    """Somebody else has claimed this log since: what was done here is rolled back."""


class Refused(Exception):
    """The sealer will not sign; the message says why."""


_BEGIN = """
    INSERT INTO proof.logs (organisation, origin)
    VALUES (%(log)s, %(origin)s)
        ON CONFLICT (organisation) DO NOTHING
"""
_CLAIM = """
    UPDATE proof.logs
       SET epoch = epoch + 1,
           holder = current_setting('application_name') || ' ' || pg_backend_pid(),
           lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
     WHERE organisation = %(log)s
       AND (lease_until IS NULL OR lease_until < clock_timestamp())
    RETURNING epoch, generation, origin, size, signed, hashes
"""
_RELEASE = """
    UPDATE proof.logs
       SET holder = NULL, lease_until = NULL
     WHERE organisation = %(log)s AND epoch = %(epoch)s
"""
_GROW = """
    UPDATE proof.logs
       SET size = %(size)s, hashes = %(hashes)s,
           lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
     WHERE organisation = %(log)s AND generation = %(generation)s AND epoch = %(epoch)s AND size = %(before)s
"""
_TILES = """
    INSERT INTO proof.tiles AS t (organisation, generation, level, tile, hashes)
    SELECT %(log)s, %(generation)s, grown.level, grown.tile, grown.hashes
      FROM unnest(%(levels)s::smallint[], %(numbers)s::bigint[], %(contents)s::bytea[]) AS grown (level, tile, hashes)
        ON CONFLICT (organisation, generation, level, tile) DO UPDATE SET hashes = excluded.hashes
"""
_SIGNED = """
    UPDATE proof.logs
       SET signed = %(size)s,
           lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
     WHERE organisation = %(log)s AND generation = %(generation)s AND epoch = %(epoch)s AND size = %(size)s
"""
_CHECKPOINT = """
    INSERT INTO proof.checkpoints (organisation, generation, size, root, note)
    VALUES (%(log)s, %(generation)s, %(size)s, %(root)s, %(note)s)
"""
_KEY = """
    INSERT INTO proof.keys (organisation, generation, vkey, first_size)
    VALUES (%(log)s, %(generation)s, %(vkey)s, %(size)s)
        ON CONFLICT (organisation, generation, vkey) DO NOTHING
"""
_OPEN_REFUSAL = "SELECT reason FROM proof.refusals WHERE organisation = %(log)s AND decided_at IS NULL"
DUE = """
    SELECT h.organisation, coalesce(l.signed, 0) AS signed
      FROM log.heads AS h
      LEFT JOIN proof.logs AS l ON l.organisation = h.organisation
     WHERE h.position <> coalesce(l.signed, 0)
       AND NOT EXISTS (SELECT FROM proof.refusals AS r
                        WHERE r.organisation = h.organisation AND r.decided_at IS NULL)
     ORDER BY h.organisation
     LIMIT 10000
"""


class _Claim(msgspec.Struct):
    """The right to grow a log's tree, from a size on."""

    log: str
    epoch: int
    generation: int
    origin: str
    size: int
    signed: int
    hashes: list[bytes]

    def known(self, **more: Any) -> dict[str, Any]:
        """Parameters that name this claim, and others."""
        named = {"log": self.log, "epoch": self.epoch, "generation": self.generation, "lease_s": LEASE_S}
        return named | more


def due(conn: psycopg.Connection[Any]) -> dict[str, int]:
    """The logs whose head is not signed, and the size at which each was last signed. None that a refusal stands on."""
    return dict(conn.execute(DUE).fetchall())


def seal(conn: psycopg.Connection[Any], log_name: str, signer: Signer, *, deadline: float) -> bool:
    """Seals what is new in a log until a moment of `time.monotonic()`. Returns whether all of it is signed.

    `conn` commits each statement and has the workers' role. A refusal is kept, said in the log, and answered by False,
    as is a log that somebody else seals, or that a refusal stands on.
    """
    if conn.execute(_OPEN_REFUSAL, {"log": log_name}).fetchone() is not None:
        return False
    try:
        claim = _take(conn, log_name, signer)
    except Held:
        return False
    try:
        return _seal(conn, claim, signer, deadline)
    except Fenced:
        return False
    except (Refused, MissingTile) as refused:
        _keep(conn, claim, str(refused))
        return False
    finally:
        if not conn.closed and not conn.broken:
            conn.execute(_RELEASE, claim.known())


def _keep(conn: psycopg.Connection[Any], claim: _Claim, reason: str) -> None:
    refusals.refuse(conn, claim.log, claim.generation, reason)
    log.error("refused to sign", log=claim.log, size=claim.size, signed=claim.signed, reason=reason)


def _take(conn: psycopg.Connection[Any], log_name: str, signer: Signer) -> _Claim:
    conn.execute(_BEGIN, {"log": log_name, "origin": signer.origin(log_name)})
    row = conn.execute(_CLAIM, {"log": log_name, "lease_s": LEASE_S}, binary=True).fetchone()
    if row is None:
        raise Held
    return _Claim(log_name, *row)


def _seal(conn: psycopg.Connection[Any], claim: _Claim, signer: Signer, deadline: float) -> bool:
    anchors = _anchors(conn, claim, signer)
    growth = _growth(conn, claim)
    while True:
        head = _head(conn, claim)
        if head < claim.size:
            raise Refused(
                f"the log has {counted(head, 'record')}; {counted(claim.size, 'was', 'were')} sealed"
            )
        while claim.size < head and claim.size - claim.signed < SIGNED_EVERY and time.monotonic() < deadline:
            _grow(conn, claim, growth, head)
        if claim.size > claim.signed:
            anchors = [_sign(conn, claim, signer, anchors)]
        if claim.size >= head or time.monotonic() >= deadline:
            return claim.size >= head


def _anchors(conn: psycopg.Connection[Any], claim: _Claim, signer: Signer) -> list[Checkpoint]:
    """What was signed last, here and outside: every later tree has to begin with it. Raises Refused."""
    if (wrong := wrong_name(conn, claim.log, claim.generation, claim.origin, signer)) is not None:
        raise Refused(wrong)
    anchors = []
    last = sealed.newest(conn, claim.log, claim.generation)
    if claim.signed != (0 if last is None else last.size):
        raise Refused(f"the checkpoint at size {claim.signed} is not the newest that is kept")
    if last is not None:
        checkpoint = _believed(last.note, claim, signer, "the last checkpoint")
        if (checkpoint.size, checkpoint.root) != (last.size, last.root):
            raise Refused("the last checkpoint is not what it is filed as")
        anchors.append(checkpoint)
    if signer.directory is not None:
        outside = Remembered(signer.directory).read(claim.origin)
        if outside is not None:
            anchors.append(_believed(outside, claim, signer, f"the checkpoint kept in {signer.directory}"))
    return anchors


def _believed(note: str, claim: _Claim, signer: Signer, which: str) -> Checkpoint:
    try:
        return checkpoints.verify(note, signer.known(claim.origin), origin=claim.origin)[0]
    except (WrongNote, Unverified) as wrong:
        raise Refused(f"{which} is not believed: {wrong}") from None


def _growth(conn: psycopg.Connection[Any], claim: _Claim) -> Growth:
    """The right edge of the tree, from the stored tiles; it has to be the tree of the stored compact range."""
    growth = Growth(claim.size, sealed.tiles(conn, claim.log, claim.generation, edge_of(claim.size)))
    if growth.hashes() != claim.hashes:
        raise Refused(f"the tiles at the edge are not those of the tree of {claim.size}")
    return growth


def _head(conn: psycopg.Connection[Any], claim: _Claim) -> int:
    row = conn.execute(HEAD, {"organisation": claim.log}).fetchone()
    return 0 if row is None else int(row[0])


def _grow(conn: psycopg.Connection[Any], claim: _Claim, growth: Growth, head: int) -> None:
    """Some pages of records, each to the next edge of a tile, in one commit. Raises Refused, Fenced."""
    before = claim.size
    with conn.transaction():
        conn.execute(FOR_ORGANISATION, (claim.log,))
        for _ in range(PAGES_A_COMMIT):
            if growth.size < head:
                growth.extend(_page(conn, claim.log, growth.size, head))
        tiles = growth.grown()
        size, hashes = growth.size, growth.hashes()
        if conn.execute(_GROW, claim.known(size=size, hashes=hashes, before=before)).rowcount != 1:
            raise Fenced
        conn.execute(_TILES, claim.known(**_columns(tiles)), binary=True)
    claim.size, claim.hashes = size, hashes


def _page(conn: psycopg.Connection[Any], log_name: str, before: int, head: int) -> list[Hash]:
    limit = min(PAGE_RECORDS - before % WIDTH, head - before)
    asked = {"organisation": log_name, "after": before, "until": head, "limit": limit}
    return _leaves(log_name, before, limit, _records(conn, asked))


def _records(conn: psycopg.Connection[Any], asked: dict[str, Any]) -> list[Record]:
    try:
        return [record_of(row) for row in conn.execute(PAGE, asked, binary=True)]
    except (psycopg.DataError, ValueError) as wrong:  # a moment beyond all calendars, a text that is none
        raise Refused(f"a record after {asked['after']} cannot be read: {type(wrong).__name__}") from None


def _leaves(name: str, before: int, expected: int, records: Sequence[Record]) -> list[Hash]:
    """The leaves of a page, each made anew from the record's own bytes. Raises Refused for one that is not as kept."""
    leaves = []
    for position, record in enumerate(records, before + 1):
        if record.position != position:
            break
        leaf = leaf_hash(lines.canonical(record))
        if leaf != record.leaf or not record.begins_where_known:
            raise Refused(f"record {position} of {name} is not what was kept")
        leaves.append(leaf)
    if len(leaves) != expected:
        raise Refused(f"record {before + len(leaves) + 1} of {name} is missing")
    return leaves


def _columns(tiles: dict[Tile, bytes]) -> dict[str, Any]:
    return {
        "levels": [tile.level for tile in tiles],
        "numbers": [tile.number for tile in tiles],
        "contents": list(tiles.values()),
    }


def _sign(
    conn: psycopg.Connection[Any], claim: _Claim, signer: Signer, anchors: Sequence[Checkpoint]
) -> Checkpoint:
    """Signs the tree as it stands, once it is proven to begin with what was signed before. Raises Refused, Fenced."""
    root = CompactRange(claim.size, claim.hashes).root()
    for anchor in anchors:
        _prove(conn, claim, anchor, root)
    key = signer.key.named(claim.origin)
    checkpoint = Checkpoint(claim.origin, claim.size, root)
    note = checkpoints.sign(checkpoint, [key]).write()
    if signer.directory is not None:
        Remembered(signer.directory).write(claim.origin, note)
    with conn.transaction():
        if conn.execute(_SIGNED, claim.known(size=claim.size)).rowcount != 1:
            raise Fenced
        conn.execute(_CHECKPOINT, claim.known(size=claim.size, root=root, note=note))
        conn.execute(_KEY, claim.known(size=claim.size, vkey=key.public.write()))
    claim.signed = claim.size
    return checkpoint


def _prove(conn: psycopg.Connection[Any], claim: _Claim, anchor: Checkpoint, root: Hash) -> None:
    """That the tree begins with an earlier one, from the tiles as they are stored."""
    if anchor.size > claim.size:
        raise Refused(
            f"a checkpoint was signed at size {anchor.size}; the log has {counted(claim.size, 'record')}"
        )
    wanted = tiles_for([*consistency_spans(anchor.size, claim.size), (0, claim.size), (0, anchor.size)])
    hashes = TileHashes(sealed.tiles(conn, claim.log, claim.generation, wanted))
    proof = consistency_proof(anchor.size, claim.size, hashes)
    try:
        verify_consistency(anchor.size, claim.size, proof, anchor.root, root)
    except WrongProof as wrong:
        raise Refused(f"the log is not the one that was signed at size {anchor.size}: {wrong}") from None
