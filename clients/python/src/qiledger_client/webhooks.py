"""Receiving webhooks: is it really the ledger that speaks, and what does it say?

    record = receive(request.headers, request.body, secrets=[os.environ["QILEDGER_WEBHOOK_SECRET"]])

Signatures are those of Standard Webhooks 1.0: HMAC-SHA256 over id, timestamp and body. The same delivery may come twice
(its `webhook-id` is the same then): keep the position of the last record you dealt with, and pass over what is older.
"""

import base64
import binascii
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from hashlib import sha256

from qiledger_client.answers import Record
from qiledger_client.problems import LedgerError

TOLERANCE_S = 300.0
SIGNATURES_MAX = 16
SECRET_BYTES_MIN = 24  # Standard Webhooks 1.0


class WebhookVerificationError(LedgerError):
    """What came is not from the ledger, is too old, or has been changed. Answer 401 and do nothing else."""


def verify(
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: Iterable[str],
    tolerance_s: float = TOLERANCE_S,
    now: float | None = None,
) -> None:
    """Returns if the body was signed with one of the secrets lately; while a secret is rotated, give both.

    `body` are the bytes as they came. Raises WebhookVerificationError, whatever is wrong.
    """
    named = {name.lower(): value for name, value in headers.items()}
    try:
        id_, stamp, given = (named[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError as missing:
        raise WebhookVerificationError(f"the header {missing.args[0]} is missing") from None
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise WebhookVerificationError("webhook-timestamp is no number of seconds")
    if abs((time.time() if now is None else now) - int(stamp)) > tolerance_s:
        raise WebhookVerificationError(
            "webhook-timestamp is too far from now: an old delivery, or a clock that is wrong"
        )
    signed = b".".join((id_.encode("utf-8", "surrogateescape"), stamp.encode(), body))
    ours = [hmac.digest(_key_of(secret), signed, sha256) for secret in secrets]
    theirs = list(_signatures(given))
    matches = [hmac.compare_digest(own, their) for own in ours for their in theirs]
    if not any(matches):
        raise WebhookVerificationError("no signature fits: another secret, or another body")


def receive(
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: Iterable[str],
    tolerance_s: float = TOLERANCE_S,
    now: float | None = None,
) -> Record | None:
    """The record that a webhook brings, once it is verified; None for a test, which brings none.

    Raises WebhookVerificationError.
    """
    verify(headers, body, secrets=secrets, tolerance_s=tolerance_s, now=now)
    try:
        told = json.loads(body)
        record = Record.of_cloudevent(told) if "sequence" in told else None
        return record if record is not None and record.position > 0 else None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise WebhookVerificationError("it is signed, and is no CloudEvent of the ledger") from None


def _key_of(secret: str) -> bytes:
    """The key in a secret. Raises ValueError for one that is none; by an empty one anybody could sign."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < SECRET_BYTES_MIN:
        raise ValueError("a webhook secret is `whsec_` and base64, 24 bytes or more: copy it again")
    return key


def _signatures(header: str) -> Iterable[bytes]:
    """The `v1` signatures of the header; other versions and what cannot be read are passed over."""
    for word in header.split()[:SIGNATURES_MAX]:
        version, _, signature = word.partition(",")
        if version == "v1" and signature.isascii():
            try:
                yield base64.b64decode(signature, validate=True)
            except (binascii.Error, ValueError):
                continue
