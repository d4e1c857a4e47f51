"""Signatures by Standard Webhooks 1.0: `v1` (HMAC-SHA256) and `v1a` (Ed25519), of every secret that is alive."""

import base64
import hmac
import secrets
from collections.abc import Sequence
from hashlib import sha256

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_BYTES = 32


class SigningSecret(msgspec.Struct, frozen=True):
    """What one secret signs with."""

    secret: bytes
    seed: bytes

    def __repr__(self) -> str:
        return "SigningSecret(…)"

    @property
    def text(self) -> str:
        """The symmetric secret as a receiver is given it, once."""
        return f"whsec_{base64.b64encode(self.secret).decode()}"

    @property
    def public_key(self) -> bytes:
        """With which anybody can check the asymmetric signatures."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()


def new_secret() -> SigningSecret:
    """A secret that nobody has seen."""
    return SigningSecret(secrets.token_bytes(SECRET_BYTES), secrets.token_bytes(SECRET_BYTES))


def public_text(public_key: bytes) -> str:
    """A public key as a receiver is given it."""
    return f"whpk_{base64.b64encode(public_key).decode()}"


def message_id(organisation: str, position: int, endpoint: str) -> str:
    """The webhook-id: of one record for one endpoint, the same for every attempt, and without a full stop."""
    return f"{organisation}-{position}-{endpoint}"


def headers(message: str, timestamp_s: int, body: bytes, alive: Sequence[SigningSecret]) -> dict[str, str]:
    """The three headers of a delivery. `message` has no full stop in it, or others could be signed alike."""
    content = f"{message}.{timestamp_s}.".encode() + body
    signatures = [signature for secret in alive for signature in _signatures(secret, content)]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signatures),
    }


def _signatures(secret: SigningSecret, content: bytes) -> tuple[str, str]:
    symmetric = hmac.digest(secret.secret, content, sha256)
    asymmetric = Ed25519PrivateKey.from_private_bytes(secret.seed).sign(content)
    return f"v1,{base64.b64encode(symmetric).decode()}", f"v1a,{base64.b64encode(asymmetric).decode()}"
