"""What verifying an export found, in plain data."""

import msgspec

from events.log.exported import Head
from events.log.merkle import Hash


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is wrong, and where: line of the file from 1, position in the log, byte of the line from 0."""

    says: str
    line: int | None = None
    position: int | None = None
    byte: int | None = None

    @property
    def where(self) -> str:
        """The place, as far as it is known, as words."""
        places = {"line": self.line, "record": self.position, "byte": self.byte}
        return ", ".join(f"{name} {number:,}" for name, number in places.items() if number is not None)

    def __str__(self) -> str:
        return f"{self.where}: {self.says}" if self.where else self.says


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """What the log was once said to be: an older checkpoint; a receipt also says which record is at `index` of it."""

    size: int
    root: Hash
    origin: str
    called: str = "the older checkpoint"
    index: int | None = None
    hashes: tuple[Hash, ...] = ()


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was recomputed, who signed it, and what is wrong."""

    organisation: str
    first: int
    last: int
    records: int
    root: str
    streams_whole: bool
    origin: str | None
    checkpoint_size: int | None
    signed_by: list[str]
    key_was_given: bool
    earlier: list[int]
    rows: dict[str, int]
    head: Head | None
    findings: list[Finding]
    findings_more: int

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings
