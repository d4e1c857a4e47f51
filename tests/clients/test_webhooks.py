"""The receiver's side of webhooks: what is signed is read, what is not is refused with one kind of error."""

import base64
import hmac
import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook

from qiledger_client import Client, Record
from qiledger_client.events import ProjectStarted
from qiledger_client.webhooks import WebhookVerificationError, receive, verify
from services.webhooks.claims import Claim
from services.webhooks.turn import test_event as event_of_a_test

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(32)).decode()
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def signed(body: str, *, secret: str = SECRET, id_: str = "RWK/1/e1", at: datetime = NOW) -> dict[str, str]:
    """Headers as the official library signs them."""
    return {
        "Webhook-Id": id_,
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(secret).sign(id_, at, body),
    }


def check(headers: dict[str, str], body: str, **how: Any) -> None:
    verify(headers, body.encode(), **{"secrets": [SECRET], "now": NOW.timestamp()} | how)


def test_what_the_official_library_signs_is_taken():
    check(signed("{}"), "{}")


def test_while_a_secret_is_rotated_either_will_do():
    check(signed("{}", secret=OTHER), "{}", secrets=[SECRET, OTHER])
    two = signed("{}")
    two["Webhook-Signature"] += " " + signed("{}", secret=OTHER)["Webhook-Signature"]
    check(two, "{}", secrets=[OTHER])


@pytest.mark.parametrize(
    "change",
    [
        {"Webhook-Id": "another"},
        {"Webhook-Timestamp": "1"},
        {"Webhook-Timestamp": "yesterday"},
        {"Webhook-Timestamp": "9" * 400},
        {"Webhook-Timestamp": "١٢"},
        {"Webhook-Signature": ""},
        {"Webhook-Signature": "v1"},
        {"Webhook-Signature": "v1,***"},
        {"Webhook-Signature": "v1,é"},
        {"Webhook-Signature": "v9,aGFsbG8="},
        {"Webhook-Signature": "v1,aGFsbG8= " * 500},
    ],
)
def test_what_is_not_right_is_refused_with_one_kind_of_error(change: dict[str, str]):
    with pytest.raises(WebhookVerificationError):
        check(signed("{}") | change, "{}")


@pytest.mark.parametrize("missing", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_a_missing_header_is_refused(missing: str):
    headers = signed("{}")
    del headers[missing]
    with pytest.raises(WebhookVerificationError, match=missing.lower()):
        check(headers, "{}")


def test_another_body_or_another_secret_is_refused():
    with pytest.raises(WebhookVerificationError, match="no signature fits"):
        check(signed("{}"), "{ }")
    with pytest.raises(WebhookVerificationError, match="no signature fits"):
        check(signed("{}", secret=OTHER), "{}")


def test_a_secret_that_was_copied_wrongly_is_said_to_be_so():
    with pytest.raises(ValueError, match="copy it again"):
        check(signed("{}"), "{}", secrets=["whsec_***"])


@pytest.mark.parametrize("empty", ["", "whsec_", "whsec_c2hvcnQ="])
def test_a_secret_that_anybody_could_guess_is_refused(empty: str):
    """A variable that is not set, perhaps: with an empty secret anybody signs."""
    body, stamp = "{}", str(int(NOW.timestamp()))
    key = base64.b64decode(empty.removeprefix("whsec_"))
    forged = base64.b64encode(hmac.digest(key, f"m.{stamp}.{body}".encode(), sha256)).decode()
    headers = {"webhook-id": "m", "webhook-timestamp": stamp, "webhook-signature": f"v1,{forged}"}
    with pytest.raises(ValueError, match="copy it again"):
        check(headers, body, secrets=[SECRET, empty])


def test_a_record_comes_out_as_it_is_in_the_feed(ledger: Client):
    ledger.tell(ProjectStarted(title="Shorter waits"), about="project/P-1", at="2016-04")
    (in_the_feed,) = ledger.feed()
    http = ledger._http
    events = f"/v1/{ledger.ledger.organisation}/events"
    headers = {
        "authorization": f"Bearer {ledger._keyring._key}",
        "accept": "application/cloudevents-batch+json",
    }
    body = json.dumps(http.get(events, headers=headers).json()[0])
    record = receive(signed(body), body.encode(), secrets=[SECRET], now=NOW.timestamp())
    assert isinstance(record, Record)
    assert record == in_the_feed


def test_a_test_event_brings_no_record_and_nonsense_is_refused():
    claim = Claim(
        organisation="RWK",
        endpoint="we_x",
        epoch=1,
        position=7,
        failures=0,
        failing_since=None,
        pausing=False,
        url="https://warehouse.example",
        types=(),
        ordering="strict",
        state="enabled",
    )
    tested = msgspec.json.encode(event_of_a_test(claim, "m-1", NOW)).decode()
    for body in ("{}", '{"type":"webhook.test"}', tested):
        assert receive(signed(body), body.encode(), secrets=[SECRET], now=NOW.timestamp()) is None
    for body in ("[", "3", '{"sequence":"x"}', "[" * 100_000):
        with pytest.raises(WebhookVerificationError):
            receive(signed(body), body.encode(), secrets=[SECRET], now=NOW.timestamp())
