"""Who vouches for a checkpoint, and for which log it is."""

import re
from collections.abc import Sequence

from events.log.notes import Note, NoteKey, verified


def is_of(origin: str, organisation: str) -> bool:
    """Whether a checkpoint's origin names this log: by its last part, or the last but one and a generation's number."""
    return re.fullmatch(rf".+/{re.escape(organisation)}(/[1-9][0-9]*)?", origin) is not None


def signers(note: Note, keys: Sequence[NoteKey], origin: str) -> list[str]:
    """Which of the keys vouch for a checkpoint, written as `name+id+key`. Raises Unverified if none does.

    A log's key may be given under the name of any log: one key seals the logs of a whole house.
    """
    known = {key.write(): key for given in keys for key in (given, given.named(origin))}
    vouching = verified(note, known.values())
    return [text for text, key in known.items() if any(key.signed(signature) for signature in vouching)]


def keys_of(texts: Sequence[str]) -> list[NoteKey]:
    """Public keys, as an export names them. Raises WrongNoteKey."""
    return [NoteKey.read(text) for text in texts]
