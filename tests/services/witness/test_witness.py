"""A witness: what it co-signs, what it will not, and how a log is witnessed that has one away."""

import base64
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.log import checkpoints, merkle, notes
from events.log.checkpoints import Checkpoint
from events.log.merkle import Node, leaf_hash
from events.log.notes import SigningKey
from services.ports import kept_port
from services.sealing import Witness
from services.witness.judging import PROOF_LINES_MAX, Answer, judge
from services.witness.memory import Memory, NoWitness, claimed, known_logs, make, remembered, trust
from services.worker.witnessing import ask_all
from tests.events.log.sealing import HOST, KEY, as_worker, sealed_by, tamper, tell_many
from tests.patience import ENDS_WITHIN_S, wait_until
from tests.plain_http import PLAIN

ORIGIN = f"{HOST}/RWK"
LOG = KEY.named(ORIGIN)
AT = 1_679_315_147
_numbers = itertools.count(1)


class History:
    """A log's entries, and what it shows of them."""

    def __init__(self, *entries: str) -> None:
        self.entries = [entry.encode() for entry in entries]

    def hash(self, node: Node) -> bytes:
        start = node.number << node.level
        return merkle.CompactRange.of(map(leaf_hash, self.entries[start : start + (1 << node.level)])).root()

    def note(self, size: int, *keys: SigningKey, origin: str = ORIGIN) -> str:
        root = merkle.root_of(size, self.hash)
        return checkpoints.sign(Checkpoint(origin, size, root), list(keys) or [LOG]).write()

    def shown(self, old: int, size: int, *keys: SigningKey, **changes: Any) -> bytes:
        proof = changes.pop("proof", None)
        proof = merkle.consistency_proof(old, size, self.hash) if proof is None else proof
        lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof)]
        return "\n".join([*lines, "", self.note(size, *keys, **changes)]).encode()


ONE = History(*"abcdefgh")
OTHER = History(*"abXdefgh")


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    make(tmp_path / "w", "witness.example/w1", [LOG.public])
    return remembered(tmp_path / "w")


def asked(memory: Memory, body: bytes) -> Answer:
    return judge(memory, body, lambda: AT)


def test_it_co_signs_what_was_only_added_to_and_remembers_it(memory: Memory) -> None:
    for old, size in [(0, 3), (3, 3), (3, 8)]:
        answer = asked(memory, ONE.shown(old, size))
        assert answer.status == 200, answer.body
        line = notes.read_signature(answer.body)
        memory.key.public.verify(notes.read_note(ONE.note(size)).text, line)
        assert notes.time_of(line) == AT
        again = remembered(memory.directory)  # as after a restart
        assert again.seen(ORIGIN) == Checkpoint(ORIGIN, size, merkle.root_of(size, ONE.hash))


def test_another_history_is_never_co_signed(memory: Memory) -> None:
    assert asked(memory, ONE.shown(0, 3)).status == 200
    assert asked(memory, OTHER.shown(3, 8)).status == 422
    assert asked(memory, OTHER.shown(3, 3)) == Answer(409, "3\n", "text/x.tlog.size")
    assert asked(memory, ONE.shown(3, 8, proof=[])).status == 422
    assert asked(memory, ONE.shown(0, 8)) == Answer(409, "3\n", "text/x.tlog.size")
    assert asked(memory, ONE.shown(2, 8)) == Answer(409, "3\n", "text/x.tlog.size")
    assert asked(memory, ONE.shown(3, 8)).status == 200
    assert asked(memory, ONE.shown(3, 3)) == Answer(409, "8\n", "text/x.tlog.size")  # nothing is wound back
    assert remembered(memory.directory).seen(ORIGIN) == Checkpoint(ORIGIN, 8, merkle.root_of(8, ONE.hash))


def test_strangers_are_turned_away(memory: Memory) -> None:
    stranger = SigningKey.make(ORIGIN)
    assert asked(memory, ONE.shown(0, 3, origin="other.example/RWK")).status == 404
    assert asked(memory, ONE.shown(0, 3, stranger)).status == 403
    assert asked(memory, ONE.shown(0, 3, stranger, LOG)).status == 200
    old_is_larger = ONE.shown(0, 3).replace(b"old 0", b"old 4")
    assert asked(memory, old_is_larger).status == 400
    with pytest.raises(NoWitness):
        remembered(memory.directory / "elsewhere")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"old 0\n\n",
        b"old 00\n\n" + ONE.note(3).encode(),
        b"new 0\n\n" + ONE.note(3).encode(),
        b"old 0\nAAAA\n\n" + ONE.note(3).encode(),
        b"old 0\n"
        + b"".join([base64.b64encode(bytes(32)) + b"\n"] * (PROOF_LINES_MAX + 1))
        + b"\n"
        + ONE.note(3).encode(),
        ONE.note(3).encode(),
        b"old 0\n\n" + ONE.note(3).replace("\n3\n", "\n03\n").encode(),
    ],
)
def test_what_is_no_submission_is_refused(memory: Memory, body: bytes) -> None:
    assert asked(memory, body).status in (400, 404, 403)
    assert memory.seen(ORIGIN) is None


@given(flips=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 7)), min_size=1, max_size=3))
def test_no_damaged_submission_is_co_signed_for_another_tree(
    tmp_path_factory: Any, flips: list[tuple[int, int]]
) -> None:
    directory = tmp_path_factory.mktemp("w")
    make(directory, "witness.example/w1", [LOG.public])
    memory = remembered(directory)
    assert asked(memory, ONE.shown(0, 3)).status == 200
    body = bytearray(ONE.shown(3, 8))
    for at, bit in flips:
        body[at % len(body)] ^= 1 << bit
    if asked(memory, bytes(body)).status == 200:
        assert memory.seen(ORIGIN) == Checkpoint(ORIGIN, 8, merkle.root_of(8, ONE.hash))
    else:
        assert memory.seen(ORIGIN) == Checkpoint(ORIGIN, 3, merkle.root_of(3, ONE.hash))


def test_a_log_may_change_its_key_once_the_witness_was_told(memory: Memory) -> None:
    fresh = SigningKey.make(ORIGIN)
    assert asked(memory, ONE.shown(0, 3)).status == 200
    assert asked(memory, ONE.shown(3, 8, fresh)).status == 403
    trust(memory.directory, [fresh.public, LOG.public])
    assert known_logs(memory.directory) == {ORIGIN: [LOG.public, fresh.public]}
    assert asked(remembered(memory.directory), ONE.shown(3, 8, fresh)).status == 200


def test_one_directory_has_one_witness_at_a_time(memory: Memory) -> None:
    with (
        claimed(memory.directory),
        pytest.raises(NoWitness, match="another process"),
        claimed(memory.directory),
    ):
        pass
    with pytest.raises(FileExistsError):
        make(memory.directory, "witness.example/w2", [])


class Served:
    """`qiledger witness serve` in a process of its own."""

    def __init__(self, directory: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        env = {name: value for name, value in os.environ.items() if not name.startswith("QILEDGER_")}
        command = [sys.executable, "-m", "services.cli", "witness", "serve", "--directory", str(directory)]
        with (directory / "said.log").open("ab") as said:
            self.process = subprocess.Popen(
                [*command, "--port", str(port)], env=env, stdout=said, stderr=said
            )
        wait_until(self._alive, within_s=60, what="the witness answers")

    def _alive(self) -> bool:
        assert self.process.poll() is None
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5, verify=PLAIN).status_code == 200
        except httpx.TransportError:
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(ENDS_WITHIN_S)


@pytest.fixture
def log(database_url: str) -> str:
    code = f"WIT{os.getpid() % 10_000}{next(_numbers)}"
    with psycopg.connect(database_url) as conn:
        conn.execute("SELECT log.open(%s, 'A trust')", (code,))
    return code


@pytest.fixture
def witness(tmp_path: Path, log: str) -> Iterator[tuple[Witness, Served]]:
    directory = tmp_path / "witness"
    key = make(directory, "witness.example/w1", [KEY.public.named(f"{HOST}/{log}")])
    with kept_port("127.0.0.1") as port, Served(directory, port) as served:
        yield Witness(key.public, served.url), served


def told(url: str, log: str) -> tuple[int, str | None]:
    """How far the witness is known to have come, and what ails it."""
    with as_worker(url) as conn:
        row = conn.execute(
            "SELECT size, trouble FROM proof.witnesses WHERE organisation = %s", (log,)
        ).fetchone()
    assert row is not None
    return row


def ask_again(url: str, witness: Witness) -> None:
    with as_worker(url) as conn:
        conn.execute("UPDATE proof.witnesses SET again_at = '-infinity'")
        ask_all(conn, [witness])


def test_a_log_is_witnessed_and_a_witness_that_was_away_catches_up(
    database_url: str, log: str, witness: tuple[Witness, Served], tmp_path: Path
) -> None:
    by, served = witness
    for number in (300, 20):
        tell_many(database_url, log, number, str(number))
        assert sealed_by(database_url, log)
        ask_again(database_url, by)
    assert told(database_url, log) == (320, None)
    with as_worker(database_url) as conn:
        rows = conn.execute(
            "SELECT c.note || w.line FROM proof.checkpoints AS c JOIN proof.cosignatures AS w"
            " USING (organisation, generation, size) WHERE organisation = %s ORDER BY size",
            (log,),
        ).fetchall()
    assert len(rows) == 2
    for (text,) in rows:
        assert [one.name for one in notes.verified(notes.read_note(text), [by.key])] == ["witness.example/w1"]

    served.stop()
    tell_many(database_url, log, 5, "away")
    assert sealed_by(database_url, log)
    ask_again(database_url, by)
    assert told(database_url, log) == (320, "it cannot be reached: ConnectionError")
    tell_many(database_url, log, 600, "still away")
    assert sealed_by(database_url, log)
    back = Served(tmp_path / "witness", int(by.url.rpartition(":")[2]))
    try:
        ask_again(database_url, by)
        assert told(database_url, log) == (925, None)
        shown = httpx.get(f"{back.url}/", verify=PLAIN).text
        assert shown == f"{by.key.write()}\n{HOST}/{log} 925\n"
        for path, body, status in [
            ("/", b"x", 405),
            ("/add-checkpoint", b"x" * 70_000, 413),
            ("/nothing", b"", 404),
        ]:
            assert httpx.post(f"{back.url}{path}", content=body, verify=PLAIN).status_code == status
        # A backup is restored: what the witness saw is not there any more.
        tamper(database_url, "DELETE FROM proof.checkpoints WHERE organisation = %s AND size > 320", log)
        tamper(
            database_url, "UPDATE proof.logs SET signed = 320, generation = 1 WHERE organisation = %s", log
        )
        tamper(database_url, "UPDATE proof.witnesses SET size = 300 WHERE organisation = %s", log)
        ask_again(database_url, by)
        size, trouble = told(database_url, log)
        assert size == 300
        assert "it has seen 925 records; only 320 are signed here" in (trouble or "")
    finally:
        back.stop()
