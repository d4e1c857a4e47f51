"""Signed notes: a text, and under it lines that say who vouches for it (c2sp.org/signed-note), with Ed25519.

A key is known by its name and by four bytes made of its name, its kind and its public half. Signatures of keys that one
does not know are passed over, so a second signature of another kind may stand beside the first. There are two kinds:
a log's own signature over the text, and a witness's cosignature over the text and a time (c2sp.org/tlog-cosignature).
"""

import base64
import binascii
import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Self

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SIGNED, COSIGNED = 0x01, 0x04
NOTE_BYTES_MAX = 65_536
SIGNATURES_MAX = 64
TIME_MAX = 2**63 - 1
_KEY_BYTES = 32
_DASH = "— "
_PRIVATE = "PRIVATE+KEY+"


class WrongNote(ValueError):
    """A text is no signed note."""


class WrongNoteKey(ValueError):
    """A text is no key for notes. The message never holds the text: it may be a private key."""


class Unverified(ValueError):
    """No key that one knows vouches for the note, or the signature of one is wrong."""


class Signature(msgspec.Struct, frozen=True):
    """One line under a note: whose it is, and what it says."""

    name: str
    key_id: bytes
    content: bytes

    def line(self) -> str:
        """As it stands in a note."""
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.content).decode()}\n"


class Note(msgspec.Struct, frozen=True):
    """A text that ends its last line, and the signatures under it."""

    text: str
    signatures: tuple[Signature, ...]

    def write(self) -> str:
        """The whole note."""
        return self.text + "\n" + "".join(signature.line() for signature in self.signatures)

    def joined_by(self, more: Iterable[Signature]) -> "Note":
        """The same text with further signatures under it."""
        return Note(self.text, (*self.signatures, *more))


class NoteKey(msgspec.Struct, frozen=True):
    """The public half of a key: enough to verify with."""

    name: str
    public: bytes
    kind: int = SIGNED

    def __post_init__(self) -> None:
        if not is_name(self.name) or len(self.public) != _KEY_BYTES or self.kind not in (SIGNED, COSIGNED):
            raise WrongNoteKey("a key has a name without spaces or plus signs, and 32 bytes")

    @classmethod
    def read(cls, text: str) -> Self:
        """From `name+id+key`, as Go's note package writes it. Raises WrongNoteKey."""
        name, _, rest = text.strip().partition("+")
        written, _, encoded = rest.partition("+")
        key = from_base64(encoded)
        if key is None or len(key) != 1 + _KEY_BYTES or key[0] not in (SIGNED, COSIGNED):
            raise WrongNoteKey("give a public key as name+id+key, with Ed25519")
        read = cls(name, key[1:], key[0])
        if written != read.id.hex():
            raise WrongNoteKey(f"the id of the key of {name} is not {written}")
        return read

    @property
    def id(self) -> bytes:
        """Four bytes that tell this key from others of its name."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def write(self) -> str:
        """As `name+id+key`."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"

    def named(self, name: str) -> "NoteKey":
        """The same key under another name: one key seals the logs of several organisations."""
        return NoteKey(name, self.public, self.kind)

    def signed(self, signature: Signature) -> bool:
        """Whether a line claims to be of this key."""
        return signature.name == self.name and signature.key_id == self.id

    def verify(self, text: str, signature: Signature) -> None:
        """Raises Unverified unless the line is this key's for the text."""
        content = signature.content
        message, proof = text.encode(), content
        if self.kind == COSIGNED:
            if time_of(signature) is None:
                raise Unverified(f"the cosignature of {self.name} has no time")
            message, proof = _cosigned(text, int.from_bytes(content[:8], "big")), content[8:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(proof, message)
        except InvalidSignature:
            raise Unverified(f"the signature of {self.name} is not for this text") from None


def time_of(cosignature: Signature) -> int | None:
    """When a cosignature says it was made, in seconds of POSIX time."""
    if len(cosignature.content) != 8 + 64:
        return None
    seconds = int.from_bytes(cosignature.content[:8], "big")
    return seconds if seconds <= TIME_MAX else None


class SigningKey:
    """The private half. It is never printed: `repr` shows the public one."""

    def __init__(self, name: str, private: Ed25519PrivateKey, kind: int = SIGNED) -> None:
        self._private = private
        self.public = NoteKey(name, private.public_key().public_bytes_raw(), kind)

    def __repr__(self) -> str:
        return f"SigningKey({self.public.write()})"

    @classmethod
    def make(cls, name: str, kind: int = SIGNED) -> Self:
        """A new key."""
        return cls(name, Ed25519PrivateKey.generate(), kind)

    @classmethod
    def read(cls, text: str, name: str | None = None) -> Self:
        """From Go's `PRIVATE+KEY+name+id+key`, or PKCS #8 in PEM, which needs a name. Raises WrongNoteKey."""
        text = text.strip()
        if text.startswith("-----BEGIN"):
            return cls(name or "", _from_pem(text))
        if not text.startswith(_PRIVATE):
            raise WrongNoteKey("give a private key as PRIVATE+KEY+name+id+key, or as PKCS #8 in PEM")
        own_name, _, rest = text.removeprefix(_PRIVATE).partition("+")
        written, _, encoded = rest.partition("+")
        key = from_base64(encoded)
        if key is None or len(key) != 1 + _KEY_BYTES:
            raise WrongNoteKey("a private key of a note has 33 bytes in base64")
        read = cls(own_name, Ed25519PrivateKey.from_private_bytes(key[1:]), key[0])
        if written != read.public.id.hex():
            raise WrongNoteKey("the private key was written for another name, or is damaged")
        return read if name is None else read.named(name)

    def write(self) -> str:
        """As `PRIVATE+KEY+name+id+key`. Whoever has it can sign."""
        seed = bytes([self.public.kind]) + self._private.private_bytes_raw()
        return f"{_PRIVATE}{self.public.name}+{self.public.id.hex()}+{base64.b64encode(seed).decode()}"

    def named(self, name: str) -> Self:
        """The same key under another name."""
        return type(self)(name, self._private, self.public.kind)

    def sign(self, text: str) -> Signature:
        """The line of a log's own signature under a text."""
        return Signature(self.public.name, self.public.id, self._private.sign(text.encode()))

    def cosign(self, text: str, *, at: int) -> Signature:
        """The line of a witness under a text, at a POSIX time in seconds."""
        content = at.to_bytes(8, "big") + self._private.sign(_cosigned(text, at))
        return Signature(self.public.name, self.public.id, content)


def _from_pem(text: str) -> Ed25519PrivateKey:
    try:
        private = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError):
        raise WrongNoteKey("the PEM text is not a private key without a password") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise WrongNoteKey("a key for notes is an Ed25519 key")
    return private


def _cosigned(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def is_name(name: str) -> bool:
    """Whether a key may be called so."""
    return bool(name) and "+" not in name and not any(one.isspace() or _is_control(one) for one in name)


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc"


def sign(text: str, keys: Sequence[SigningKey]) -> Note:
    """The text, signed with each of the keys. Raises WrongNote for a text that cannot be in a note."""
    _sound(text)
    return Note(text, tuple(key.sign(text) for key in keys))


def read_note(written: str | bytes) -> Note:
    """A note, verified by nobody yet. Raises WrongNote."""
    text = _text(written)
    end = text.rfind("\n\n")
    if end < 0 or not text.endswith("\n"):
        raise WrongNote("a note has an empty line before its signatures, and ends its last line")
    lines = text[end + 2 : -1].split("\n") if end + 2 < len(text) else []  # not at what else ends a line
    if not lines or len(lines) > SIGNATURES_MAX:
        raise WrongNote(f"a note has from 1 to {SIGNATURES_MAX} signatures")
    return Note(text[: end + 1], tuple(read_signature(line) for line in lines))


def _text(written: str | bytes) -> str:
    if len(written) > NOTE_BYTES_MAX:
        raise WrongNote(f"a note has at most {NOTE_BYTES_MAX} bytes")
    try:
        text = written.decode() if isinstance(written, bytes) else written
    except UnicodeDecodeError:
        raise WrongNote("a note is UTF-8") from None
    if any(character < " " and character != "\n" for character in text):
        raise WrongNote("a note has no control characters but line ends")
    return text


def _sound(text: str) -> None:
    if not _text(text).endswith("\n"):
        raise WrongNote("the text of a note ends its last line")


def read_signature(line: str) -> Signature:
    """One line under a note. Raises WrongNote."""
    name, _, encoded = line.removeprefix(_DASH).rstrip("\n").partition(" ")
    content = from_base64(encoded)
    if not line.startswith(_DASH) or not is_name(name) or content is None or len(content) < 5:
        raise WrongNote("a signature is a dash, a name, and base64")
    return Signature(name, content[:4], content[4:])


def from_base64(encoded: str) -> bytes | None:
    """Base64 that was written the one way there is; None for any other."""
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.b64encode(decoded).decode() == encoded else None


def verified(note: Note, known: Iterable[NoteKey]) -> list[Signature]:
    """The signatures of keys that one knows, each once. Raises Unverified if one of them is wrong, or there is none."""
    found = []
    for key in known:
        mine = [signature for signature in note.signatures if key.signed(signature)]
        for signature in mine:
            key.verify(note.text, signature)
        found += mine[:1]
    if not found:
        raise Unverified("no key that is known has signed this")
    return found
