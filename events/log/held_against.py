"""An export held against what its log was once said to be: older checkpoints, and receipts for single records.

The tree as it was then must have had that root, and the record that a receipt was given for must be at its place. So
whoever rewrote history is found by anybody who kept three lines of it, whatever he can sign.
"""

from collections.abc import Sequence

from events.counted import counted
from events.log.checkpoints import Checkpoint
from events.log.exported import Head
from events.log.findings import Findings
from events.log.merkle import CompactRange, Hash, WrongProof, verify_inclusion
from events.log.verdict import Earlier
from events.log.vouching import is_of


class HeldAgainst:
    """What is compared on the way: `tree` and `leaf` while records are read, `checkpoint` at the end, then `finish`."""

    def __init__(self, earlier: Sequence[Earlier], findings: Findings) -> None:
        self._all = earlier
        self._at_size = {each.size: [one for one in earlier if one.size == each.size] for each in earlier}
        self._receipts = {each.index: [one for one in earlier if one.index == each.index] for each in earlier}
        self._findings = findings
        self._proven: set[int] = set()
        self.compared: list[int] = []

    def tree(self, tree: CompactRange) -> None:
        """The tree as it has grown so far: whoever spoke of this very size is compared with it."""
        for earlier in self._at_size.get(tree.size, ()):
            self.compared.append(earlier.size)
            if tree.root() != earlier.root:
                self._findings.found(
                    f"history was rewritten: the first {earlier.size:,} records are not those of {earlier.called}"
                )

    def leaf(self, leaf: Hash, index: int, *, position: int) -> None:
        """The record at an index, held against every receipt that there is for it."""
        for receipt in self._receipts.get(index, ()):
            self._proven.add(index)
            try:
                verify_inclusion(leaf, index, receipt.size, receipt.hashes, receipt.root)
            except WrongProof:
                self._findings.found(
                    f"this is not the record that {receipt.called} was given for", position=position
                )

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """The checkpoint that seals the export, which may be of a larger tree than there are records here."""
        for earlier in self._at_size.get(checkpoint.size, ()):
            if earlier.size not in self.compared:
                self.compared.append(earlier.size)
                if earlier.root != checkpoint.root:
                    self._findings.found(
                        f"the checkpoint contradicts {earlier.called}: it has another root at the same size"
                    )

    def finish(self, head: Head | None) -> None:
        """Says of whatever was given and could not be compared that it proves nothing."""
        for earlier in self._all:
            if head is not None and not is_of(earlier.origin, head.organisation):
                self._findings.found(f"{earlier.called} is of another log: {earlier.origin}")
            elif earlier.size not in self.compared:
                self._findings.found(
                    f"{earlier.called} is of {counted(earlier.size, 'record')}: it cannot be compared with these"
                )
            elif earlier.index is not None and earlier.index not in self._proven:
                self._findings.found(
                    f"{earlier.called} is for record {earlier.index + 1:,}, which is not here"
                )
