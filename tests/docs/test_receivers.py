"""The receiver in the guide to webhooks is run as it stands, and sent to as the ledger sends."""

import re
import threading
import time
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest

from services.webhooks.addresses import FOREIGN_PORTS, Guard
from services.webhooks.posting import Poster
from services.webhooks.retrying import SCHEDULE_S
from services.webhooks.signing import headers, new_secret

GUIDE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")


def test_the_receiver_of_the_guide_takes_what_is_signed_and_nothing_else() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    secret = new_secret()
    module: dict[str, Any] = {"__name__": "guide"}
    exec(re.sub(r'SECRET = ".*"', f'SECRET = "{secret.text}"', code), module)  # our own guide
    with HTTPServer(("127.0.0.1", 0), module["Receiver"]) as server:
        if server.server_port in FOREIGN_PORTS:
            pytest.skip("a port that webhooks do not use")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        url, post = f"http://127.0.0.1:{server.server_port}/", Poster(Guard(["127.0.0.0/8"])).post
        body = b'{"specversion":"1.0","id":"e-1"}'
        signed = headers("RWK-1-we_x", int(time.time()), body, [secret])
        assert [post(url, signed, body).status for _ in range(2)] == [204, 204]
        assert post(url, signed, body + b" ").status == 401
        assert post(url, signed | {"webhook-signature": "nonsense"}, body).status == 401
        assert post(url, {"x": "y"}, body).status == 401
        server.shutdown()
    assert module["seen"] == {"RWK-1-we_x": {"specversion": "1.0", "id": "e-1"}}


def test_the_schedule_that_receivers_are_told_is_that_of_the_code() -> None:
    told = re.search(r"tried again: after (.*?)\n?\(each", GUIDE, re.DOTALL)
    assert told is not None
    units = {"s": 1, "min": 60, "h": 3_600}
    spans = re.findall(r"(\d+) (s|min|h)\b", told[1])
    assert tuple(float(number) * units[unit] for number, unit in spans) == SCHEDULE_S
