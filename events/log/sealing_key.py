"""Who seals: the key, the keys before it, the names of the logs; and the last checkpoint, kept outside Postgres."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, unquote

import msgspec

from events.log.notes import NoteKey, SigningKey, WrongNote
from events.log.vouching import is_of


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """What the sealer is given. The key seals every log, in each under that log's own name."""

    key: SigningKey
    host: str
    former: tuple[NoteKey, ...] = ()
    directory: Path | None = None

    def origin(self, log: str, generation: int = 1) -> str:
        """The name of a log in its checkpoints: `qiledger.example.org/RWK`; a later generation has a number behind."""
        return origin_of(self.host, log, generation)

    def known(self, origin: str) -> list[NoteKey]:
        """The keys whose signature under this log's checkpoints is believed."""
        return known_keys(origin, [self.key.public, *self.former])


def origin_of(host: str, log: str, generation: int = 1) -> str:
    """As `Signer.origin`."""
    return f"{host}/{log}" + ("" if generation == 1 else f"/{generation}")


def known_keys(origin: str, keys: Sequence[NoteKey]) -> list[NoteKey]:
    """The keys under the name of a log, each once."""
    return list({key.public: key.named(origin) for key in keys}.values())


class Remembered:
    """The last checkpoint of each log, in a directory that no restore of the database winds back."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, origin: str) -> str | None:
        """The note; None if none was kept. Raises WrongNote if it is there and not text."""
        try:
            return self._file(origin).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            raise WrongNote("the checkpoint that was kept is not UTF-8") from None

    def origins(self, log: str) -> set[str]:
        """Under which names checkpoints of a log are kept here."""
        files = self._directory.glob("*.checkpoint") if self._directory.is_dir() else ()
        found = {unquote(file.name.removesuffix(".checkpoint")) for file in files}
        return {origin for origin in found if is_of(origin, log)}

    def write(self, origin: str, note: str) -> None:
        """Keeps a note, whole or not at all, and on the disk when this returns."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._file(origin)
        draft = file.with_suffix(f".{os.getpid()}")
        with draft.open("w", encoding="utf-8") as opened:
            opened.write(note)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(file)
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _file(self, origin: str) -> Path:
        return self._directory / f"{quote(origin, safe='')}.checkpoint"
