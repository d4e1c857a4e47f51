"""Verifying an export: recomputes everything, believes nothing, needs nothing but the file.

Every byte counts: a record is read and written again and must be the same bytes, every other line carries its own hash.
The records are met in `records_met.py`, and held against what somebody kept elsewhere in `held_against.py`. Here are
the lines around them: the head, the rows that readers were shown, and the seal. The leaves make the tree, its root is
what the checkpoint says, the checkpoint is signed.

What is wrong is named by line, position and byte as far as it can be known, and the search goes on.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias, TypedDict, Unpack

from events.counted import counted
from events.log.checkpoints import Checkpoint
from events.log.export_file import Damaged, lines_of
from events.log.exported import FORMAT, PIECE, RECORD, Head, Leaves, Row, Rows, Seal, read_piece
from events.log.findings import Findings
from events.log.held_against import HeldAgainst
from events.log.lines import NotCanonical, is_written_as_bodies_are
from events.log.merkle import CompactRange, WrongProof, verify_consistency
from events.log.notes import NoteKey, Unverified, WrongNote, WrongNoteKey, read_note
from events.log.records_met import OnLine, RecordsMet
from events.log.verdict import Earlier, Verdict
from events.log.vouching import is_of, keys_of, signers

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
        self._unsigned = unsigned
        self._findings = Findings()
        self._held = HeldAgainst(earlier, self._findings)
        self._records = RecordsMet(self._findings, self._held)
        self.on_line = on_line
        self.on_row = on_row
        self.rows: dict[str, Rows] = {}
        self._rows: Rows | None = None
        self._rows_left = 0
        self._head: Head | None = None
        self._seal: Seal | None = None
        self._signed_by: list[str] = []
        self._checkpoint: Checkpoint | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._records.__exit__(kind, error, trace)

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
        self._findings.line += 1
        if text.endswith(b"\n"):
            text = text[:-1]
        else:
            self._found("the line does not end: the file was cut off here, or its last byte is damaged")
        if self._findings.line == 1 and text.endswith(b"\r"):
            self._found(
                "it ends as lines do in Windows: take a copy through which no program rewrote line ends"
            )
        if self._findings.line == 1:
            self._begin(text)
        elif text.startswith(PIECE) or self._all_records_came():
            self._piece(text)
        else:
            self._records.meet(text, self.on_line)

    def _begin(self, text: bytes) -> None:
        try:
            piece = read_piece(text)
            if not isinstance(piece, Head) or piece.format != FORMAT:
                raise NotCanonical(f"it is not the head of an export of format {FORMAT}")
            CompactRange(piece.first - 1, piece.before)
            if piece.first < 1 or piece.last < piece.first - 1:
                raise NotCanonical("it names no range of positions")
        except (NotCanonical, ValueError) as wrong:
            self._found(f"the first line cannot be believed: {wrong}")
        else:
            self._head = piece
        self._records.begin(self._head)

    def _all_records_came(self) -> bool:
        return self._head is not None and self._records.tree.size >= self._head.last

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
            self._pass_over()
            return
        match piece:
            case Leaves():
                self._records.compare(piece)
            case Rows():
                self._begin_rows(piece)
            case Row():
                self._one_row(piece)
            case Seal():
                self._sealed(piece)
            case _:
                self._found("a second head stands here")

    def _pass_over(self) -> None:
        """What a damaged line would have told is taken as told, so that it is not found wrong a second time."""
        if self._rows_left:
            self._rows_left -= 1
        elif self._head is not None and self._records.leaves_left:
            self._records.pass_over_leaves()

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
        if not is_written_as_bodies_are(bytes(piece.row)):
            self._found(f"a row of {piece.projection} is not written as rows are: a member twice, perhaps")
        if self.on_row is not None:
            self.on_row(self._rows, piece)

    def _rows_end(self) -> None:
        if self._rows is not None and self._rows_left:
            self._found(
                f"of {self._rows.projection} {counted(self._rows_left, 'row is', 'rows are')} missing"
            )
        self._rows, self._rows_left = None, 0

    # The seal

    def _sealed(self, piece: Seal) -> None:
        self._rows_end()
        self._seal = piece
        if self._head is not None and piece.records != self._head.records:
            self._found(
                f"the last line speaks of {counted(piece.records, 'record')}, the first of {self._head.records:,}"
            )
        if piece.root != self._records.tree.root():
            self._found("the records do not make the root that the last line names")
        if piece.checkpoint is not None:
            self._check_checkpoint(piece, piece.checkpoint)
        elif not self._unsigned:
            self._found("no checkpoint has signed this export: nothing but itself speaks for it")

    def _check_checkpoint(self, piece: Seal, written: str) -> None:
        tree = self._records.tree
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
            verify_consistency(tree.size, checkpoint.size, piece.consistency, tree.root(), checkpoint.root)
        except WrongProof:
            self._found(
                f"the records are not those of the checkpoint over {counted(checkpoint.size, 'record')}"
            )
        self._held.checkpoint(checkpoint)

    # The verdict

    def damaged(self, why: str) -> None:
        """Notes that the file could not be read any further."""
        self._found(f"the file cannot be read beyond here: {why}")

    def finish(self) -> Verdict:
        """The verdict, once the last line is taken."""
        self._whole()
        seal, checkpoint, head, tree = self._seal, self._checkpoint, self._head, self._records.tree
        return Verdict(
            organisation=head.organisation if head else "",
            first=head.first if head else 1,
            last=tree.size,
            records=tree.size + 1 - (head.first if head else 1),
            root=tree.root().hex(),
            streams_whole=head is not None and head.first == 1,
            origin=checkpoint.origin if checkpoint else None,
            checkpoint_size=checkpoint.size if checkpoint else None,
            signed_by=self._signed_by,
            key_was_given=bool(self._keys) and seal is not None,
            earlier=self._held.compared,
            rows={name: rows.rows for name, rows in self.rows.items()},
            head=head,
            findings=self._findings.named,
            findings_more=self._findings.more,
        )

    def _whole(self) -> None:
        if self._findings.line == 0:
            self._found("the file is empty")
            return
        self._records.finish(self._head, sealed=self._seal is not None)
        if self._seal is None and not self._findings.on_this_line:
            self._found("the last line, with root and checkpoint, is missing: the export was not finished")
        self._rows_end()
        self._held.finish(self._head)

    def _found(self, says: str, *, byte: int | None = None) -> None:
        self._findings.found(says, byte=byte)


def verify_file(path: Path, **how: Unpack[How]) -> Verdict:
    """Verifies an export file, whole."""
    with Verifier(**how) as verifier:
        try:
            return verifier.take_all(lines_of(path))
        except Damaged as wrong:
            verifier.damaged(str(wrong))
            return verifier.finish()
