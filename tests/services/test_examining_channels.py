"""What the doctor says of channels: which reach their servers, what is wrong with the others, what waits."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.channels.outcome import Refused, TryLater
from services.examining_channels import examine_channels
from services.finding import Finding
from services.settings import Settings
from tests.roles import as_role
from tests.services.channels.http_server import KEY, TEMPLATE, NotifyServer
from tests.services.channels.mail_server import Mailbox
from tests.services.worker.messages import Peer, Telling, deliver, with_master_key


@pytest.fixture(autouse=True)
def _master_key() -> Iterator[None]:
    take_away = with_master_key()
    yield
    take_away()


def found(database_url: str | None = None, **settings: str) -> dict[str, Finding]:
    environ = {f"QILEDGER_{name.upper()}": value for name, value in settings.items()}
    return {finding.what: finding for finding in examine_channels(Settings.read(environ), database_url)}


def test_a_house_without_channels_is_well() -> None:
    assert {(one.what, one.state) for one in found().values()} == {
        ("channel email", "well"),
        ("channel notify", "well"),
        ("channel chat", "well"),
    }


def test_channels_that_reach_their_servers_are_well() -> None:
    with Mailbox() as server, NotifyServer() as notify:
        said = found(
            smtp_url=f"smtp://127.0.0.1:{server.port}?tls=none",
            mail_from="qi@trust.test",
            notify_key=KEY,
            notify_template=TEMPLATE,
            notify_url=notify.url,
            public_url="https://qi.trust.test",
        )
    assert said["channel email"] == Finding("channel email", "well", f"reaches 127.0.0.1:{server.port}")
    assert said["channel notify"].state == "well"
    assert server.box.mails == []
    assert notify.taken == []


def test_what_is_wrong_is_said_with_what_to_do(tmp_path: Path) -> None:
    with Mailbox() as gone:
        port = gone.port
    (tmp_path / "digest.txt").write_text("subject: {{ titel }}\n---\n")
    said = found(
        smtp_url=f"smtp://127.0.0.1:{port}?tls=none",
        mail_from="qi@trust.test",
        notify_key="half",
        notify_template=TEMPLATE,
        chat_urls="a=file:///etc/passwd",
        templates=str(tmp_path),
    )
    wrong = {"channel email", "channel notify", "channel chat", "text digest"}
    assert {one.what for one in said.values() if one.state == "wrong"} == wrong
    assert said["links in messages"].state == "mind"
    assert all(one.cure for one in said.values() if one.state != "well")
    clear = found(smtp_url="smtp://192.0.2.1:1?tls=none&rate=0", mail_from="qi@trust.test")
    assert clear["channel email"].state == "wrong"


def test_what_waits_and_what_is_dead_is_counted(database_url: str) -> None:
    telling = Telling(database_url)
    telling.knows()
    telling.plans("email")
    telling.plans("notify")
    telling.plans("inbox")
    url = as_role(database_url, "qiledger_worker")
    with psycopg.connect(url, autocommit=True) as conn:
        peers = Peer("email", Refused("550 no")), Peer("notify", TryLater("away", everybody=True))
        deliver(conn, telling, *peers)
    telling.does("UPDATE notices.messages SET try_at = NULL WHERE organisation = %s")
    said = found(database_url)
    assert said[f"{telling.code} messages by email"].said == "1 is dead"
    assert "not set up" in said[f"{telling.code} messages by notify"].said
    assert "away" in said[f"{telling.code} notify"].said
    assert f"{telling.code} messages by inbox" not in said


def test_addresses_at_which_nothing_arrives_are_counted_and_nobody_is_named(database_url: str) -> None:
    """Of those whose address was changed or given again since, it is not known that it is bad."""
    telling = Telling(database_url)
    for person in ("person/p-1", "person/p-2", "person/p-3"):
        telling.knows(person)
        telling.does(
            "INSERT INTO notices.bad_addresses (organisation, person, used_at, message, said)"
            " VALUES (%s, %s, clock_timestamp(), 'm', 'permanent-failure: no such address')",
            person,
        )
    telling.knows("person/p-3")
    other = Telling(database_url)
    url = as_role(database_url, "qiledger_worker")
    for as_whom in (database_url, url):
        said = found(as_whom)
        assert f"{other.code} addresses" not in said
        bad = said[f"{telling.code} addresses"]
        assert (bad.state, "nothing arrives at 2 people" in bad.said) == ("mind", True)
        assert "retry" in bad.cure
        assert not any("person/p-" in one.said + one.cure for one in said.values())
