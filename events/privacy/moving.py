"""One sealed file for the people of an organisation, on their way from one installation to another.

It is encrypted to a key that the receiving installation made for just this (`Invitation`), by HPKE (RFC 9180: X25519,
HKDF-SHA256, AES-256-GCM), so there is no passphrase to choose, to send or to lose. What is written on it in clear, the
organisation, how many records its log had and their root, is bound into the encryption. All of it is signed by the key
that seals the log: who takes it in knows that it comes from the house whose checkpoints came with the log.
"""

import base64
import binascii
from collections.abc import Iterable
from hashlib import sha256
from typing import Self

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from events.log import notes
from events.log.notes import NoteKey, SigningKey, Unverified, WrongNote
from events.privacy.custody import Custodian, Wrapped
from events.privacy.ledger import Erasure
from events.privacy.person_key import bound

TITLE = "qiledger people 1"  # the first line of what is signed: no checkpoint begins so
BYTES_MAX = 1 << 30
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INVITATION = "qiledger-people"


class CannotMove(ValueError):
    """The file, or the invitation, is not for this; the message says why."""


class Invitation(msgspec.Struct, frozen=True):
    """To whom people are sealed: written as `qiledger-people+RWK+id+key`, which is public."""

    organisation: str
    public: bytes

    @property
    def id(self) -> str:
        """Its name: the beginning of a hash of all of it, to be compared by telephone."""
        return sha256(bound(TITLE.encode(), self.organisation.encode(), self.public)).hexdigest()[:16]

    def written(self) -> str:
        """As it is handed over."""
        return "+".join((_INVITATION, self.organisation, self.id, base64.b64encode(self.public).decode()))

    @classmethod
    def read(cls, text: str) -> Self:
        """From what was handed over. Raises CannotMove."""
        title, _, rest = text.strip().partition("+")
        organisation, _, rest = rest.partition("+")
        id_, _, encoded = rest.partition("+")
        try:
            read = cls(organisation, base64.b64decode(encoded, validate=True))
        except binascii.Error:
            read = cls(organisation, b"")
        if title != _INVITATION or len(read.public) != 32 or read.id != id_:
            raise CannotMove("this is no invitation, or it was damaged: qiledger people invite prints one")
        return read


class InvitationRow(msgspec.Struct, frozen=True):
    """An invitation as the vault of the installation that made it keeps it; no bytes once it has been used."""

    organisation: str
    id: str
    public: bytes
    master: str
    wrapped: bytes | None

    @property
    def context(self) -> bytes:
        """Whose private half it is, in the words that it is wrapped with."""
        return bound(b"qiledger invitation 1", self.organisation.encode(), self.public)

    def private(self, custodian: Custodian) -> X25519PrivateKey:
        """The private half. Raises NoMasterKey; CannotMove if it has been used."""
        if self.wrapped is None:
            raise CannotMove("this invitation has been used: it is good for one file. Make another one")
        wrapped = Wrapped(self.master, bytes(self.wrapped))
        return X25519PrivateKey.from_private_bytes(custodian.unwrap(wrapped, self.context))


def invite(organisation: str, custodian: Custodian) -> tuple[Invitation, InvitationRow]:
    """A new invitation, and what is kept of it. Raises NoMasterKey."""
    private = X25519PrivateKey.generate()
    invitation = Invitation(organisation, private.public_key().public_bytes_raw())
    row = InvitationRow(organisation, invitation.id, invitation.public, "", None)
    wrapped = custodian.wrap(private.private_bytes_raw(), row.context)
    return invitation, msgspec.structs.replace(row, master=wrapped.master, wrapped=wrapped.wrapped)


class MovedPerson(msgspec.Struct, frozen=True, kw_only=True):
    """A person's key, in clear, and how they are reached, encrypted with it. Never printed."""

    person: str
    id: str
    key: bytes
    contact: bytes | None = None

    def __repr__(self) -> str:
        return f"MovedPerson({self.person}, …)"


class People(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the file: who can be read, and whose key was destroyed."""

    persons: list[MovedPerson]
    erasures: list[Erasure]


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands on the file in clear: whose people, for which invitation, beside which log."""

    organisation: str
    invitation: str
    origin: str
    size: int
    root: bytes
    made_at: str
    made_by: str


class Sealed(msgspec.Struct, frozen=True):
    """A file that was read, its signature verified by nobody yet, its content still closed."""

    about: About
    note: notes.Note
    content: bytes

    def signed_by(self, keys: Iterable[NoteKey]) -> None:
        """Raises CannotMove unless one of these keys has signed all of it."""
        try:
            notes.verified(self.note, [key.named(self.about.origin) for key in keys])
        except Unverified as wrong:
            raise CannotMove(f"the file is not signed by whoever sealed the log: {wrong}") from None

    def opened(self, private: X25519PrivateKey) -> People:
        """What is in it. Raises CannotMove."""
        try:
            told = _SUITE.decrypt(self.content, private, _info(self.about))
            return msgspec.json.decode(told, type=People)
        except (InvalidTag, ValueError, msgspec.MsgspecError):
            raise CannotMove("the file was sealed for another invitation, or was damaged") from None


def sealed(people: People, about: About, invitation: Invitation, signing: SigningKey) -> bytes:
    """The file: what it is about, signed, and below it the people, encrypted."""
    public = X25519PublicKey.from_public_bytes(invitation.public)
    content = _SUITE.encrypt(msgspec.json.encode(people), public, _info(about))
    text = "\n".join((TITLE, msgspec.json.encode(about).decode(), sha256(content).hexdigest(), ""))
    note = notes.sign(text, [signing.named(about.origin)])
    return note.write().encode() + b"\n" + base64.b64encode(content) + b"\n"


def read(file: bytes) -> Sealed:
    """A file of people. Raises CannotMove for one that is none, or that is damaged."""
    try:
        head, _, encoded = file.rstrip(b"\n").rpartition(b"\n\n")
        note = notes.read_note(head + b"\n")
        title, about, digest, *rest = note.text.split("\n")
        content = base64.b64decode(encoded, validate=True)
        read = Sealed(msgspec.json.decode(about.encode(), type=About), note, content)
    except (WrongNote, ValueError, msgspec.MsgspecError):
        raise CannotMove("this is no file of people, or it is damaged") from None
    if title != TITLE or rest != [""] or digest != sha256(content).hexdigest():
        raise CannotMove("this is no file of people, or it is damaged")
    return read


def _info(about: About) -> bytes:
    """What is bound into the encryption."""
    return bound(TITLE.encode(), msgspec.json.encode(about))
