"""What can go wrong, as exceptions: each with the field, and the address of a page with cause and cure."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any


class LedgerError(Exception):
    """Everything that this library raises of itself."""


class Unreachable(LedgerError):
    """The ledger did not answer, or said that it cannot just now, as often as it was asked. Ask again later."""


class Problem(LedgerError):
    """A refusal (RFC 9457). `facts` are the other members of the problem document."""

    def __init__(self, base: str, status: int, document: Mapping[str, Any]) -> None:
        told = dict(document)
        self.status = status
        self.slug = str(told.pop("type", "")).rpartition("/")[2]
        self.title = str(told.pop("title", f"status {status}"))
        self.detail = _text(told.pop("detail", None))
        self.field = _text(told.pop("field", None))
        self.instance = _text(told.pop("instance", None))
        told.pop("status", None)
        self.facts: dict[str, Any] = told
        self.link = f"{base.rstrip('/')}/problems/{self.slug}" if self.slug else None
        super().__init__(self._in_words())

    def _in_words(self) -> str:
        words = [self.title, self.detail or ""]
        words += [f"Field: {self.field}." if self.field else "", f"See {self.link}" if self.link else ""]
        return " ".join(word for word in words if word)


class NotAllowed(Problem):
    """The key is unknown, expired, revoked, of another organisation, or may not do this (401, 403)."""


class NotFound(Problem):
    """There is no such record, stream, type or question (404)."""


class Conflict(Problem):
    """Another event was told under the same source and id (409)."""


class WrongVersion(Problem):
    """The stream is not at the version that was expected (412): read it again, decide again."""

    @property
    def found(self) -> int | None:
        """The version it is at."""
        return self.facts.get("found")


class Unfit(Problem):
    """The request will never be taken as it is: mend what `field` names (400, 413, 415, 422)."""


_KINDS: Mapping[int, type[Problem]] = {
    400: Unfit,
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    412: WrongVersion,
    413: Unfit,
    415: Unfit,
    422: Unfit,
}


def _text(member: Any) -> str | None:
    """A member of the document as text: what stands between us and the ledger may have put anything into it."""
    return member if member is None or isinstance(member, str) else json.dumps(member)


def problem_of(base: str, status: int, document: Mapping[str, Any]) -> Problem:
    """The exception for a problem document."""
    return _KINDS.get(status, Problem)(base, status, document)


def problem_in(base: str, status: int, body: bytes) -> Problem:
    """The exception for an answer that should have been a problem document, whatever it is."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    return problem_of(base, status, document if isinstance(document, dict) else {})


@contextlib.contextmanager
def understanding(base: str) -> Iterator[None]:
    """While an answer is read. Raises LedgerError for one that the ledger does not give: somebody else gave it."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise LedgerError(f"what {base} answered is no answer of the ledger") from None
