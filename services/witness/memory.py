"""What a witness knows: which logs it may co-sign for, by which keys, and the last checkpoint of each.

A directory with files that a person can read: `key`, `logs` (public keys, one a line), and under `seen/` the last note
of each log. What was seen is on the disk before anybody is told that it was co-signed.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from events.log.checkpoints import Checkpoint
from events.log.notes import COSIGNED, NoteKey, SigningKey, WrongNote, WrongNoteKey, read_note
from events.log.sealing_key import Remembered

KEY, LOGS, SEEN, CLAIM = "key", "logs", "seen", "claim"


class NoWitness(Exception):
    """The directory holds no witness, or another process has it; the message says which."""


class Memory:
    """One witness's directory, held by one process at a time."""

    def __init__(self, directory: Path, key: SigningKey, logs: dict[str, list[NoteKey]]) -> None:
        self.directory = directory
        self.key = key
        self._logs = logs
        self._seen = Remembered(directory / SEEN)

    def keys_of(self, origin: str) -> list[NoteKey] | None:
        """The keys that may sign for a log; None for a log that is not known."""
        return self._logs.get(origin)

    @property
    def origins(self) -> list[str]:
        """The logs it co-signs for."""
        return sorted(self._logs)

    def seen(self, origin: str) -> Checkpoint | None:
        """The last checkpoint of a log that was co-signed. Raises WrongNote if the file is damaged."""
        note = self._seen.read(origin)
        return None if note is None else Checkpoint.read(read_note(note).text)

    def note(self, origin: str, note: str) -> None:
        """Keeps a checkpoint; it is on the disk when this returns."""
        self._seen.write(origin, note)


def make(directory: Path, name: str, logs: list[NoteKey]) -> SigningKey:
    """A new witness. Raises FileExistsError if the directory has one."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = SigningKey.make(name, COSIGNED)
    descriptor = os.open(directory / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(f"{key.write()}\n")
        opened.flush()
        os.fsync(opened.fileno())
    (directory / LOGS).touch(mode=0o600)
    trust(directory, logs)
    return key


def trust(directory: Path, logs: list[NoteKey]) -> None:
    """Adds keys of logs. A key is known by its name, which is its log's."""
    known = known_logs(directory)
    fresh = [key for key in logs if key not in known.get(key.name, [])]
    with (directory / LOGS).open("a", encoding="utf-8") as opened:
        opened.writelines(f"{key.write()}\n" for key in fresh)


def known_logs(directory: Path) -> dict[str, list[NoteKey]]:
    """The keys of each log. Raises NoWitness."""
    found: dict[str, list[NoteKey]] = {}
    try:
        for line in (directory / LOGS).read_text(encoding="utf-8").splitlines():
            if line.strip():
                key = NoteKey.read(line)
                found.setdefault(key.name, []).append(key)
    except (OSError, WrongNoteKey) as wrong:
        raise NoWitness(f"{directory / LOGS} cannot be read: {wrong}") from None
    return found


def remembered(directory: Path) -> Memory:
    """What the witness of a directory knows. Raises NoWitness."""
    try:
        key = SigningKey.read((directory / KEY).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, WrongNoteKey):
        raise NoWitness(f"{directory} holds no witness: qiledger witness init") from None
    if key.public.kind != COSIGNED:
        raise NoWitness(f"the key in {directory} is not a witness's")
    memory = Memory(directory, key, known_logs(directory))
    for origin in memory.origins:
        try:
            memory.seen(origin)
        except WrongNote as wrong:
            raise NoWitness(f"what was seen of {origin} is damaged: {wrong}") from None
    return memory


@contextlib.contextmanager
def claimed(directory: Path) -> Iterator[None]:
    """While one process has the directory to itself: two, unknown to each other, could co-sign two histories."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / CLAIM).open("w") as claim:
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise NoWitness(f"another process serves the witness in {directory}") from None
        yield
