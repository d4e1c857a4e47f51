"""The outbox: what is put in it is told once, whatever breaks in between."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from qiledger_client import AsyncClient, Client, NotAllowed, Outbox, OutboxFull, Unreachable
from qiledger_client.events import ProjectStarted
from qiledger_client.telling import Telling
from tests.clients.conftest import SOURCE
from tests.patience import wait_until
from tests.services.api.conftest import MakeKey, Server

CLIENT = Path(__file__).parents[2] / "clients" / "python" / "src"


def started(name: str, title: str = "Shorter waits") -> Telling:
    return Telling(
        event=ProjectStarted(title=title),
        about=f"project/{name}",
        at="2026",
        source=SOURCE,
        id=f"{name}-started",
    )


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox.db")


def kept(ledger: Client) -> list[str]:
    return [record.id for record in ledger.feed()]


def test_what_was_put_is_told_in_order_and_gone(ledger: Client, outbox: Outbox):
    for n in range(5):
        outbox.put(started(f"P-{n}"))
    flushed = outbox.flush(ledger)
    assert (flushed.told, flushed.waiting, flushed.away) == (5, 0, None)
    assert kept(ledger) == [f"P-{n}-started" for n in range(5)]


def test_put_twice_it_waits_once_and_another_under_its_id_is_refused(outbox: Outbox):
    outbox.put(started("P-1"))
    outbox.put(started("P-1"))
    assert len(outbox) == 1
    with pytest.raises(ValueError, match="another event waits"):
        outbox.put(started("P-1", title="Something else"))


def test_while_the_ledger_is_away_everything_waits(outbox: Outbox, ledger: Client):
    outbox.put(started("P-1"))
    with Client("http://127.0.0.1:9", "RWK", key="k", source=SOURCE, tries=1) as away:
        flushed = outbox.flush(away)
    assert isinstance(flushed.away, Unreachable)
    assert (flushed.told, flushed.waiting) == (0, 1)
    assert outbox.flush(ledger).told == 1


def test_a_full_outbox_says_so(tmp_path: Path):
    outbox = Outbox(tmp_path / "outbox.db", events_max=1)
    outbox.put(started("P-1"))
    with pytest.raises(OutboxFull):
        outbox.put(started("P-2"))


def test_what_the_ledger_never_takes_is_set_aside_with_its_problem(ledger: Client, outbox: Outbox):
    outbox.put(started("P-1"))
    outbox.put(started("P-2", title="x" * 1_000))
    outbox.put(started("P-3"))
    flushed = outbox.flush(ledger)
    assert (flushed.told, flushed.set_aside, flushed.waiting) == (2, 1, 0)
    (aside,) = outbox.set_aside()
    assert aside.status == 422
    assert aside.document["field"] == "data.title"
    assert aside.event["id"] == "P-2-started"
    outbox.forget(aside.place)
    assert outbox.set_aside() == []


def test_what_was_set_aside_is_put_back_as_it_was_and_where_it_was(
    ledger: Client, outbox: Outbox, tmp_path: Path
):
    """An older ledger did not know the type, say, and one that does has come."""
    outbox.put(started("P-1", title="x" * 1_000))
    (waits,) = outbox.waiting()
    outbox.flush(ledger)
    (aside,) = outbox.set_aside()
    outbox.put(started("P-2"))
    outbox.put_back(aside.place)
    assert (outbox.waiting()[0], outbox.set_aside()) == (waits, [])
    with pytest.raises(KeyError):
        outbox.put_back(aside.place)
    outbox.flush(ledger)
    assert [again.place for again in outbox.set_aside()] == [aside.place]
    outbox.put(started("P-1", title="Mended"))
    with pytest.raises(ValueError, match="another event waits"):
        outbox.put_back(aside.place)
    assert len(outbox.set_aside()) == 1
    assert outbox.flush(ledger).told == 1


def test_what_is_set_aside_is_said_by_name_and_nothing_of_what_it_says(
    ledger: Client, outbox: Outbox, caplog: pytest.LogCaptureFixture
):
    with outbox.flushing(ledger, every_s=60):
        outbox.put(started("P-1", title="Somebody's words " * 100))
    assert "set 1 aside" in caplog.text
    assert "P-1-started" in caplog.text
    assert "data.title" in caplog.text
    assert "Somebody" not in caplog.text


def test_what_a_key_may_not_tell_waits_for_one_that_may_and_the_rest_is_told(
    server: Server, organisation: str, make_key: MakeKey, ledger: Client, outbox: Outbox
):
    for source in (SOURCE, "/elsewhere", SOURCE):
        outbox.put(replace(started(f"P-{len(outbox)}"), source=source))
    with pytest.raises(NotAllowed) as refused:
        outbox.flush(ledger)
    assert kept(ledger) == ["P-0-started", "P-2-started"]
    assert [waits.event["id"] for waits in outbox.waiting()] == ["P-1-started"]
    assert outbox.set_aside() == []
    assert "P-1-started" in refused.value.__notes__[0]
    elsewhere = make_key(client="elsewhere", sources=["/elsewhere"])
    with Client(server.url, organisation, key=elsewhere, source="/elsewhere") as client:
        assert outbox.flush(client).told == 1
    assert len(outbox) == 0


def test_what_no_key_will_ever_tell_is_withdrawn(ledger: Client, outbox: Outbox):
    outbox.put(replace(started("P-1"), source="/mistaken"))
    with pytest.raises(NotAllowed):
        outbox.flush(ledger)
    outbox.withdraw(outbox.waiting()[0].place)
    assert outbox.flush(ledger).waiting == 0


def test_nobody_but_its_owner_reads_what_waits(outbox: Outbox, tmp_path: Path):
    outbox.put(started("P-1"))
    for file in tmp_path.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file.name


def test_an_event_that_no_batch_can_hold_holds_nobody_up(ledger: Client, outbox: Outbox):
    outbox.put(started("P-1"))
    outbox.put(started("P-2", title="x" * 1_200_000))
    outbox.put(started("P-3"))
    flushed = outbox.flush(ledger)
    assert (flushed.told, flushed.set_aside, flushed.waiting) == (2, 1, 0)
    (aside,) = outbox.set_aside()
    assert (aside.status, aside.event["id"]) == (413, "P-2-started")


def test_what_is_no_json_is_refused_before_it_waits(outbox: Outbox):
    """A batch with such a number in it would be refused as a whole, and everything behind it would wait for ever."""
    with pytest.raises(ValueError, match="JSON"):
        outbox.put(replace(started("P-1"), event={"title": float("nan")}, type="project.started"))
    assert len(outbox) == 0


def test_what_the_ledger_cannot_take_just_now_waits_and_nothing_waits_for_it(
    database_url: str,
    organisation: str,
    key: str,
    server: Server,
    ledger: Client,
    outbox: Outbox,
    tmp_path: Path,
):
    """A ledger without its master key takes no word by a person; it will, once somebody has set it."""
    said = {"text": "It went well"}
    outbox.put(replace(started("P-1"), event=said, type="comment.posted", actor="person/8Qm2"))
    outbox.put(started("P-2"))
    without = Server(database_url, None, tmp_path, master_key="")
    try:
        with Client(without.url, organisation, key=key, source=SOURCE) as client:
            flushed = outbox.flush(client)
    finally:
        without.stop()
    assert (flushed.told, flushed.set_aside, flushed.waiting) == (1, 0, 1)
    assert (outbox.flush(ledger).told, len(outbox)) == (1, 0)
    assert kept(ledger) == ["P-2-started", "P-1-started"]


async def test_the_other_client_flushes_too(server: Server, organisation: str, key: str, outbox: Outbox):
    outbox.put(started("P-1"))
    async with AsyncClient(server.url, organisation, key=key, source=SOURCE) as client:
        assert (await outbox.aflush(client)).told == 1


def test_a_thread_flushes_in_the_background_and_once_more_at_the_end(ledger: Client, outbox: Outbox):
    with outbox.flushing(ledger, every_s=0.01):
        for n in range(20):
            outbox.put(started(f"P-{n}"))
    assert len(outbox) == 0
    assert len(kept(ledger)) == 20


def test_a_thread_that_cannot_flush_says_so_and_tries_again(
    ledger: Client, outbox: Outbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    outbox.put(started("P-1"))
    with sqlite3.connect(tmp_path / "outbox.db") as db, outbox.flushing(ledger, every_s=0.05):
        db.execute("ALTER TABLE waiting RENAME TO mislaid")
        db.commit()
        wait_until(lambda: "was not flushed: no such table" in caplog.text, within_s=20, what="it says so")
        db.execute("ALTER TABLE mislaid RENAME TO waiting")
        db.commit()
        wait_until(lambda: len(outbox) == 0, within_s=20, what="it is told after all")
    db.close()


def test_a_thread_whose_key_is_no_good_says_so(
    server: Server, organisation: str, outbox: Outbox, caplog: pytest.LogCaptureFixture
):
    outbox.put(started("P-1"))
    with (
        Client(server.url, organisation, key="no-key", source=SOURCE) as client,
        outbox.flushing(client, every_s=60),
    ):
        pass
    assert "was not flushed: " in caplog.text
    assert "/problems/" in caplog.text
    assert len(outbox) == 1


def test_a_thread_whose_ledger_is_away_says_so(outbox: Outbox, caplog: pytest.LogCaptureFixture):
    outbox.put(started("P-1"))
    with (
        Client("http://127.0.0.1:9", "RWK", key="k", source=SOURCE, tries=1) as away,
        outbox.flushing(away, every_s=60),
    ):
        pass
    assert "was not flushed: http://127.0.0.1:9 was asked" in caplog.text


def test_two_who_flush_at_once_tell_each_event_once(
    server: Server, organisation: str, key: str, ledger: Client, outbox: Outbox
):
    for n in range(300):
        outbox.put(started(f"P-{n}"))

    def flush() -> None:
        with Client(server.url, organisation, key=key, source=SOURCE) as client:
            told.append(outbox.flush(client).told)

    told: list[int] = []
    threads = [threading.Thread(target=flush) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outbox) == 0
    assert kept(ledger) == [f"P-{n}-started" for n in range(300)]
    assert sum(told) == 300


_PUTS = """
import sys
from qiledger_client import Outbox
from qiledger_client.events import ProjectStarted
from qiledger_client.telling import Telling

outbox = Outbox(sys.argv[1])
for n in range(100_000):
    telling = Telling(event=ProjectStarted(title="t"), about=f"project/P-{n}", at="2026", source="/lifeqi", id=f"K-{n}")
    outbox.put(telling)
    print(n, flush=True)
"""


def test_a_process_killed_while_it_puts_loses_nothing_it_was_told_is_kept(
    tmp_path: Path, ledger: Client, outbox: Outbox
):
    env = os.environ | {"PYTHONPATH": str(CLIENT)}
    putting = subprocess.Popen(
        [sys.executable, "-c", _PUTS, str(tmp_path / "outbox.db")], stdout=subprocess.PIPE, text=True, env=env
    )
    assert putting.stdout is not None
    said = [putting.stdout.readline() for _ in range(25)]
    putting.send_signal(signal.SIGKILL)
    said += putting.stdout.readlines()
    putting.stdout.close()
    putting.wait(20)
    sure = [int(line) for line in said if line.endswith("\n")]
    outbox.flush(ledger)
    found = kept(ledger)
    assert set(found) >= {f"K-{n}" for n in sure}
    assert len(found) == len(set(found))


class Dies(httpx.BaseTransport):
    """The process ends at the n-th request: before it is sent, or after it was answered and before that is noted."""

    def __init__(self, *, after: bool) -> None:
        self._real = httpx.HTTPTransport()
        self._after = after

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self._after:
            self._real.handle_request(request).read()
        raise Killed

    def close(self) -> None:
        self._real.close()


class Killed(BaseException):
    """Nothing is noted after this, as after a SIGKILL."""


@pytest.mark.parametrize("after", [False, True])
def test_killed_between_any_two_steps_of_a_flush_each_event_is_told_once(
    server: Server, organisation: str, key: str, ledger: Client, outbox: Outbox, after: bool
):
    for n in range(3):
        outbox.put(started(f"P-{n}"))
    dies = Client(server.url, organisation, key=key, source=SOURCE, transport=Dies(after=after))
    with pytest.raises(Killed), dies:
        outbox.flush(dies)
    assert len(outbox) == 3
    assert outbox.flush(ledger).told == 3
    assert kept(ledger) == [f"P-{n}-started" for n in range(3)]
