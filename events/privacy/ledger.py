"""The ledger of erasures: whose key was destroyed, in a file outside the database, which no restore winds back.

Whoever restores a backup applies it (`erasing.reapply`). And every process that knows where it is heeds it (`heed`): a
key that the ledger says was destroyed is not used by it, whatever an old database holds.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec


class Erasure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the ledger: whose key, which, when it was destroyed, and on which grounds."""

    organisation: str
    person: str
    key: str
    at: str
    grounds: str | None = None


class DamagedLedger(ValueError):
    """A line of the ledger cannot be understood, and until it is mended no key is used. The message says where."""


class Ledger:
    """The file: one line an erasure, only ever added to."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def add(self, *erasures: Erasure) -> None:
        """Writes lines, durably. Behind half a line, which a crash left, they begin a new one."""
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            lines = b"".join(msgspec.json.encode(erasure) + b"\n" for erasure in erasures)
            with os.fdopen(os.dup(descriptor), "ab") as opened:
                opened.write(b"\n" + lines if torn else lines)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        directory = os.open(self.file.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def erasures(self) -> Iterator[Erasure]:
        """Every erasure; none if there is no file yet. Raises DamagedLedger.

        Half a line at the end, or one that was half when the next was written, is of an erasure that never was: its
        key is destroyed only once its line is on the disk.
        """
        if not self.file.exists():
            return
        with self.file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip() and not _is_torn(line):
                    yield self._read(line, number)

    def _read(self, line: bytes, number: int) -> Erasure:
        try:
            return msgspec.json.decode(line, type=Erasure)
        except msgspec.DecodeError:
            raise DamagedLedger(
                f"Line {number} of the ledger of erasures at {self.file} is no erasure: mend it from a copy."
            ) from None


def _is_torn(line: bytes) -> bool:
    return not line.rstrip().endswith(b"}")


class _Heeded:
    """What a ledger says, read again when the file has changed."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._state: tuple[int, int] | None = None
        self._erased: frozenset[tuple[str, str]] = frozenset()

    def has(self, organisation: str, person: str) -> bool:
        try:
            stat = self._ledger.file.stat()
        except FileNotFoundError:
            return False
        if self._state != (stat.st_mtime_ns, stat.st_size):
            self._erased = frozenset((one.organisation, one.person) for one in self._ledger.erasures())
            self._state = (stat.st_mtime_ns, stat.st_size)
        return (organisation, person) in self._erased


_heeded: _Heeded | None = None


def heed(ledger: Ledger | None) -> None:
    """Says, once at the start of a process, which ledger to heed; None for none."""
    global _heeded
    _heeded = None if ledger is None else _Heeded(ledger)


def is_erased(organisation: str, person: str) -> bool:
    """Whether the ledger that is heeded says that the key of this person was destroyed.

    Raises OSError, DamagedLedger for a ledger that cannot be read: then no key is used at all.
    """
    return _heeded is not None and _heeded.has(organisation, person)
