"""The official CloudEvents SDKs as clients: what they send is kept, what we give they read."""

import json
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cloudevents.core.bindings.http import (
    HTTPMessage,
    from_http_event,
    to_binary_event,
    to_structured_event,
)
from cloudevents.core.v1.event import CloudEvent

from services.webhooks.signing import headers, new_secret
from tests.services.api.conftest import NODE, Door


def python_event(id_: str, **more: Any) -> CloudEvent:
    attributes: dict[str, Any] = {
        "id": id_,
        "source": "/lifeqi",
        "type": "idea.raised",
        "subject": "idea/I-1",
        "time": datetime(2024, 5, 20, 9, 30, tzinfo=UTC),
        "datacontenttype": "application/json",
        "specversion": "1.0",
    }
    data = {"title": "Ünïcode “quotes” 100 %"}
    return CloudEvent(attributes=attributes | more, data=data)


def send(door: Door, message: HTTPMessage) -> tuple[int, dict[str, Any]]:
    answer = door.http.post(door.events, content=message.body, headers=message.headers)
    return answer.status_code, answer.json()


def test_the_python_sdk_tells_in_both_modes_and_means_the_same(door: Door) -> None:
    status, receipt = send(door, to_structured_event(python_event("py 1 “ü” %")))
    assert status == 201
    assert send(door, to_binary_event(python_event("py 1 “ü” %"))) == (200, receipt)
    assert send(door, to_binary_event(python_event("py-2", precision="day", expectedversion="1")))[0] == 201
    assert send(door, to_structured_event(python_event("py-3", actor="person/8Qm2")))[0] == 201
    assert [item["id"] for item in door.get(door.events).json()["items"]] == ["py 1 “ü” %", "py-2", "py-3"]


def test_the_python_sdk_reads_what_the_feed_gives(door: Door) -> None:
    told = python_event("py-1", precision="month")
    send(door, to_structured_event(told))
    (given,) = door.get(door.events, accept="application/cloudevents-batch+json").json()
    message = HTTPMessage({"content-type": "application/cloudevents+json"}, json.dumps(given).encode())
    read = from_http_event(message)
    assert (read.get_id(), read.get_subject(), read.get_data()) == ("py-1", "idea/I-1", told.get_data())
    assert read.get_extension("precision") == "month"


def test_the_javascript_sdk_tells_in_every_mode_and_reads_the_feed(door: Door, javascript: Path) -> None:
    told = subprocess.run(
        [NODE, "tell.mjs", f"{door.http.base_url}{door.events}".replace("//v1", "/v1"), str(door.key)],
        cwd=javascript,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    results = json.loads(told.stdout)
    assert results["structured"]["status"] == 201, results
    assert results["binary"] == results["structured"] | {"status": 200}
    assert [one["status"] for one in results["batch"]["body"]] == [200, 201]
    assert [results[name]["body"]["position"] for name in ("emitted_structured", "emitted_binary")] == [3, 4]
    assert [one["valid"] for one in results["read"]] == [True] * 4
    assert results["read"][0]["data"]["title"] == "Ünïcode “quotes” 100 %"


def test_the_javascript_library_takes_the_signatures_of_webhooks(javascript: Path) -> None:
    old, new = new_secret(), new_secret()
    body = '{"specversion":"1.0","data":{"title":"Ünïcode “quotes” 100 %"}}'
    signed = headers("RWK-1-we_x", int(time.time()), body.encode(), [new, old])
    given = [
        {"secret": old.text, "headers": signed, "body": body},
        {"secret": new.text, "headers": signed, "body": body},
        {"secret": new.text, "headers": signed, "body": f"{body} "},
        {"secret": new_secret().text, "headers": signed, "body": body},
    ]
    checked = subprocess.run(
        [NODE, "verify.mjs"],
        cwd=javascript,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    taken_by_old, taken_by_new, *refused = json.loads(checked.stdout)
    assert taken_by_old == taken_by_new == {"event": json.loads(body)}
    assert all("refused" in result for result in refused)
