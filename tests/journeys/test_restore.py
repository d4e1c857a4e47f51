"""A backup from before an erasure is restored: the person does not come back, not even for the first reader."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from events.log import keys, sealed
from events.log.verifying import verify_file
from services import backups
from services.operating import in_database, make_database
from services.whole_house import house_at
from tests.journeys.test_up import a_house
from tests.patience import wait_until
from tests.services.cli.conftest import qiledger
from tests.standing_house import BATCH, StandingHouse

PERSON = "person/8Qm2"
CANARY = "canary0warbled"
COMMENTS = 5


class Before:
    """A backup, and what was erased since: for the tests to restore in their own ways."""

    def __init__(self, home: StandingHouse, directory: Path) -> None:
        self.home = home
        self.directory = directory
        self.organisation = home.open()
        self.code = self.organisation.code
        self.kept = directory / "backup"
        self.certificate = directory / "certificate.json"
        with psycopg.connect(home.ways.admin) as conn:
            scopes = [keys.READ, keys.PEOPLE_READ, keys.PEOPLE_WRITE]
            self.officer = keys.create(conn, self.code, "officer", scopes=scopes).text
        self._tell()
        backed = qiledger("backup", str(self.kept), **self.env())
        assert backed.returncode == 0, backed.stderr
        asked = ("erase", PERSON, "--organisation", self.code, "--grounds", "objection", "--yes")
        erased = qiledger(*asked, "--certificate", str(self.certificate), **self.env())
        assert erased.returncode == 0, erased.stderr
        wait_until(lambda: self.signed() > COMMENTS, within_s=60, what="the erasure is sealed")

    def env(self, url: str | None = None) -> dict[str, str]:
        house = self.home.logs.parent
        return {
            "QILEDGER_DATABASE_URL": url or self.home.ways.admin,
            "QILEDGER_DATA_DIRECTORY": str(house),
            "QILEDGER_SEAL_DIRECTORY": str(house / "sealing" / "checkpoints"),
        }

    def _tell(self) -> None:
        with self.organisation.door() as door, self.desk(self.home.url) as desk:
            told = door.post(
                self.organisation.path, content=json.dumps(comments()), headers={"content-type": BATCH}
            )
            assert {one["status"] for one in told.json()} == {201}, told.text
            reach = {"name": CANARY}
            assert desk.put(f"/v1/{self.code}/people/8Qm2", json=reach).status_code == 200
            assert CANARY in desk.get(f"/v1/{self.code}/events?words=1").text
        wait_until(lambda: self.signed() == COMMENTS, within_s=60, what="the comments are sealed")

    def desk(self, url: str) -> httpx.Client:
        return httpx.Client(base_url=url, headers={"authorization": f"Bearer {self.officer}"}, timeout=60)

    def signed(self) -> int:
        with psycopg.connect(self.home.ways.worker, autocommit=True) as conn:
            tree = sealed.tree_of(conn, self.code)
        return 0 if tree is None else tree.signed

    def database(self, name: str) -> str:
        """A new, empty database for a restore."""
        make_database(self.home.postgres.url(), name)
        return in_database(self.home.ways.admin, name)


def comments() -> list[dict[str, Any]]:
    return [
        {
            "specversion": "1.0",
            "id": f"c-{n}",
            "source": "/tests",
            "type": "comment.posted",
            "subject": "project/P-1",
            "time": "2024-05-20T09:30:00Z",
            "actor": PERSON,
            "data": {"text": f"I say {CANARY} {n} times"},
        }
        for n in range(COMMENTS)
    ]


@pytest.fixture(scope="module")
def before(home: StandingHouse, tmp_path_factory: pytest.TempPathFactory) -> Before:
    return Before(home, tmp_path_factory.mktemp("restore"))


@pytest.fixture
def house(before: Before, throwaway: Path) -> Path:
    """The data directory of a new house that knows the old one's keys, ledger and checkpoints."""
    for kept in ("custody", "sealing"):
        shutil.copytree(before.home.logs.parent / kept, throwaway / "home" / kept)
    return throwaway / "home"


def on_record(url: str, code: str) -> list[str]:
    with psycopg.connect(url) as conn:
        rows = conn.execute(
            "SELECT organisation || ' ' || type FROM log.records"
            " WHERE organisation LIKE %s || '%%' AND type IN ('erasure.executed', 'person.erased', 'comment.posted')"
            " ORDER BY organisation, position",
            (code,),
        ).fetchall()
    return [said for (said,) in rows]


def test_qiledger_restore_erases_again_and_puts_that_on_record(before: Before) -> None:
    url, code = before.database("restored"), before.code
    restored = qiledger("restore", str(before.kept), "--accept-loss", **before.env(url))
    assert restored.returncode == 0, restored.stderr
    assert "1 person was erased again" in restored.stdout
    expected = [f"{code} comment.posted"] * COMMENTS + [
        f"{code} erasure.executed",
        f"{code}.operations person.erased",
    ]
    assert on_record(url, code) == expected
    again = qiledger("erasures", "apply", **before.env(url))
    assert "1 in the ledger; 0 had come back" in again.stdout
    assert on_record(url, code) == expected, "twice is once"


def test_a_restore_by_any_other_tool_is_served_only_once_the_person_is_gone_again(
    before: Before, house: Path, tmp_path: Path
) -> None:
    url, code = before.database("by_hand"), before.code
    tool = backups.program("pg_restore", at_least=15)  # and nothing of ours behind it
    subprocess.run([tool, "--exit-on-error", f"--dbname={url}", before.kept / backups.DUMP], check=True)
    with psycopg.connect(url) as conn:
        back = conn.execute(
            "SELECT count(*) FROM vault.keys WHERE wrapped IS NOT NULL AND person = %s", (PERSON,)
        )
        assert back.fetchone() == (1,), "the backup has the person's key"
    with a_house(house, QILEDGER_DATABASE_URL=url) as said:
        assert "Erasing again what had come back with a backup: 1 person" in said
        env = before.env(url) | {"QILEDGER_DATA_DIRECTORY": str(house)}
        with before.desk(house_at(house)["QILEDGER_URL"]) as desk:
            first = desk.get(f"/v1/{code}/events?words=1")  # nobody asked before
            assert first.status_code == 200
            assert CANARY not in first.text
            assert first.text.count("[erased]") == COMMENTS
            assert desk.get(f"/v1/{code}/people/8Qm2").status_code == 404
        assert on_record(url, code)[-2:] == [f"{code} erasure.executed", f"{code}.operations person.erased"]
        assert json.loads(before.certificate.read_text())["words_unreadable"] == COMMENTS
        proven(before, env, code, tmp_path / "after.ndjson")


def proven(before: Before, env: dict[str, str], code: str, file: Path) -> None:
    """The sealer has noticed that what was signed is gone; once an operator has decided, the log is proven again."""
    wait_until(lambda: code in qiledger("refusals", **env).stdout, within_s=60, what="the sealer has refused")
    why = ("--begin-anew", "an older backup was restored")
    assert qiledger("refusals", code, *why, **env).returncode == 0
    url = env["QILEDGER_DATABASE_URL"]

    def is_signed() -> bool:
        with psycopg.connect(url) as conn:
            row = conn.execute(
                "SELECT l.signed = h.position AND l.generation = 2 FROM proof.logs AS l"
                " JOIN log.heads AS h USING (organisation) WHERE organisation = %s",
                (code,),
            ).fetchone()
        return row == (True,)

    wait_until(is_signed, within_s=60, what="it is sealed again")
    taken = qiledger("export", code, "-o", str(file), **env)
    assert taken.returncode == 0, taken.stderr
    verdict = verify_file(file)
    assert verdict.findings == []
    assert verdict.records == COMMENTS + 1
