"""The records of an export, met one after another: is each written as records are, may it come here, what do they make.

Positions run without gap, versions without gap in each stream, recorded times never go back. The leaf of each waits in
a temporary file until the leaves that the export names come, so that a record that was damaged is known by its name.
"""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self, TypeAlias

from events.log.exported import LEAVES_A_LINE, Head, Leaves
from events.log.findings import Findings
from events.log.held_against import HeldAgainst
from events.log.lines import Line, NotCanonical, is_written_as_bodies_are, moments_of, read_line
from events.log.merkle import HASH_BYTES, CompactRange, Hash, leaf_hash
from events.log.versions import Break, Versions

OnLine: TypeAlias = Callable[[bytes, Line, Hash], None]


class RecordsMet:
    """Meets the records behind a head: `begin`, `meet` for each, `compare` for the leaves, `finish`."""

    def __init__(self, findings: Findings, held: HeldAgainst) -> None:
        self._findings = findings
        self._held = held
        self._organisation: str | None = None
        self._before = 1  # the position of the first
        self._recorded = ""
        self._bad: set[int] = set()
        self._next_leaf = 1
        self._open = ExitStack()
        self._leaves = self._open.enter_context(tempfile.TemporaryFile(prefix="qiledger-verify-"))  # noqa: SIM115
        self._versions: Versions | None = None
        self.tree = CompactRange()
        self.expected = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def begin(self, head: Head | None) -> None:
        """The records of this head come next; None if the head cannot be believed. Raises ValueError for no tree."""
        if head is not None:
            self.tree = CompactRange(head.first - 1, head.before)
            self._organisation = head.organisation
            self._before = self.expected = self._next_leaf = head.first
        self._versions = self._open.enter_context(Versions(whole=self.expected == 1))
        self._held.tree(self.tree)

    def meet(self, text: bytes, on_line: OnLine | None) -> None:
        """Takes the line of the next record."""
        leaf = leaf_hash(text)
        try:
            line = read_line(text)
            moments_of(line)
        except NotCanonical as wrong:
            self._bad.add(self.expected)
            self._findings.found(wrong.why, position=self.expected, byte=wrong.at)
        else:
            self._follows(line)
            if on_line is not None:
                on_line(text, line, leaf)
        self.tree.append(leaf)
        self._leaves.write(leaf)
        self._held.leaf(leaf, self.tree.size - 1, position=self.expected)
        self.expected += 1
        self._held.tree(self.tree)

    def _follows(self, line: Line) -> None:
        """Whether a record may come here: this log, the next position, not recorded earlier, the next of its stream."""
        found = self._findings.found
        if line.position != self.expected:
            found(f"position {line.position} stands where {self.expected} was to come")
            self.expected = line.position
        if self._organisation is not None and line.organisation != self._organisation:
            found(f"it is of the log of {line.organisation}", position=line.position)
        if line.recorded < self._recorded:
            found("it was recorded before the record that stands before it", position=line.position)
        self._recorded = line.recorded
        if not is_written_as_bodies_are(bytes(line.body)):
            found(
                "its body is not written as the door writes them: a member twice, or a value in another dress",
                position=line.position,
            )
        assert self._versions is not None
        broken = self._versions.meet(line.stream, line.version, line.position)
        if broken is not None:
            self._found_break(broken, line=self._findings.line)

    def compare(self, piece: Leaves) -> None:
        """Holds the leaves that the export names against those that were made of its records."""
        whole = min(LEAVES_A_LINE, self.tree.size - piece.first + 1) * HASH_BYTES
        if piece.first != self._next_leaf or len(piece.hashes) != whole:
            self._findings.found(
                f"leaves of {piece.first} and on stand where those of {self._next_leaf} were to come"
            )
            return
        self._leaves.seek((piece.first - self._before) * HASH_BYTES)
        computed = self._leaves.read(len(piece.hashes))
        if computed != piece.hashes:
            self._name(piece, computed)
        self._next_leaf = piece.first + LEAVES_A_LINE

    def _name(self, piece: Leaves, computed: bytes) -> None:
        for n in range(0, min(len(piece.hashes), len(computed)), HASH_BYTES):
            position = piece.first + n // HASH_BYTES
            if piece.hashes[n : n + HASH_BYTES] != computed[n : n + HASH_BYTES] and position not in self._bad:
                self._findings.found(
                    "the record is not the one that its leaf was made of",
                    position=position,
                    line=self._line_of(position),
                )

    def pass_over_leaves(self) -> None:
        """A damaged line of leaves is taken as told, so that it is not found wrong a second time."""
        self._next_leaf += LEAVES_A_LINE

    @property
    def leaves_left(self) -> bool:
        """Whether leaves are still to come."""
        return self._next_leaf <= self.tree.size

    def finish(self, head: Head | None, *, sealed: bool) -> None:
        """What is found out only at the end: streams with gaps, records and leaves that never came."""
        if self._versions is not None:
            for broken in self._versions.breaks():
                self._found_break(broken)
        if head is not None and self.tree.size < head.last:
            self._findings.found(
                f"records {self.expected:,} to {head.last:,} are missing", position=self.expected
            )
        if self.leaves_left and sealed:
            self._findings.found(
                f"the leaves of {self._next_leaf:,} and on are missing", position=self._next_leaf
            )

    def _found_break(self, broken: Break, *, line: int | None = None) -> None:
        self._findings.found(
            f"version {broken.found} of {broken.stream} stands where {broken.expected} was to come",
            position=broken.position,
            line=line or self._line_of(broken.position),
        )

    def _line_of(self, position: int) -> int:
        return position - self._before + 2
