"""Who seals, by the settings: the key, those before it, the names of the logs, the witnesses; and a house's own key."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from events.log.notes import COSIGNED, NoteKey, SigningKey, WrongNoteKey
from events.log.sealing_key import Signer
from services.settings import Settings, WrongSettings

NOWHERE = "qiledger.localhost"  # a name for logs that nobody outside knows of
KEY_NAME = "qiledger"
KEY_FILE, LAST_DIRECTORY = Path("sealing") / "key", Path("sealing") / "checkpoints"
WITNESSES_MAX = 16
NO_KEY = {"QILEDGER_SEALING_KEY": "", "QILEDGER_SEALING_KEY_FILE": ""}


class Witness(msgspec.Struct, frozen=True):
    """One who co-signs checkpoints on another machine."""

    key: NoteKey
    url: str


def signer_of(settings: Settings) -> Signer | None:
    """Who seals; None if there is no key. Raises WrongSettings."""
    if settings.sealing_key is None:
        return None
    try:
        key = SigningKey.read(settings.sealing_key, KEY_NAME)
    except WrongNoteKey as wrong:
        raise WrongSettings([f"QILEDGER_SEALING_KEY: {wrong}."]) from None
    return Signer(
        key=key,
        host=host_of(settings),
        former=tuple(former_keys(settings)),
        directory=settings.seal_directory,
    )


def host_of(settings: Settings) -> str:
    """What the names of all logs begin with."""
    public = urlsplit(settings.public_url).netloc.rpartition("@")[2] if settings.public_url else None
    return settings.log_origin or public or NOWHERE


def is_named(settings: Settings) -> bool:
    """Whether it is settled what logs are called. A log keeps its name for ever, so in production none is made up."""
    return settings.environment != "production" or bool(settings.log_origin or settings.public_url)


def former_keys(settings: Settings) -> list[NoteKey]:
    """The public keys that have sealed before. Raises WrongSettings."""
    try:
        return [NoteKey.read(text) for text in (settings.sealing_keys_before or "").split()]
    except WrongNoteKey as wrong:
        raise WrongSettings([f"QILEDGER_SEALING_KEYS_BEFORE: {wrong}."]) from None


def witnesses_of(settings: Settings) -> list[Witness]:
    """Who co-signs. Raises WrongSettings."""
    words = (settings.witnesses or "").split()
    pairs = list(zip(words[::2], words[1::2], strict=False))
    try:
        found = [Witness(NoteKey.read(key), url.rstrip("/")) for key, url in pairs]
    except WrongNoteKey as wrong:
        raise WrongSettings([f"QILEDGER_WITNESSES: {wrong}."]) from None
    sound = all(one.key.kind == COSIGNED and one.url.startswith(("http://", "https://")) for one in found)
    if (
        len(words) % 2
        or len(found) > WITNESSES_MAX
        or len({one.key.name for one in found}) < len(found)
        or not sound
    ):
        raise WrongSettings(
            [
                f"QILEDGER_WITNESSES: give the public key and the URL of each, at most {WITNESSES_MAX}, blanks between."
            ]
        )
    return found


def sealing_at(directory: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """What the sealer of a house is told: where its key is, made if there is none yet, and where to keep checkpoints.

    What the operator has named is handed on with the rest of the environment.
    """
    told = (
        {}
        if environ.get("QILEDGER_SEAL_DIRECTORY")
        else {"QILEDGER_SEAL_DIRECTORY": str(directory / LAST_DIRECTORY)}
    )
    if any(environ.get(name) for name in NO_KEY):
        return told
    file = directory / KEY_FILE
    if not file.exists():
        write_key(file, SigningKey.make(KEY_NAME))
    return told | {"QILEDGER_SEALING_KEY": "", "QILEDGER_SEALING_KEY_FILE": str(file)}


def sealing_key_of_house(settings: Settings) -> SigningKey | None:
    """The private key by the settings, or else of the house at the data directory. Raises WrongSettings."""
    text = settings.sealing_key
    if text is None:
        try:
            text = (settings.data_directory / KEY_FILE).read_text(encoding="utf-8")
        except OSError:
            return None
    try:
        return SigningKey.read(text, KEY_NAME)
    except WrongNoteKey as wrong:
        raise WrongSettings([f"QILEDGER_SEALING_KEY: {wrong}."]) from None


def write_key(file: Path, key: SigningKey) -> None:
    """Writes a private key that was not there before, durably, for our eyes only. Raises FileExistsError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(f"{key.write()}\n")
        opened.flush()
        os.fsync(opened.fileno())
