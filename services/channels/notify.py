"""E-mail by GOV.UK Notify, through its official client.

Notify keeps a template; ours is the smallest there can be (subject `((subject))`, message `((body))`), so that the
words stay where the other channels have them. Each message carries its id as Notify's `reference`: what became of one
whose answer was lost can be asked.

Notify asks not to read its messages, only status codes and the type of an error:
400 is about this message, 403 about our key or our clock, 429 about how much we send, 500 and above about Notify.
"""

import logging
import re
from collections.abc import Mapping
from datetime import timedelta
from traceback import walk_tb
from typing import Any
from urllib.parse import urlsplit

import requests
from notifications_python_client.errors import APIError, HTTPError
from notifications_python_client.notifications import NotificationsAPIClient
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError, SSLError

from services.channels.letter import Letter, without_addresses
from services.channels.mail import in_one_line
from services.channels.outcome import (
    Arrival,
    Arrived,
    Bounced,
    LostOnTheWay,
    NotAnswered,
    Outcome,
    Refused,
    Sent,
    TryLater,
    Unknown,
    WrongWay,
)

ANSWER_WITHIN_S = 20.0
ARRIVALS: Mapping[str, Arrival] = {
    "delivered": Arrived(),
    "permanent-failure": Bounced(
        "permanent-failure: the address does not exist, or its server takes nothing of ours"
    ),
    "temporary-failure": LostOnTheWay(
        "temporary-failure: the mailbox took nothing for 72 hours; it may be full"
    ),
    "technical-failure": LostOnTheWay("technical-failure: something failed between Notify and the mailbox"),
}
"""What Notify calls the end of a notification; anything else is not the end."""
FAILED = tuple(status for status, arrival in ARRIVALS.items() if not isinstance(arrival, Arrived))
TOO_FAST_FOR = timedelta(minutes=1)  # the rate limit is by the minute
TOO_MANY_FOR = timedelta(hours=1)  # the other limit is by the day
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_KEY = re.compile(rf".+-{_UUID}-{_UUID}")
_TEMPLATE = re.compile(_UUID)

# The client logs what Notify answers, which may repeat what was sent. We keep the reason ourselves.
logging.getLogger("notifications_python_client").setLevel(logging.CRITICAL)


class Notify:
    """Sends letters as e-mails of one Notify service."""

    name = "notify"
    patience_s = 45.0
    per_minute = 2_400  # of the 3,000 that Notify allows a key
    settles_after = timedelta(minutes=1)

    def __init__(self, key: str, template: str, url: str) -> None:
        if not _KEY.fullmatch(key):
            raise WrongWay("a key of Notify is a name and two identifiers: copy it whole")
        if not _TEMPLATE.fullmatch(template):
            raise WrongWay("give the template of Notify by its id, as its page shows it")
        self._template = template
        self._url = url
        self._client: Any = _client(key, url)
        session = self._client.request_session
        session.trust_env = False  # no proxy and no .netrc that nobody here decided on
        session.max_redirects = 0
        session.mount("http://", HTTPAdapter(max_retries=0))
        session.mount("https://", HTTPAdapter(max_retries=0))

    def send(self, letter: Letter, to: str) -> Outcome:
        """One e-mail to one address."""
        asked = {"subject": in_one_line(letter.subject), "body": letter.marked}
        one_click = letter.unsubscribe if (letter.unsubscribe or "").startswith("https://") else None
        try:
            answer = self._client.send_email_notification(
                email_address=to,
                template_id=self._template,
                personalisation=asked,
                reference=letter.id,
                one_click_unsubscribe_url=one_click,
            )
        except APIError as failed:
            return _outcome(failed)
        except requests.RequestException as cut:  # a redirect, which Notify never answers with
            return TryLater(f"no answer of Notify: {type(cut).__name__}", everybody=True)
        return _taken(answer) or Unknown("the answer is not one of Notify's")

    def heard_of(self, letter_id: str) -> Sent | None:
        """Asks Notify by our reference; a notification that it could not deliver has not been taken."""
        try:
            answer = self._client.get_all_notifications(template_type="email", reference=letter_id)
        except (APIError, requests.RequestException) as failed:
            raise NotAnswered(_why(failed)) from None
        listed = answer.get("notifications") if isinstance(answer, dict) else None
        if not isinstance(listed, list):
            raise NotAnswered("the answer is not one of Notify's")
        for found in listed:
            ours = isinstance(found, dict) and found.get("reference") == letter_id
            if ours and found.get("status") not in FAILED and (sent := _taken(found)) is not None:
                return sent
        return None

    def what_became_of(self, reference: str) -> Arrival | None:
        """Asks Notify, which tries for 72 hours. Older than a week it knows nothing any more."""
        try:
            answer = self._client.get_notification_by_id(reference)
        except HTTPError as failed:
            if failed.response is not None and failed.status_code == 404:
                return None
            raise NotAnswered(_why(failed)) from None
        except (APIError, requests.RequestException) as failed:
            raise NotAnswered(_why(failed)) from None
        status = answer.get("status") if isinstance(answer, dict) else None
        if not isinstance(status, str):
            raise NotAnswered("the answer is not one of Notify's")
        return ARRIVALS.get(status)

    def reach(self) -> str:
        """Asks for our template, and looks whether it has the places for our words."""
        try:
            template = self._client.get_template(self._template)
        except (APIError, requests.RequestException) as failed:
            raise NotAnswered(_why(failed)) from None
        words = f"{template.get('subject')} {template.get('body')}" if isinstance(template, dict) else ""
        if "((subject))" not in words or "((body))" not in words:
            raise NotAnswered("the template lacks ((subject)) or ((body))")
        return urlsplit(self._url).netloc

    def drop(self) -> None:
        """Lets the connections go; the next call makes its own."""
        self._client.request_session.close()


def _client(key: str, url: str) -> Any:
    """The official client, which has no types of its own."""
    return NotificationsAPIClient(key, base_url=url, timeout=ANSWER_WITHIN_S)  # type: ignore[no-untyped-call]


def _taken(answer: Any) -> Sent | None:
    id_ = answer.get("id") if isinstance(answer, dict) else None
    return Sent(id_) if isinstance(id_, str) and re.fullmatch(_UUID, id_) else None


def _outcome(failed: APIError) -> Outcome:
    status = None if failed.response is None else failed.response.status_code
    why = _why(failed)
    match status:
        case None:
            never_there = _could_not_connect(failed)
            return TryLater(why, everybody=True) if never_there else Unknown(why)
        case 400:
            return Refused(why)
        case 429:
            by_the_day = "TooManyRequestsError" in why
            return TryLater(why, after=TOO_MANY_FOR if by_the_day else TOO_FAST_FOR, everybody=True)
        case _ if isinstance(failed, HTTPError) and status < 500:
            return TryLater(why, everybody=True)  # 401, 403, 404: our key, our clock, our address of Notify
        case _:
            return Unknown(why)  # it may have been written down before whatever failed there


def _could_not_connect(failed: APIError) -> bool:
    cause = failed.__cause__
    if isinstance(cause, requests.ConnectTimeout):
        return True
    if not isinstance(cause, requests.ConnectionError) or not cause.args:
        return False
    reason = getattr(cause.args[0], "reason", None)
    return isinstance(reason, NewConnectionError) or (
        isinstance(reason, SSLError) and _at_the_handshake(reason)
    )


def _at_the_handshake(failure: SSLError) -> bool:
    """Whether TLS failed before anything was asked. What fails it later leaves what was asked in doubt."""
    (cause, *_) = failure.args or (None,)
    steps = walk_tb(cause.__traceback__) if isinstance(cause, Exception) else ()
    return any(frame.f_code.co_name == "do_handshake" for frame, _ in steps)


def _why(failed: Exception) -> str:
    """The status and what Notify says to it, without addresses."""
    if not isinstance(failed, APIError):
        return type(failed).__name__
    if failed.response is None:
        return f"no answer of Notify: {type(failed.__cause__).__name__}"
    said = failed.message
    if isinstance(said, list):
        said = "; ".join(f"{one.get('error')}: {one.get('message')}" for one in said if isinstance(one, dict))
    return without_addresses(f"{failed.status_code} {said}")
