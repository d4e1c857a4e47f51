"""Verifying an export: recomputes everything, believes nothing, needs nothing but the file.

Every byte counts: a record is read and written again and must be the same bytes, every other line carries its own hash.
Positions run without gap, versions without gap in each stream, recorded times never go back. The leaves make the tree,
the tree's root is what the checkpoint says, the checkpoint is signed. With an older checkpoint, which somebody kept
elsewhere, the tree as it was then must have had that root: so nothing was changed since.

What is wrong is named by line, position and byte as far as it can be known, and the search goes on.
"""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias, TypedDict, Unpack

from events.log.checkpoints import Checkpoint
from events.log.export_file import Damaged, lines_of
from events.log.exported import (
    FORMAT,
    LEAVES_A_LINE,
    PIECE,
    RECORD,
    Head,
    Leaves,
    Row,
    Rows,
    Seal,
    read_piece,
)
from events.log.lines import Line, NotCanonical, moments_of, read_line
from events.log.merkle import (
    HASH_BYTES,
    CompactRange,
    Hash,
    WrongProof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from events.log.notes import NoteKey, Unverified, WrongNote, WrongNoteKey, read_note
from events.log.verdict import Earlier, Finding, Verdict
from events.log.versions import Break, Versions
from events.log.vouching import is_of, keys_of, signers

FINDINGS_MAX = 100

OnLine: TypeAlias = Callable[[bytes, Line, Hash], None]
OnRow: TypeAlias = Callable[[Rows, Row], None]


class How(TypedDict, total=False):
    """How to verify: keys that one knows, what the log was once said to be, and who else looks at what is read."""

    keys: Sequence[NoteKey]
    earlier: Sequence[Earlier]
    unsigned: bool
    on_line: OnLine | None
    on_row: OnRow | None


class Verifier:
    """Takes the lines of an export one after another, then gives its verdict."""

    def __init__(
        self,
        *,
        keys: Sequence[NoteKey] = (),
        earlier: Sequence[Earlier] = (),
        unsigned: bool = False,
        on_line: OnLine | None = None,
        on_row: OnRow | None = None,
    ) -> None:
        self._keys = keys
        self._earlier = {
            each.size: [other for other in earlier if other.size == each.size] for each in earlier
        }
        self._receipts = {each.index: each for each in earlier if each.index is not None}
        self._all_earlier = earlier
        self._compared: list[int] = []
        self._proven: set[int] = set()
        self._unsigned = unsigned
        self.on_line = on_line
        self.on_row = on_row
        self.rows: dict[str, Rows] = {}
        self._findings: list[Finding] = []
        self._more = 0
        self._number = 0
        self._head: Head | None = None
        self._seal: Seal | None = None
        self._signed_by: list[str] = []
        self._checkpoint: Checkpoint | None = None
        self._tree = CompactRange()
        self._expected = 1
        self._recorded = ""
        self._bad: set[int] = set()
        self._next_leaf = 1
        self._rows: Rows | None = None
        self._rows_left = 0
        self._open = ExitStack()
        self._leaves = self._open.enter_context(tempfile.TemporaryFile(prefix="qiledger-verify-"))  # noqa: SIM115
        self._versions: Versions | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def head(self) -> Head | None:
        """The first line, once it has been read."""
        return self._head

    def take_all(self, lines: Iterable[bytes]) -> Verdict:
        """Takes every line, each with its end, and gives the verdict."""
        for text in lines:
            self.take(text)
        return self.finish()

    def take(self, text: bytes) -> None:
        """Takes the next line, with its end."""
        self._number += 1
        if text.endswith(b"\n"):
            text = text[:-1]
        else:
            self._found("the line does not end: the file was cut off here, or its last byte is damaged")
        if self._number == 1:
            self._begin(text)
        elif text.startswith(PIECE) or self._all_records_came():
            self._piece(text)
        else:
            self._record(text)

    # The records

    def _begin(self, text: bytes) -> None:
        try:
            piece = read_piece(text)
            if not isinstance(piece, Head) or piece.format != FORMAT:
                raise NotCanonical(f"it is not the head of an export of format {FORMAT}")
            tree = CompactRange(piece.first - 1, piece.before)
            if piece.first < 1 or piece.last < piece.first - 1:
                raise NotCanonical("it names no range of positions")
        except (NotCanonical, ValueError) as wrong:
            self._found(f"the first line cannot be believed: {wrong}")
        else:
            self._head, self._tree = piece, tree
            self._expected = self._next_leaf = piece.first
        self._versions = self._open.enter_context(Versions(whole=self._expected == 1))
        self._compare_with_earlier()

    def _all_records_came(self) -> bool:
        return self._head is not None and self._tree.size >= self._head.last

    def _record(self, text: bytes) -> None:
        leaf = leaf_hash(text)
        try:
            line = read_line(text)
            moments_of(line)
        except NotCanonical as wrong:
            self._bad.add(self._expected)
            self._found(wrong.why, position=self._expected, byte=wrong.at)
        else:
            self._follows(line)
            if self.on_line is not None:
                self.on_line(text, line, leaf)
        self._tree.append(leaf)
        self._leaves.write(leaf)
        if self._tree.size - 1 in self._receipts:
            self._compare_with_receipt(leaf, self._receipts[self._tree.size - 1])
        self._expected += 1
        if self._tree.size in self._earlier:
            self._compare_with_earlier()

    def _follows(self, line: Line) -> None:
        """Whether a record may come here: this log, the next position, not recorded earlier, the next of its stream."""
        if line.position != self._expected:
            self._found(f"position {line.position} stands where {self._expected} was to come")
            self._expected = line.position
        if self._head is not None and line.organisation != self._head.organisation:
            self._found(f"it is of the log of {line.organisation}", position=line.position)
        if line.recorded < self._recorded:
            self._found("it was recorded before the record that stands before it", position=line.position)
        self._recorded = line.recorded
        assert self._versions is not None
        broken = self._versions.meet(line.stream, line.version, line.position)
        if broken is not None:
            self._found_break(broken, line=self._number)

    def _compare_with_earlier(self) -> None:
        for earlier in self._earlier.get(self._tree.size, ()):
            self._compared.append(earlier.size)
            if self._tree.root() != earlier.root:
                self._found(
                    f"history was rewritten: the first {earlier.size:,} records are not those of {earlier.called}"
                )

    def _compare_with_receipt(self, leaf: Hash, receipt: Earlier) -> None:
        assert receipt.index is not None
        self._proven.add(receipt.index)
        try:
            verify_inclusion(leaf, receipt.index, receipt.size, receipt.hashes, receipt.root)
        except WrongProof:
            self._found(
                f"this is not the record that {receipt.called} was given for", position=self._expected
            )

    # What stands behind the records

    def _piece(self, text: bytes) -> None:
        if self._seal is not None:
            self._found("something stands behind the last line")
            return
        try:
            piece = read_piece(text)
        except NotCanonical as wrong:
            what = "this line is no record" if text.startswith(RECORD) else "this line cannot be believed"
            self._found(f"{what}: {wrong}", byte=wrong.at)
            self._passed_over(text)
            return
        match piece:
            case Leaves():
                self._compare_leaves(piece)
            case Rows():
                self._begin_rows(piece)
            case Row():
                self._one_row(piece)
            case Seal():
                self._sealed(piece)
            case _:
                self._found("a second head stands here")

    def _passed_over(self, text: bytes) -> None:
        """What a damaged line would have told is taken as told, so that it is not found wrong a second time."""
        if self._rows_left:
            self._rows_left -= 1
        elif self._head is not None and self._next_leaf <= self._head.last:
            self._next_leaf += LEAVES_A_LINE

    def _compare_leaves(self, piece: Leaves) -> None:
        whole = min(LEAVES_A_LINE, self._tree.size - piece.first + 1) * HASH_BYTES
        if piece.first != self._next_leaf or len(piece.hashes) != whole:
            self._found(f"leaves of {piece.first} and on stand where those of {self._next_leaf} were to come")
            return
        before = self._head.first if self._head else 1
        self._leaves.seek((piece.first - before) * HASH_BYTES)
        computed = self._leaves.read(len(piece.hashes))
        if computed != piece.hashes:
            self._name_leaves(piece, computed, before)
        self._next_leaf = piece.first + LEAVES_A_LINE

    def _name_leaves(self, piece: Leaves, computed: bytes, before: int) -> None:
        for n in range(0, min(len(piece.hashes), len(computed)), HASH_BYTES):
            position = piece.first + n // HASH_BYTES
            if piece.hashes[n : n + HASH_BYTES] != computed[n : n + HASH_BYTES] and position not in self._bad:
                self._found(
                    "the record is not the one that its leaf was made of",
                    position=position,
                    line=position - before + 2,
                )

    def _begin_rows(self, piece: Rows) -> None:
        self._rows_end()
        if piece.projection in self.rows:
            self._found(f"the rows of {piece.projection} come twice")
        self.rows[piece.projection] = piece
        self._rows, self._rows_left = piece, piece.rows

    def _one_row(self, piece: Row) -> None:
        if self._rows is None or piece.projection != self._rows.projection or self._rows_left == 0:
            self._found(f"a row of {piece.projection} stands where none was to come")
            return
        self._rows_left -= 1
        if self.on_row is not None:
            self.on_row(self._rows, piece)

    def _rows_end(self) -> None:
        if self._rows is not None and self._rows_left:
            self._found(f"{self._rows_left} rows of {self._rows.projection} are missing")
        self._rows, self._rows_left = None, 0

    # The seal

    def _sealed(self, piece: Seal) -> None:
        self._rows_end()
        self._seal = piece
        if self._head is not None and piece.records != self._head.records:
            self._found(
                f"the last line speaks of {piece.records:,} records, the first of {self._head.records:,}"
            )
        if piece.root != self._tree.root():
            self._found("the records do not make the root that the last line names")
        if piece.checkpoint is not None:
            self._check_checkpoint(piece, piece.checkpoint)
        elif not self._unsigned:
            self._found("no checkpoint has signed this export: nothing but itself speaks for it")

    def _check_checkpoint(self, piece: Seal, written: str) -> None:
        try:
            note = read_note(written)
            checkpoint = Checkpoint.read(note.text)
            self._signed_by = signers(note, self._keys or keys_of(piece.keys), checkpoint.origin)
        except (WrongNote, WrongNoteKey, Unverified) as wrong:
            self._found(f"the checkpoint cannot be believed: {wrong}")
            return
        self._checkpoint = checkpoint
        if self._head is not None and not is_of(checkpoint.origin, self._head.organisation):
            self._found(f"the checkpoint is of the log {checkpoint.origin}")
        try:
            verify_consistency(
                self._tree.size, checkpoint.size, piece.consistency, self._tree.root(), checkpoint.root
            )
        except WrongProof:
            self._found(f"the records are not those of the checkpoint over {checkpoint.size:,} records")
        for earlier in self._earlier.get(checkpoint.size, ()):
            if earlier.size not in self._compared:
                self._compared.append(earlier.size)
                if earlier.root != checkpoint.root:
                    self._found(
                        f"the checkpoint contradicts {earlier.called}: it has another root at the same size"
                    )

    # The verdict

    def damaged(self, why: str) -> None:
        """Notes that the file could not be read any further."""
        self._found(f"the file cannot be read beyond here: {why}")

    def finish(self) -> Verdict:
        """The verdict, once the last line is taken."""
        if self._versions is not None:
            for broken in self._versions.breaks():
                self._found_break(broken)
        self._whole()
        seal, checkpoint = self._seal, self._checkpoint
        head = self._head
        return Verdict(
            organisation=head.organisation if head else "",
            first=head.first if head else 1,
            last=self._tree.size,
            records=self._tree.size + 1 - (head.first if head else 1),
            root=self._tree.root().hex(),
            streams_whole=head is not None and head.first == 1,
            origin=checkpoint.origin if checkpoint else None,
            checkpoint_size=checkpoint.size if checkpoint else None,
            signed_by=self._signed_by,
            key_was_given=bool(self._keys) and seal is not None,
            earlier=self._compared,
            rows={name: rows.rows for name, rows in self.rows.items()},
            head=head,
            findings=self._findings,
            findings_more=self._more,
        )

    def _whole(self) -> None:
        if self._number == 0:
            self._found("the file is empty")
            return
        if self._head is not None and self._tree.size < self._head.last:
            self._found(
                f"records {self._expected:,} to {self._head.last:,} are missing", position=self._expected
            )
        if self._next_leaf <= self._tree.size and self._seal is not None:
            self._found(f"the leaves of {self._next_leaf:,} and on are missing", position=self._next_leaf)
        if self._seal is None and not any(finding.line == self._number for finding in self._findings):
            self._found("the last line, with root and checkpoint, is missing: the export was not finished")
        self._rows_end()
        for earlier in self._all_earlier:
            if self._head is not None and not is_of(earlier.origin, self._head.organisation):
                self._found(f"{earlier.called} is of another log: {earlier.origin}")
            elif earlier.size not in self._compared:
                self._found(
                    f"{earlier.called} is of {earlier.size:,} records: it cannot be compared with these"
                )
            elif earlier.index is not None and earlier.index not in self._proven:
                self._found(f"{earlier.called} is for record {earlier.index + 1:,}, which is not here")

    def _found_break(self, broken: Break, *, line: int | None = None) -> None:
        self._found(
            f"version {broken.found} of {broken.stream} stands where {broken.expected} was to come",
            position=broken.position,
            line=line or broken.position - (self._head.first if self._head else 1) + 2,
        )

    def _found(
        self, says: str, *, position: int | None = None, byte: int | None = None, line: int | None = None
    ) -> None:
        if len(self._findings) >= FINDINGS_MAX:
            self._more += 1
            return
        self._findings.append(
            Finding(says=says, line=line or self._number or None, position=position, byte=byte)
        )


def verify_file(path: Path, **how: Unpack[How]) -> Verdict:
    """Verifies an export file, whole."""
    with Verifier(**how) as verifier:
        try:
            return verifier.take_all(lines_of(path))
        except Damaged as wrong:
            verifier.damaged(str(wrong))
            return verifier.finish()
