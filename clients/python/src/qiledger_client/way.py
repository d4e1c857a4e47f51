"""The way to a ledger: what both clients know of it, and how an event is made ready. They differ in how they wait."""

from collections.abc import Mapping
from typing import Any

from qiledger_client import flows
from qiledger_client.telling import Event, Telling, When
from qiledger_client.wire import Keyring


class Way:
    """The log of one organisation, as one who holds a key of it sees it.

    `source` is who you are: the `source` of what you tell, which the key must cover. A request that nobody answers is
    sent again up to `tries` times, which is safe: an id names one event for ever.
    """

    def __init__(
        self,
        url: str,
        organisation: str,
        *,
        key: str,
        source: str | None = None,
        tries: int = 6,
        timeout_s: float = 30.0,
    ) -> None:
        self.ledger = flows.Ledger(
            base=url.rstrip("/"), organisation=organisation, source=source, tries=tries
        )
        self._keyring = Keyring(key)
        self._timeout_s = timeout_s

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.ledger.base!r}, {self.ledger.organisation!r})"

    def telling(
        self,
        event: Event | Mapping[str, Any],
        *,
        about: str,
        at: When,
        source: str | None = None,
        **more: Any,
    ) -> Telling:
        """An event ready to be told by us: with an id, and our source. `more` are the fields of `Telling`."""
        by = source or self.ledger.source
        if by is None:
            raise ValueError("say who tells it: Client(…, source='https://lifeqi.example/'), or source= here")
        return Telling(event=event, about=about, at=at, source=by, **more)

    def _told(self, event: Event | Mapping[str, Any] | Telling, about: str, at: When, **more: Any) -> Telling:
        return event if isinstance(event, Telling) else self.telling(event, about=about, at=at, **more)

    def _opened(self, request: flows.Request) -> dict[str, Any]:
        """The arguments of httpx for a request."""
        return self._keyring.opened(request, timeout_s=self._timeout_s)
