"""The log of an organisation's operations: what the ledger tells of itself, kept and proven like everything else."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg

from events.log.outcomes import UnknownOrganisation
from events.log.record import Submission
from events.vocabulary import Event, canonical_body, checked, tag_of

ENDING = ".operations"
SOURCE = "/qiledger"
OPERATOR = "client/operator"  # whoever acts by command; the database knows who may

_APPEND = "SELECT position FROM log.append(%s, %s::jsonb)"


def log_of(organisation: str) -> str:
    """The name of the log of an organisation's operations: `RWK.operations`."""
    return f"{organisation}{ENDING}"


def is_operations(log: str) -> bool:
    """Whether a log is one of operations, which projections, notices and webhooks leave alone."""
    return log.endswith(ENDING)


def submission(organisation: str, event: Event, *, actor: str = OPERATOR) -> Submission:
    """An event as it goes to the log of operations: in the organisation's stream, or in that of its own subject.

    Raises msgspec.ValidationError for one that could not be read again.
    """
    tag = tag_of(type(event))
    subject = organisation if event.stream == "organisation" else tag.partition(".")[0]
    return Submission(
        stream=f"{event.stream}/{subject}",
        source=SOURCE,
        id=uuid.uuid4().hex,
        type=tag,
        occurred_at=datetime.now(UTC),
        precise_to="instant",
        actor=actor,
        body=canonical_body(checked(event)).decode(),
    )


def note(conn: psycopg.Connection[Any], organisation: str, *events: Event, actor: str = OPERATOR) -> None:
    """Notes what is done in the transaction that does it: both are kept, or neither.

    Raises UnknownOrganisation, msgspec.ValidationError. Whoever appends to the organisation's own log too does that
    first, so that two transactions cannot wait for one another.
    """
    keep(conn, log_of(organisation), [submission(organisation, event, actor=actor) for event in events])


def keep(conn: psycopg.Connection[Any], log: str, submissions: Sequence[Submission]) -> list[int]:
    """Appends in the caller's transaction; the positions. For the few things that commands tell of themselves."""
    try:
        rows = conn.execute(_APPEND, (log, msgspec.json.encode(list(submissions)).decode())).fetchall()
    except psycopg.errors.NoDataFound:
        raise UnknownOrganisation(log.removesuffix(ENDING)) from None
    return [position for (position,) in rows]
