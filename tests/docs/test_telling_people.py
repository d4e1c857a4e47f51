"""The guide on telling people is true today: its commands are run against real messages and a real mail server."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.channels.outcome import Refused
from services.operating import open_organisation
from tests.docs.test_guides import DOCS, Reader, looks_like, steps_of
from tests.roles import as_role
from tests.services.channels.mail_server import Mailbox
from tests.services.worker.messages import Peer, Telling, deliver, with_master_key


@pytest.fixture(autouse=True)
def _master_key() -> Iterator[None]:
    take_away = with_master_key()
    yield
    take_away()


def test_what_the_guide_on_telling_people_says_to_do_works_as_it_stands(
    fresh_database_url: str, tmp_path: Path
) -> None:
    telling = Telling(fresh_database_url, code="RWK")
    with psycopg.connect(fresh_database_url) as conn:
        open_organisation(conn, "RWK", "East London")
    telling.knows()
    telling.plans()
    url = as_role(fresh_database_url, "qiledger_worker")
    with psycopg.connect(url, autocommit=True) as conn:
        peer = Peer("email", Refused("550 no such user"))
        deliver(conn, telling, peer)
    with Mailbox() as server:
        env = {
            "QILEDGER_DATABASE_URL": fresh_database_url,
            "QILEDGER_SMTP_URL": f"smtp://127.0.0.1:{server.port}?tls=none",
            "QILEDGER_MAIL_FROM": "QI team <qi@trust.nhs.uk>",
            "COLUMNS": "240",
        }
        reader = Reader(tmp_path, env)
        for step in steps_of(DOCS / "telling-people.md"):
            printed = reader.follow(step)
            if step.shows is not None:
                assert looks_like(printed, step.shows), f"telling-people.md:{step.line} printed\n{printed}"
    assert [mail["To"] for mail in server.box.mails] == ["you@trust.nhs.uk"]
