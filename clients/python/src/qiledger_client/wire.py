"""Requests and replies as httpx has them. The key stands in no repr and in no traceback of ours."""

from dataclasses import replace
from typing import Any

import httpx

from qiledger_client.flows import Reply, Request

AGENT = "qiledger-client/0.1.0"


class Keyring:
    """Holds a key, shows it to the ledger and to nobody else.

    Raises ValueError for what can be no key: it would be shown in what is said of a header that cannot be sent.
    """

    __slots__ = ("_key",)

    def __init__(self, key: str) -> None:
        self._key = key.strip()  # as it comes out of a file, with the end of its line
        if not (self._key.isascii() and self._key.isprintable() and " " not in self._key):
            raise ValueError("the key holds what no key has, such as spaces: copy it again")

    def __repr__(self) -> str:
        return "Keyring(…)"

    def opened(self, request: Request, *, timeout_s: float) -> dict[str, Any]:
        """The arguments of httpx for a request."""
        return {
            "method": request.method,
            "url": request.path,
            "params": dict(request.params),
            "headers": {"authorization": f"Bearer {self._key}", **request.headers},
            "content": request.body,
            "timeout": timeout_s + request.patience_s,
        }


def settings_of(url: str) -> dict[str, Any]:
    """How both clients of httpx are set up. Redirects are not followed: a key goes to one address only."""
    return {
        "base_url": url.rstrip("/"),
        "headers": {"user-agent": AGENT, "accept": "application/json"},
        "follow_redirects": False,
    }


def reply_of(response: httpx.Response) -> Reply:
    """What was answered."""
    return replace(head_of(response), body=response.content)


def head_of(response: httpx.Response) -> Reply:
    """What was answered, without the body, which may be still to come."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(status=response.status_code, headers=headers, body=b"")
