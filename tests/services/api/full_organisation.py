"""An organisation of which there is everything: an event of every type, folded and sealed; notices, messages; a person,
what they chose, a webhook. One word stands in every text of it, and nowhere else.
"""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg

from events.log import keys
from events.privacy.custody import KeysInHand, entrust
from events.vocabulary import ANY_STREAM, Event, canonical_body, example_of, vocabulary
from projections.engine.advance import advance
from projections.notices.engine.listen import listen
from projections.notices.engine.plan import plan
from services.channels.inbox import Inbox
from tests.conftest import MASTER_KEY
from tests.events.log.sealing import sealed_by
from tests.roles import as_role
from tests.services.api.conftest import Door, Server, event, new_organisation
from tests.services.worker.messages import Peer, Telling, deliver

SCOPES = sorted(
    {
        *(keys.WRITE, keys.READ, keys.ASK, keys.ASK_OF_PEOPLE, keys.ADMIN, keys.OPERATIONS),
        *(keys.NOTICES_READ, keys.NOTICES_WRITE, keys.PEOPLE_READ, keys.PEOPLE_WRITE),
        *(keys.WEBHOOKS_READ, keys.WEBHOOKS_WRITE),
    }
)
PERSON = "8Qm2"
NAMED = {"project": "P-17", "forum": "city-hackney", "programme": "violence-reduction", "person": PERSON}
CHOSEN = {
    "paces": [{"rule": "*", "channel": "email", "pace": "weekly"}],
    "quiet_hours": {"starts": "22:00:00", "ends": "07:00:00"},
    "mutes": [{"subject": "project/P-18"}],
}
BEGAN = datetime.now(UTC) - timedelta(days=2)
ENDINGS = re.compile(
    r"cancelled|withdrawn|retired|merged|ended|closed|removed|dropped|stopped|declined|parked|left|released|"
    r"abandoned|retracted|corrected|excluded|reversed|stepped_down|transferred|visibility|erasure"
)


class Full:
    """The organisation, its door, and the names under which its things are found."""

    def __init__(self, server: Server, database_url: str, word: str) -> None:
        entrust(KeysInHand(MASTER_KEY))
        self.word = word
        self.database_url = database_url
        self.door = door_to_a_new_one(server, database_url)
        self.code = self.door.organisation
        self._hears()
        said = self.door.tell_all(list(everything(word))).json()
        assert {one["status"] for one in said} == {201}, said
        self.head = len(said)
        self._hears()
        fold_all(database_url, self.code)
        self.webhook = self._is_told()
        self.message = self._tells()
        for log in (self.code, f"{self.code}.operations"):
            assert sealed_by(database_url, log)

    def _hears(self) -> None:
        """The rules of notices hear what was told until now; the first time, to begin here."""
        with psycopg.connect(as_role(self.database_url, "qiledger_worker"), autocommit=True) as conn:
            listen(conn, self.code, now=datetime.now(UTC))
            plan(conn, self.code, now=datetime.now(UTC))

    def _is_told(self) -> str:
        """A contact, what they chose, and a webhook, whose id is returned."""
        at = f"/v1/{self.code}"
        contact = {"name": f"Jo {self.word}", "email": f"{self.word}@nhs.test"}
        webhook = {"url": f"https://93.184.216.34/{self.word}", "description": f"For {self.word}"}
        answers = [
            self.door.http.put(f"{at}/people/{PERSON}", json=contact),
            self.door.http.put(f"{at}/preferences/{PERSON}", json=CHOSEN),
            self.door.http.post(f"{at}/webhooks", json=webhook),
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 201], [one.text for one in answers]
        return str(answers[-1].json()["id"])

    def _tells(self) -> str:
        """A notice by e-mail, and in an inbox by the message whose id is returned."""
        telling = Telling(self.database_url, self.code)
        telling.now = datetime.now(UTC)
        notice = telling.notices(f"It is done, {self.word}", recipient=f"person/{PERSON}")
        telling.plans("email", notices=(notice,), person=f"person/{PERSON}")
        message = telling.plans("inbox", notices=(notice,), person=f"person/{PERSON}")
        with psycopg.connect(as_role(self.database_url, "qiledger_worker"), autocommit=True) as conn:
            deliver(conn, telling, Peer("email"), Inbox(conn, self.code))
        return message


def door_to_a_new_one(server: Server, database_url: str) -> Door:
    """The door of a new organisation, with a key that may do everything."""
    organisation = new_organisation(database_url)
    with psycopg.connect(database_url) as conn:
        key = keys.create(conn, organisation, "lifeqi", scopes=SCOPES, sources=["/lifeqi"]).text
    return Door(server.url, organisation, key)


def fold_all(database_url: str, organisation: str) -> None:
    """What workers would do now."""
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn:
        conn.execute("SET timezone = 'UTC'")
        advance(conn, organisation, deadline=time.monotonic() + 60)


def everything(word: str) -> Iterator[dict[str, Any]]:
    """An event of each type that systems may tell; what ends things happens to another thing of the kind."""
    at = BEGAN
    for tag, kind in vocabulary().items():
        if kind.stream != "operations":
            body = with_word(msgspec.json.decode(canonical_body(example_of(kind))), word)
            at += timedelta(minutes=1)
            stream = stream_of(kind, "-2" if ENDINGS.search(tag) else "")
            yield event(f"{tag} {word}", type=tag, subject=stream, time=at.isoformat(), data=body)


def stream_of(kind: type[Event], suffix: str) -> str:
    """The thing of that kind which the examples name, or another."""
    noun = "project" if kind.stream == ANY_STREAM else kind.stream
    return f"{noun}/{NAMED.get(noun, noun)}{suffix}"


def with_word(value: Any, word: str) -> Any:
    """The same, and every text in it ends with the word. Names of things, dates and choices hold no blank."""
    if isinstance(value, dict):
        return {name: with_word(inner, word) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_word(inner, word) for inner in value]
    return f"{value} {word}" if isinstance(value, str) and " " in value else value
