"""Custody of the master key, which wraps every person's key and is in no database.

Three custodians: a key in hand (a setting, or the file it names), and a key-management service behind a command. Each
wrapped key notes which master key wraps it, so that a master key is changed by wrapping anew, and nothing else.
"""

import base64
import binascii
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
COMMAND_WITHIN_S = 10.0
MASTERS_MAX = 10
_ANSWER = re.compile(r"[A-Za-z0-9+/=\s]{1,8192}")
_NAME = re.compile(r"[A-Za-z0-9._:/-]{1,256}")


class NoMasterKey(RuntimeError):
    """There is no master key here that could do this; the message says what to set."""


class Wrapped(msgspec.Struct, frozen=True):
    """A person's key as it is kept: encrypted, and under which master key."""

    master: str
    wrapped: bytes


class Custodian(Protocol):
    """One who has the master key. `context` says whose key it is; it unwraps under the same context alone."""

    def current(self) -> str:
        """The name of the master key that wraps from now on."""

    def wrap(self, key: bytes, context: bytes) -> Wrapped:
        """The key, wrapped by the current master key."""

    def unwrap(self, wrapped: Wrapped, context: bytes) -> bytes:
        """The key again. Raises NoMasterKey if its master key is not to be had."""


class KeysInHand:
    """Master keys as text: the first wraps, the others only unwrap what they once wrapped.

    `again` reads the text anew, before each wrapping and for a master key that is not known: so a running process
    follows a change of keys. Raises NoMasterKey for a text that holds no key.
    """

    def __init__(self, text: str, again: Callable[[], str | None] | None = None) -> None:
        self._keys = keys_in(text)
        self._again = again

    def current(self) -> str:
        return next(iter(self._keys))

    def names(self) -> tuple[str, ...]:
        """What the master keys in hand are called."""
        return tuple(self._keys)

    def wrap(self, key: bytes, context: bytes) -> Wrapped:
        if self._again is not None:
            self._keys = keys_in(self._again() or "")
        master = self.current()
        return Wrapped(master, _sealed(self._keys[master], key, context))

    def unwrap(self, wrapped: Wrapped, context: bytes) -> bytes:
        return _opened(self._key(wrapped.master), wrapped.wrapped, context)

    def _key(self, master: str) -> bytes:
        if master not in self._keys and self._again is not None:
            self._keys = keys_in(self._again() or "")
        if master not in self._keys:
            raise NoMasterKey(
                f"The master key {master} is not among those given: {', '.join(self._keys)}. "
                "Give it too, behind the current one, until everything is wrapped anew."
            )
        return self._keys[master]


class KeysBehindCommand:
    """A key-management service, spoken to by a command of the operator's.

    `command current` prints the name of its current key; `command wrap NAME` and `command unwrap NAME` take base64 on
    standard input and print base64. The context goes in and out with the key, sealed by a hash.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)

    def current(self) -> str:
        name = self._run(["current"], "")
        if not _NAME.fullmatch(name):
            raise NoMasterKey(f"{self._command[0]} current printed no name of a key.")
        return name

    def wrap(self, key: bytes, context: bytes) -> Wrapped:
        master = self.current()
        bound = key + sha256(context).digest()
        return Wrapped(master, self._bytes(["wrap", master], bound))

    def unwrap(self, wrapped: Wrapped, context: bytes) -> bytes:
        bound = self._bytes(["unwrap", wrapped.master], wrapped.wrapped)
        if len(bound) != 2 * KEY_BYTES or bound[KEY_BYTES:] != sha256(context).digest():
            raise NoMasterKey(
                f"{self._command[0]} unwrap {wrapped.master} gave another key than was wrapped."
            )
        return bound[:KEY_BYTES]

    def _bytes(self, words: Sequence[str], given: bytes) -> bytes:
        answer = self._run(words, base64.b64encode(given).decode())
        try:
            if _ANSWER.fullmatch(answer):
                return base64.b64decode("".join(answer.split()), validate=True)
        except binascii.Error:
            pass
        raise NoMasterKey(f"{self._command[0]} {' '.join(words)} printed no base64.")

    def _run(self, words: Sequence[str], given: str) -> str:
        try:
            done = subprocess.run(
                [*self._command, *words],
                input=given,
                capture_output=True,
                text=True,
                timeout=COMMAND_WITHIN_S,
                check=True,
            )
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as failure:
            raise NoMasterKey(
                f"{self._command[0]} {words[0]} did not answer: {type(failure).__name__}."
            ) from None
        return done.stdout.strip()


def new_master_key() -> str:
    """A master key that nobody has seen, as text."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode().rstrip("=")


def name_of(master_key: bytes) -> str:
    """What a master key is called: the beginning of its hash, which tells nothing about it."""
    return sha256(b"qiledger master key\x00" + master_key).hexdigest()[:12]


def keys_in(text: str) -> dict[str, bytes]:
    """The master keys in a text, by their names, the current one first. Raises NoMasterKey."""
    found: dict[str, bytes] = {}
    for word in text.replace(",", " ").split():
        try:
            key = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise NoMasterKey("A master key is 32 bytes in base64, such as `qiledger master-key new` prints.")
        found[name_of(key)] = key
    if not 0 < len(found) <= MASTERS_MAX:
        raise NoMasterKey(f"Give from 1 to {MASTERS_MAX} master keys, the current one first.")
    return found


def _sealed(key: bytes, told: bytes, context: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, told, context)


def _opened(key: bytes, sealed: bytes, context: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
    except InvalidTag:
        raise NoMasterKey("A key was wrapped for somebody else, or its bytes were changed.") from None


_entrusted: Custodian | None = None


def entrust(custodian: Custodian | None) -> None:
    """Says, once at the start of a process, who has the master key; None if nobody has."""
    global _entrusted
    _entrusted = custodian


def custodian() -> Custodian:
    """Who has the master key. Raises NoMasterKey."""
    if _entrusted is None:
        raise NoMasterKey(
            "There is no master key: set QILEDGER_MASTER_KEY, QILEDGER_MASTER_KEY_FILE or QILEDGER_MASTER_KEY_COMMAND."
        )
    return _entrusted
