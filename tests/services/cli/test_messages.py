"""`qiledger messages`, as it is run."""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from services.channels.outcome import Refused
from tests import warm
from tests.roles import as_role
from tests.services.channels.mail_server import Mailbox
from tests.services.worker.messages import Peer, Telling, deliver, with_master_key


@pytest.fixture(scope="module", autouse=True)
def _master_key() -> Iterator[None]:
    take_away = with_master_key()
    yield
    take_away()


def qiledger(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("QILEDGER_")}
    env |= {"COLUMNS": "240"} | {f"QILEDGER_{name.upper()}": value for name, value in settings.items()}
    return warm.qiledger("messages", *words, env=env)


def test_dead_messages_are_listed_shown_and_tried_again(database_url: str) -> None:
    telling = Telling(database_url)
    telling.knows()
    id_ = telling.plans()
    url = as_role(database_url, "qiledger_worker")
    with psycopg.connect(url, autocommit=True) as conn:
        deliver(conn, telling, Peer("email", Refused("550 no such user")))
    of = ("--organisation", telling.code)
    dead = qiledger("dead", *of, database_url=database_url)
    assert id_ in dead.stdout, dead.stderr
    assert "550 no such user" in dead.stdout
    shown = qiledger("show", id_, "--json", *of, database_url=database_url)
    assert json.loads(shown.stdout)["attempts"][0]["outcome"] == "refused"
    assert (
        "1 message will be tried again"
        in qiledger("retry", "--all-dead", *of, database_url=database_url).stdout
    )
    (line,) = json.loads(qiledger("list", "--json", *of, database_url=database_url).stdout)
    assert (line["state"], line["tries"]) == ("waiting", 0)


def test_addresses_that_a_server_was_wrong_about_are_used_again(database_url: str) -> None:
    telling = Telling(database_url)
    telling.knows()
    telling.now = datetime.now(UTC)
    of = ("--organisation", telling.code)
    no_such_user = Refused("550 5.1.1 no such user", bad_address=True)
    tomorrow = f"{telling.now + timedelta(days=1):%Y-%m-%d}"
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn:
        for _ in range(2):  # and it can be marked anew
            telling.plans()
            deliver(conn, telling, Peer("email", no_such_user))
            said = [
                qiledger("unmark", "--since", day, *of, database_url=database_url).stdout
                for day in (tomorrow, f"{telling.now:%Y-%m-%d}", "2020-01-01")
            ]
            assert [one.split()[0] for one in said] == ["0", "1", "0"]
            id_ = telling.plans()
            deliver(conn, telling, Peer())
            assert telling.state(id_) == "sent"


def test_texts_are_shown_with_ones_own_before_ours(tmp_path: Path) -> None:
    (tmp_path / "notice.txt").write_text("subject: News\n---\nDear all: {{ title }}\n")
    assert "Dear all: Safer insulin" in qiledger("preview", "notice", templates=str(tmp_path)).stdout
    (tmp_path / "notice.txt").write_text("subject: News\n---\n{{ titel }}\n")
    wrong = qiledger("preview", "notice", templates=str(tmp_path))
    assert wrong.returncode == 1
    assert "titel" in wrong.stderr
    assert "<!doctype html>" in qiledger("preview", "digest", "--html").stdout


def test_a_channel_is_tried_with_one_message() -> None:
    with Mailbox() as server:
        settings = {"smtp_url": f"smtp://127.0.0.1:{server.port}?tls=none", "mail_from": "qi@trust.test"}
        sent = qiledger("test-send", "email", "--to", "jo@nhs.test", **settings)
        server.box.says_to_rcpt = "550 <{address}> unknown"
        refused = qiledger("test-send", "email", "--to", "jo@nhs.test", **settings)
    assert sent.returncode == 0, sent.stderr
    assert len(server.box.mails) == 1
    assert refused.returncode == 1
    assert "550 <…> unknown" in refused.stderr
    assert "not set up" in qiledger("test-send", "notify", "--to", "jo@nhs.test").stderr
    half = qiledger("test-send", "email", "--to", "jo@nhs.test", smtp_url="smtp://u:secret@mail.test")
    assert "QILEDGER_MAIL_FROM" in half.stderr
    assert "secret" not in half.stderr
