"""A trust as its systems and its readers meet it: events are told and questions asked over HTTP, and nothing else."""

from itertools import count
from typing import Any, Self

import httpx

from tests.standing_house import STRUCTURED, Organisation, StandingHouse

SOURCE = "/tests/trust"
CAUGHT_UP_WITHIN_S = 30


class Trust:
    """One organisation of a standing house. Whoever asks sees whatever has been told before."""

    def __init__(self, home: StandingHouse) -> None:
        self.organisation: Organisation = home.open()
        self.door: httpx.Client = self.organisation.door(timeout_s=60.0)
        self.position = 0
        self._ids = count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.door.close()

    def tells(self, type_: str, stream: str, time: str, **data: Any) -> dict[str, Any]:
        """One event, known to the day, month or year that `time` is written to. Returns its receipt."""
        event = {
            "specversion": "1.0",
            "id": f"{self.organisation.code}-{next(self._ids)}",
            "source": SOURCE,
            "type": type_,
            "subject": stream,
            "time": f"{time}-01-01"[:10] + "T00:00:00Z",
            "precision": {4: "year", 7: "month", 10: "day"}[len(time)],
            "data": data,
        }
        told = self.door.post(self.organisation.path, json=event, headers={"content-type": STRUCTURED})
        assert told.status_code == 201, told.text
        receipt: dict[str, Any] = told.json()
        self.position = receipt["position"]
        return receipt

    def asks(self, question: str, **asks: Any) -> list[dict[str, Any]]:
        """Every row of an answer that reflects all that was told."""
        params = asks | {"at_least": self.position, "wait": CAUGHT_UP_WITHIN_S, "limit": 1_000}
        answer = self.door.get(f"/v1/{self.organisation.code}/projections/{question}", params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["position"] >= self.position
        assert page["parked"] == 0
        rows: list[dict[str, Any]] = page["rows"]
        return rows

    def asks_for_one(self, question: str, **asks: Any) -> dict[str, Any]:
        """The one row of an answer."""
        (row,) = self.asks(question, **asks)
        return row
