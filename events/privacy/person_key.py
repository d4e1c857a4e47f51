"""A person's key, and what is done with it.

One random key a person; three keys are derived from it (HKDF, RFC 5869), one for each use, so that no use can be turned
against another.

**Why the nonce of words is derived, not random.** The same event told twice has to be the same bytes, or a retry would
be a conflict. So the nonce is an HMAC of what is encrypted and of where it stands, under a key of its own: this is the
synthetic initialisation vector of Rogaway and Shrimpton, as AES-GCM-SIV (RFC 8452) uses it. The same nonce comes twice
only for the same words at the same place, which gives the same ciphertext and tells nobody more than that the event was
told again. Two different words get the same 96 bits with a probability of one in 2^49 after 2^24 words of one person.
"""

import hmac
import os
from collections.abc import Iterable
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from events.privacy.custody import KEY_BYTES, NONCE_BYTES, Custodian, Wrapped
from events.privacy.ledger import is_erased


class Unreadable(ValueError):
    """These bytes were not encrypted with this key at this place, or were changed since."""


class PersonKey:
    """The key of one person of one organisation. Never printed."""

    __slots__ = ("_contact", "_nonces", "_words", "id")

    def __init__(self, id_: str, key: bytes) -> None:
        self.id = id_
        self._words = AESGCM(_derived(key, b"words"))
        self._nonces = _derived(key, b"nonces")
        self._contact = AESGCM(_derived(key, b"contact"))

    def __repr__(self) -> str:
        return f"PersonKey({self.id}, …)"

    def seal_words(self, words: bytes, place: bytes) -> bytes:
        """The words as ciphertext for just that place: the same words there give the same bytes."""
        nonce = hmac.digest(self._nonces, bound(place, words), sha256)[:NONCE_BYTES]
        return nonce + self._words.encrypt(nonce, words, place)

    def open_words(self, sealed: bytes, place: bytes) -> bytes:
        """The words again. Raises Unreadable."""
        return _opened(self._words, sealed, place)

    def seal_contact(self, contact: bytes, place: bytes) -> bytes:
        """A contact as ciphertext; other bytes each time."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._contact.encrypt(nonce, contact, place)

    def open_contact(self, sealed: bytes, place: bytes) -> bytes:
        """The contact again. Raises Unreadable."""
        return _opened(self._contact, sealed, place)


class KeyRow(msgspec.Struct, frozen=True):
    """A person's key as the vault keeps it. One that was destroyed has no bytes any more."""

    organisation: str
    person: str
    id: str
    master: str
    wrapped: bytes | None

    def unwrapped(self, custodian: Custodian) -> PersonKey | None:
        """The key, or None if it was destroyed, here or by the ledger that is heeded. Raises NoMasterKey."""
        if self.wrapped is None or is_erased(self.organisation, self.person):
            return None
        wrapped = Wrapped(self.master, bytes(self.wrapped))
        return PersonKey(self.id, custodian.unwrap(wrapped, self.context))

    @property
    def context(self) -> bytes:
        """Whose key it is, in the words that it is wrapped with."""
        return bound(b"qiledger person key 1", *map(str.encode, (self.organisation, self.person, self.id)))


def new_key(organisation: str, person: str, custodian: Custodian) -> KeyRow:
    """A key for a person, ready to be kept."""
    row = KeyRow(organisation, person, os.urandom(8).hex(), "", None)
    wrapped = custodian.wrap(os.urandom(KEY_BYTES), row.context)
    return msgspec.structs.replace(row, master=wrapped.master, wrapped=wrapped.wrapped)


def rewrapped(row: KeyRow, custodian: Custodian) -> KeyRow:
    """The same key under the current master key."""
    if row.wrapped is None:
        return row
    key = custodian.unwrap(Wrapped(row.master, bytes(row.wrapped)), row.context)
    wrapped = custodian.wrap(key, row.context)
    return msgspec.structs.replace(row, master=wrapped.master, wrapped=wrapped.wrapped)


def bound(*parts: bytes) -> bytes:
    """Several things as one, so that no two lists of things give the same bytes: each behind its length."""
    return b"".join(_with_length(parts))


def _with_length(parts: Iterable[bytes]) -> Iterable[bytes]:
    for part in parts:
        yield len(part).to_bytes(8, "big")
        yield part


def _derived(key: bytes, use: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"qiledger person 1 " + use).derive(key)


def _opened(cipher: AESGCM, sealed: bytes, place: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
    except (InvalidTag, ValueError):
        raise Unreadable("This was not encrypted with this key at this place.") from None
