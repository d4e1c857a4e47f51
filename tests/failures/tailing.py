"""A reader who tails the feed while everything is killed around it: each record once, in order, no gap."""

import threading
from random import Random

import httpx

from tests.standing_house import Organisation

ANSWER_WITHIN_S = 8.0


class Reader:
    """One tailing client. `seen` is what it got, in the order in which it came: id and leaf of position 1, 2, 3 …"""

    def __init__(self, trust: Organisation, seed: str) -> None:
        self.trust = trust
        self.seen: list[tuple[str, str]] = []
        self.leaps: list[str] = []
        self._cursor = "0"
        self._random = Random(f"{seed} reader {trust.code}")

    def tail(self, stopping: threading.Event) -> None:
        """Reads on until told to stop."""
        with self.trust.door(timeout_s=ANSWER_WITHIN_S) as door:
            while not stopping.is_set():
                if not self._page(door):
                    stopping.wait(0.05)

    def read_to_the_end(self) -> None:
        """What is left, in a house that nobody breaks any more."""
        with self.trust.door() as door:
            while before := len(self.seen) or 1:
                assert self._page(door), "a house in order answers"
                if len(self.seen) in (0, before):
                    return

    def _page(self, door: httpx.Client) -> bool:
        asked = {"after": self._cursor, "limit": self._random.randint(1, 300)}
        asked |= {"wait": self._random.choice([0, 0.2, 1])} if self._random.random() < 0.8 else {}
        try:
            answer = door.get(self.trust.path, params=asked)
        except httpx.TransportError:
            return False
        if answer.status_code != 200:
            if answer.status_code != 503:
                self.leaps.append(f"{answer.status_code}: {answer.text[:300]}")
            return False
        page = answer.json()
        for item in page["items"]:
            if item["position"] != len(self.seen) + 1:
                self.leaps.append(f"position {item['position']} came after {len(self.seen)}")
            self.seen.append((item["id"], item["leaf"]))
        self._cursor = page["next"]
        return True
