"""Moving an organisation works as docs/moving.md says, between two installations that share nothing."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from events.log.sealing_key import Signer
from services.custody import custody_at
from services.operating import open_organisation
from services.sealing import sealing_at, signer_of
from services.settings import Settings
from services.whole_house import PLACARD, write_exports
from tests.conftest import Servers, cloned
from tests.docs.test_guides import DOCS, Reader, looks_like, steps_of
from tests.events.log.sealing import sealed_by
from tests.services.cli.conftest import qiledger

LOGS = ("RWK", "RWK.operations")


def furnished(directory: Path, url: str) -> dict[str, str]:
    """A house's data directory, with keys of its own and its placard; what its processes are told."""
    directory.mkdir()
    told = {"QILEDGER_DATABASE_URL": url, "QILEDGER_DATA_DIRECTORY": str(directory)}
    told |= custody_at(directory, {}) | sealing_at(directory, {})
    write_exports(directory / PLACARD, {name: value for name, value in told.items() if value})
    return {name: value for name, value in told.items() if value}


@pytest.fixture
def new_url(postgres_url: str, template: str, servers: Servers, worker_id: str) -> Iterator[str]:
    with cloned(postgres_url, template, f"qiledger_test_{servers.run}_{worker_id}_moved") as url:
        yield url


def seal_all(url: str, signer: Signer) -> None:
    """What the old place's sealer does all the time."""
    for log in LOGS:
        assert sealed_by(url, log, signer)


def test_an_organisation_is_moved_as_the_guide_says(
    fresh_database_url: str, new_url: str, tmp_path: Path
) -> None:
    old = furnished(tmp_path / "old", fresh_database_url)
    furnished(tmp_path / "new", new_url)
    with psycopg.connect(fresh_database_url) as conn:
        open_organisation(conn, "RWK", "East London NHS Foundation Trust")
    for person in ("person/8Qm2", "person/T7x3"):
        assert qiledger("people", "put", "RWK", person, "--name", "Amina Example", **old).returncode == 0
    asked = ("erase", "person/T7x3", "--organisation", "RWK", "--grounds", "objection", "--yes")
    assert qiledger(*asked, **old).returncode == 0
    signer = signer_of(Settings.read({**old, "QILEDGER_LOG_ORIGIN": "old.example.org"}))
    assert signer is not None
    seal_all(fresh_database_url, signer)
    reader = Reader(tmp_path, {"OLD": str(tmp_path / "old"), "NEW": str(tmp_path / "new")})
    for step in steps_of(DOCS / "moving.md"):
        printed = reader.follow(step)
        seal_all(fresh_database_url, signer)
        if step.shows is not None:
            assert looks_like(printed, step.shows), f"moving.md:{step.line} printed\n{printed}"
