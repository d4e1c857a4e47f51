"""What is said, frame by frame, between a process that writes (`beside.py`) and those that fold (`fold_beside.py`).

First a `Work`; then a `Task` (`making.py`), answered by an `Answer`, again and again. Either side ends at the end of
what it is told.
"""

from datetime import datetime
from typing import IO

import msgspec

from projections.engine.making import Making

LENGTH_BYTES = 8


class Work(msgspec.Struct, frozen=True):
    """What a process is told first: whose log it reads, how far, as whom, and for which projections it folds."""

    database: dict[str, str]  # parameters of libpq, the password among them
    role: str
    organisation: str
    projections: list[str]
    until: int
    occurred_until: datetime | None


class Answer(msgspec.Struct, frozen=True):
    """What a task has made, or why nothing."""

    making: Making | None = None
    failure: str | None = None


def write_frame(pipe: IO[bytes], message: bytes) -> None:
    """One message: its length, and itself."""
    pipe.write(len(message).to_bytes(LENGTH_BYTES))
    pipe.write(message)
    pipe.flush()


def read_frame(pipe: IO[bytes]) -> bytes | None:
    """The next message, or None at the end of all, or of the process, in the middle of one too."""
    length = int.from_bytes(pipe.read(LENGTH_BYTES))
    message = pipe.read(length)
    return message if message and len(message) == length else None
