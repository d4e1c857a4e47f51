"""A client of qiledger: tell what happened, read along, receive webhooks.

The event types are in `qiledger_client.events`, the outbox in `qiledger_client.outbox`, webhooks in
`qiledger_client.webhooks`.
"""

from qiledger_client.answers import Answer, Outcome, Page, Receipt, Record, Tried
from qiledger_client.async_client import AsyncClient
from qiledger_client.client import Client
from qiledger_client.outbox import Flushed, Outbox, OutboxFull
from qiledger_client.problems import (
    Conflict,
    LedgerError,
    NotAllowed,
    NotFound,
    Problem,
    Unfit,
    Unreachable,
    WrongVersion,
)
from qiledger_client.telling import Event, Part, Telling
from qiledger_client.webhooks import WebhookVerificationError

__all__ = [
    "Answer",
    "AsyncClient",
    "Client",
    "Conflict",
    "Event",
    "Flushed",
    "LedgerError",
    "NotAllowed",
    "NotFound",
    "Outbox",
    "OutboxFull",
    "Outcome",
    "Page",
    "Part",
    "Problem",
    "Receipt",
    "Record",
    "Telling",
    "Tried",
    "Unfit",
    "Unreachable",
    "WebhookVerificationError",
    "WrongVersion",
]
