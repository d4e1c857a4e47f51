"""Requests and replies as httpx has them. The key stands in no repr and in no traceback of ours."""

from typing import Any

import httpx

from qiledger_client.flows import Reply, Request

AGENT = "qiledger-client/0.1.0"


class Keyring:
    """Holds a key, shows it to the ledger and to nobody else."""

    __slots__ = ("_key",)

    def __init__(self, key: str) -> None:
        self._key = key

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
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(status=response.status_code, headers=headers, body=response.content)
