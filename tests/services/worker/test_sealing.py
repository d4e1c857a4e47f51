"""The sealer as a process: what is told is signed within moments, with and without Redis, by one of however many."""

from pathlib import Path

import psycopg
import pytest

from events.log import checkpoints, sealed
from events.log.sealing_key import Remembered
from services.doorbell import connect, ring
from services.ports import kept_port
from services.sealing import sealing_at, signer_of, witnesses_of
from services.settings import Settings, WrongSettings
from services.witness.memory import make
from services.worker.duty import Connection
from services.worker.sealer import News
from tests.events.log.sealing import HOST, KEY
from tests.patience import ENDS_WITHIN_S, wait_until
from tests.services.witness.test_witness import Served
from tests.services.worker.conftest import Start, Trust

SOON_S = 20.0


def signed(conn: Connection, trust: Trust) -> int:
    tree = sealed.tree_of(conn, trust.code)
    return 0 if tree is None else tree.signed


@pytest.mark.parametrize("doorbell", ["there", "not there"])
def test_what_is_told_is_sealed_in_moments(
    start: Start, conn: Connection, trust: Trust, redis_url: str, tmp_path: Path, doorbell: str
) -> None:
    url = redis_url if doorbell == "there" else "unix:///nowhere/valkey.sock?db=0"
    named = {"sealing_key": KEY.write(), "log_origin": HOST, "seal_directory": str(tmp_path / "seal")}
    sealers = [start("sealer", doorbell=url, **named) for _ in range(2)]
    for number in range(1, 4):
        position = trust.tell(f"P-{number}")
        wait_until(lambda at=position: signed(conn, trust) == at, within_s=SOON_S, what=f"{number} is sealed")
    last = sealed.newest(conn, trust.code, 1)
    assert last is not None
    origin = f"{HOST}/{trust.code}"
    checkpoints.verify(last.note, [KEY.public.named(origin)], origin=origin)
    assert Remembered(tmp_path / "seal").read(origin) == last.note
    for sealer in sealers:
        sealer.terminate()
        assert sealer.wait(ENDS_WITHIN_S) == 0
    assert conn.execute("SELECT count(*) FROM proof.refusals").fetchone() == (0,)


def test_it_stands_up_to_a_database_that_throws_it_out(
    start: Start, conn: Connection, trust: Trust, fresh_database_url: str
) -> None:
    sealer = start("sealer", doorbell=None, sealing_key=KEY.write())
    sessions = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'qiledger sealer'"
    )
    for number in range(1, 3):
        position = trust.tell(f"P-{number}")
        wait_until(lambda at=position: signed(conn, trust) == at, within_s=SOON_S, what="it is sealed")
        with psycopg.connect(fresh_database_url) as admin:
            admin.execute(sessions)
    assert sealer.poll() is None


@pytest.mark.parametrize("named", [{}, {"sealing_key": KEY.write(), "environment": "production"}])
def test_without_a_key_or_in_production_a_name_nothing_is_sealed_and_the_house_stands(
    start: Start, conn: Connection, trust: Trust, tmp_path: Path, named: dict[str, str]
) -> None:
    sealer = start("sealer", doorbell=None, **named)
    trust.tell("P-1")
    said = tmp_path / "sealer-0.log"
    wait_until(lambda: "nothing is sealed" in said.read_text(), within_s=SOON_S, what="it says so")
    assert signed(conn, trust) == 0
    sealer.terminate()
    assert sealer.wait(ENDS_WITHIN_S) == 0


def test_a_ring_ends_the_wait(redis_url: str, trust: Trust) -> None:
    news = News(redis_url)
    with connect(redis_url) as bell:
        news.wait(0.2)  # listens from now on
        ring(bell, trust.code, 1)
        assert news._heard(SOON_S)


def test_a_house_of_its_own_makes_a_key_once_and_for_our_eyes_only(tmp_path: Path) -> None:
    told = sealing_at(tmp_path, {})
    file = Path(told["QILEDGER_SEALING_KEY_FILE"])
    assert file.stat().st_mode & 0o777 == 0o600
    key = file.read_text()
    assert sealing_at(tmp_path, {}) == told
    assert file.read_text() == key
    settings = Settings.read({name: value for name, value in told.items() if value})
    signer = signer_of(settings)
    assert signer is not None
    assert signer.origin("RWK") == "qiledger.localhost/RWK"
    assert key.strip() not in str(settings.describe())
    given = sealing_at(tmp_path, {"QILEDGER_SEALING_KEY": key})
    assert set(given) == {"QILEDGER_SEAL_DIRECTORY"}


def test_the_names_of_logs_come_from_the_setting_or_the_public_address() -> None:
    key = KEY.write()
    for settings, host in [
        (Settings(sealing_key=key, public_url="https://qi.example.org/x"), "qi.example.org"),
        (
            Settings(sealing_key=key, public_url="https://qi.example.org", log_origin="a.example/b"),
            "a.example/b",
        ),
    ]:
        signer = signer_of(settings)
        assert signer is not None
        assert signer.origin("RWK", 2) == f"{host}/RWK/2"


@pytest.mark.parametrize(
    "settings",
    [
        Settings(sealing_key="nonsense"),
        Settings(sealing_key=KEY.write(), sealing_keys_before="nonsense"),
        Settings(witnesses="nonsense http://127.0.0.1"),
        Settings(witnesses=KEY.public.write() + " http://127.0.0.1"),
        Settings(witnesses="https://w.example"),
    ],
)
def test_keys_that_are_none_are_named_before_anything_starts(settings: Settings) -> None:
    read = witnesses_of if settings.witnesses else signer_of
    with pytest.raises(WrongSettings, match="QILEDGER_") as refused:
        read(settings)
    assert "nonsense" not in str(refused.value)


def test_what_is_sealed_is_witnessed_by_the_sealers_own_process(
    start: Start, conn: Connection, trust: Trust, tmp_path: Path
) -> None:
    key = make(tmp_path / "witness", "witness.example/w1", [KEY.public.named(f"{HOST}/{trust.code}")])
    with kept_port("127.0.0.1") as port, Served(tmp_path / "witness", port) as served:
        witnesses = f"{key.public.write()} {served.url}"
        start("sealer", doorbell=None, sealing_key=KEY.write(), log_origin=HOST, witnesses=witnesses)
        trust.tell("P-1", "P-2")
        cosigned = "SELECT max(size) FROM proof.cosignatures WHERE organisation = %s AND witness = %s"
        asked = (trust.code, key.public.name)
        wait_until(
            lambda: conn.execute(cosigned, asked).fetchone() == (2,), within_s=SOON_S, what="it is witnessed"
        )
