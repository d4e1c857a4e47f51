"""Who has the master key in this process, by the settings; and the file in which a house of its own keeps one."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from events.privacy.custody import Custodian, KeysBehindCommand, KeysInHand, entrust, new_master_key
from events.privacy.ledger import Ledger, heed
from services.settings import Settings

FILE = (
    Path("custody") / "master-key"
)  # in the data directory, in a place that no backup of the database holds
LEDGER = Path("custody") / "erasures.ndjson"
_LEDGER = "QILEDGER_ERASURE_LEDGER"
_NAMES = ("QILEDGER_MASTER_KEY", "QILEDGER_MASTER_KEY_FILE", "QILEDGER_MASTER_KEY_COMMAND")


def entrust_by(settings: Settings) -> None:
    """Entrusts the master key that the settings name to this process, which heeds the ledger of erasures from now on.

    Raises NoMasterKey for a master key that is none.
    """
    entrust(custodian_by(settings))
    heed(Ledger(ledger_file(settings)))


def custodian_by(settings: Settings) -> Custodian | None:
    """Who has the master key by the settings; None if nothing is said of one."""
    if settings.master_key_command is not None:
        return KeysBehindCommand(shlex.split(settings.master_key_command))
    if settings.master_key is not None:
        return KeysInHand(settings.master_key, again=lambda: Settings.read().master_key)
    return None


def ledger_file(settings: Settings) -> Path:
    """Where the ledger of erasures is: a place that a restore of the database does not touch."""
    return settings.erasure_ledger or settings.data_directory / LEDGER


def master_key_file(settings: Settings) -> Path | None:
    """The file that holds the master keys: named by the operator, or of the house at the data directory; or None."""
    if named := os.environ.get("QILEDGER_MASTER_KEY_FILE"):
        return Path(named)
    ours = settings.data_directory / FILE
    return (
        ours
        if settings.master_key is None and settings.master_key_command is None and ours.exists()
        else None
    )


def custodian_of_house(settings: Settings) -> Custodian | None:
    """Who has the master key by the settings, or else by the file of the house at the data directory."""
    file = master_key_file(settings)
    if file is None or settings.master_key is not None or settings.master_key_command is not None:
        return custodian_by(settings)
    return KeysInHand(file.read_text(encoding="ascii"), again=lambda: file.read_text(encoding="ascii"))


def custody_at(directory: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """What the processes of a house are told: where its ledger of erasures and its master key are.

    A master key is made if there is none. What the operator has named is handed on with the rest of the environment.
    """
    told = {} if environ.get(_LEDGER) else {_LEDGER: str(directory / LEDGER)}
    if any(environ.get(name) for name in _NAMES):
        return told
    file = directory / FILE
    if not file.exists():
        write_master_keys(file, new_master_key())
    return told | {"QILEDGER_MASTER_KEY_FILE": str(file)}


def ledger_at(directory: Path, environ: Mapping[str, str]) -> Path:
    """Where the ledger of erasures of a house at a directory is, or will be."""
    return Path(environ.get(_LEDGER) or directory / LEDGER)


def write_master_keys(file: Path, text: str) -> None:
    """Writes master keys, whole or not at all, durably, for our eyes only."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(f"{text}\n")
        opened.flush()
        os.fsync(opened.fileno())
    draft.replace(file)
