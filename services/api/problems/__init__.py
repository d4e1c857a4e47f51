"""What is refused at a door, and how it is told: the one room that knows HTTP statuses.

Every refusal is a problem document (RFC 9457). Its `type` is the address of a page that gives the cause and the cure.
"""

from collections.abc import Mapping
from typing import Any

import psycopg

from events.log.outcomes import Conflict, HeldBack, LogBusy, Refusal, UnknownOrganisation, WrongVersion
from events.log.record import Receipt, written
from services.api.problems import kinds
from services.api.problems.kinds import Kind

RETRY_AFTER_S = 1


class Problem(Exception):
    """A refusal, with what it is about. `facts` are further members of the problem document."""

    def __init__(
        self,
        kind: Kind,
        detail: str | None = None,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> None:
        self.kind = kind
        self.detail = detail
        self.field = field
        self.headers = dict(headers or {})
        self.facts = facts
        if kind.status == 401:
            self.headers.setdefault("www-authenticate", 'Bearer realm="qiledger"')
        if kind.status == 503:
            self.headers.setdefault("retry-after", str(RETRY_AFTER_S))
        super().__init__(kind.title)

    def document(self, instance: str | None = None) -> dict[str, Any]:
        """The members of the problem document."""
        document: dict[str, Any] = {
            "type": f"/problems/{self.kind.slug}",
            "title": self.kind.title,
            "status": self.kind.status,
        }
        named = {"detail": self.detail, "instance": instance, "field": self.field}
        return document | {name: value for name, value in named.items() if value is not None} | self.facts


def problem_of_refusal(refusal: Refusal) -> Problem:
    """What a sender is told of an event that the log refused."""
    match refusal:
        case Conflict(kept=kept):
            return Problem(kinds.CONFLICT, field="id", kept=None if kept is None else _facts(kept))
        case WrongVersion(stream=stream, expected=expected, found=found):
            detail = f"{stream} is at version {found}, not {expected}."
            return Problem(
                kinds.WRONG_VERSION, detail, headers={"etag": f'"{found}"'}, expected=expected, found=found
            )
        case HeldBack():
            return Problem(kinds.HELD_BACK)


def _facts(kept: Receipt) -> dict[str, Any]:
    """The receipt of what was kept first."""
    return {
        "position": kept.position,
        "version": kept.version,
        "recorded": written(kept.recorded_at),
        "leaf": kept.leaf.hex(),
    }


def problem_of_failure(failure: Exception) -> Problem | None:
    """What a caller is told when the log or its database could not answer; None for what nobody foresaw."""
    match failure:
        case UnknownOrganisation(organisation=organisation):
            return Problem(kinds.NO_LOG, f"No log is kept for {organisation}.")
        case LogBusy():
            return Problem(kinds.LOG_BUSY)
        case psycopg.OperationalError():  # and PoolTimeout, which is one
            return Problem(kinds.AWAY)
        case _:
            return None
