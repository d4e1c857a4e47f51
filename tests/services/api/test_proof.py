"""The proof's doors: read by a client that knows nothing of us, and proofs that prove what they say."""

import base64
import json
import subprocess
import threading
from pathlib import Path

import psycopg

from events.log import checkpoints, merkle, notes, tiles
from events.log.checkpoints import Checkpoint
from events.log.keys import OPERATIONS, READ
from events.log.merkle import CompactRange, leaf_hash
from events.log.notes import COSIGNED, SigningKey
from tests.events.log.sealing import HOST, KEY, sealed_by, tamper, tell_many
from tests.services.api.conftest import NODE, Door, MakeKey, Server, event, new_organisation, problem

TEXT = "text/plain"


def tell_and_seal(url: str, organisation: str, *numbers: int) -> None:
    for at, number in enumerate(numbers):
        tell_many(url, organisation, number, f"b{at}")
        assert sealed_by(url, organisation)


def newest(door: Door) -> Checkpoint:
    answer = door.get(f"/v1/{door.organisation}/log/checkpoint")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    origin = f"{HOST}/{door.organisation}"
    return checkpoints.verify(answer.content, [KEY.public.named(origin)], origin=origin)[0]


def hashes(encoded: list[str]) -> list[bytes]:
    return [base64.b64decode(one) for one in encoded]


def test_an_independent_client_reads_the_log_and_finds_it_proven(
    door: Door, database_url: str, javascript: Path
) -> None:
    tell_and_seal(database_url, door.organisation, 300, 313)
    prefix = f"{str(door.http.base_url).rstrip('/')}/v1/{door.organisation}"
    vkey = KEY.public.named(f"{HOST}/{door.organisation}").write()
    done = subprocess.run(
        [NODE, "prove.mjs", prefix, str(door.key), vkey, "300"],
        cwd=javascript,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "size": 613,
        "root": True,
        "old_root": True,
        "version": "c2sp.org/tlog-proof@v1",
        "included": True,
        "offline": True,
        "consistent": True,
        "same_consistency_proof": True,
    }


def test_tiles_and_bundles_are_those_of_the_signed_tree_and_kept_for_ever(
    door: Door, database_url: str
) -> None:
    tell_and_seal(database_url, door.organisation, 300, 300)
    tell_many(database_url, door.organisation, 50, "unsealed")
    prefix = f"/v1/{door.organisation}/log/tile"
    leaves: list[bytes] = []
    for place in ("000", "001", "002.p/88"):
        answer = door.get(f"{prefix}/0/{place}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
        assert "immutable" in answer.headers["cache-control"]
        entries = list(tiles.unbundled(door.get(f"{prefix}/entries/{place}").content))
        assert answer.content == b"".join(leaf_hash(entry) for entry in entries)
        leaves += [leaf_hash(entry) for entry in entries]
    assert newest(door) == Checkpoint(f"{HOST}/{door.organisation}", 600, CompactRange.of(leaves).root())
    above = door.get(f"{prefix}/1/000.p/2").content
    assert above == b"".join(CompactRange.of(leaves[at : at + 256]).root() for at in (0, 256))
    assert door.get(f"{prefix}/0/001.p/44").content == b"".join(leaves[256:300])  # as it was at 300


WRONG = (
    "0/002 0/002.p/89 0/003 0/2 0/002.p/0 0/002.p/256 1/000 1/000.p/3 2/000.p/1 8/000 00/000 -1/000 x/000 0/x001/000"
    " entries/003 entries/002 0/../000 0/x999/x999/x999/999 entries/x999/x999/x999/x999/999 0/x999/x999/x999/x999/999"
)


def test_no_tile_is_made_up(door: Door, database_url: str) -> None:
    tell_and_seal(database_url, door.organisation, 600)
    for place in WRONG.split():
        assert door.get(f"/v1/{door.organisation}/log/tile/{place}").status_code == 404, place


def test_a_receipt_is_proven_for_as_long_as_there_is_a_key(door: Door, database_url: str) -> None:
    told = door.tell(event()).json()
    tell_and_seal(database_url, door.organisation, 30)
    address = f"{door.events}/{told['position']}/proof"
    text = door.get(address, accept=TEXT)
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    version, index, *rest = text.text.split("\n")
    empty = rest.index("")
    checkpoint, _ = checkpoints.verify(
        "\n".join(rest[empty + 1 :]),
        [KEY.public.named(f"{HOST}/{door.organisation}")],
        origin=f"{HOST}/{door.organisation}",
    )
    assert (version, index) == ("c2sp.org/tlog-proof@v1", "index 0")
    leaf = bytes.fromhex(told["leaf"])
    merkle.verify_inclusion(leaf, 0, checkpoint.size, hashes(rest[:empty]), checkpoint.root)
    as_json = door.get(address, accept="application/json").json()
    assert leaf_hash(as_json["record"].encode()) == leaf
    assert json.loads(as_json["record"])["id"] == "e1"
    assert hashes(as_json["proof"]) == hashes(rest[:empty])


def test_whoever_waits_gets_the_proof_as_soon_as_it_is_sealed(door: Door, database_url: str) -> None:
    told = door.tell(event()).json()
    address = f"{door.events}/{told['position']}/proof"
    problem(door.get(address), "not-sealed", 404)
    problem(door.get(f"{address}?wait=0.3"), "not-sealed", 404)
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(door.get(f"{address}?wait=30").status_code))
    waiting.start()
    assert sealed_by(database_url, door.organisation)
    waiting.join(30)
    assert answers == [200]
    problem(door.get(f"{door.events}/99/proof"), "not-sealed", 404)
    problem(door.get(f"{door.events}/x/proof"), "no-record", 404)


def test_proofs_are_given_between_any_two_sizes(door: Door, database_url: str) -> None:
    tell_and_seal(database_url, door.organisation, 300, 300)
    root = newest(door).root
    log = f"/v1/{door.organisation}/log"
    for old, size in [(300, None), (1, 600), (299, 301), (0, 600), (600, 600), (256, 512)]:
        answer = door.get(f"{log}/consistency?old={old}" + (f"&size={size}" if size else ""))
        told = answer.json()
        old_root, new_root = hashes([told["old_root"], told["root"]])
        merkle.verify_consistency(old, told["size"], hashes(told["proof"]), old_root, new_root)
        assert (new_root == root) == (told["size"] == 600)
        assert ("immutable" in answer.headers["cache-control"]) == (size is not None)
    for position, size in [(1, 600), (600, None), (300, 300), (257, 500)]:
        told = door.get(f"{log}/inclusion?position={position}" + (f"&size={size}" if size else "")).json()
        leaf, root_there = hashes([told["leaf"], told["root"]])
        merkle.verify_inclusion(leaf, position - 1, told["size"], hashes(told["proof"]), root_there)
        assert leaf.hex() == door.get(f"{door.events}/{position}").json()["leaf"]
    for wrong in (
        "consistency?old=601",
        "consistency?old=5&size=4",
        "inclusion?position=601",
        "inclusion?position=9&size=8",
    ):
        problem(door.get(f"{log}/{wrong}"), "not-sealed", 404)
    for wrong in (
        "consistency",
        "consistency?old=-1",
        "inclusion?position=0",
        "inclusion",
        "checkpoint?old=1",
    ):
        problem(door.get(f"{log}/{wrong}"), "wrong-parameter", 400)


def test_nothing_sealed_is_nothing_to_show(door: Door) -> None:
    door.tell(event())
    for address in ("checkpoint", "keys", "consistency?old=0", "inclusion?position=1"):
        problem(door.get(f"/v1/{door.organisation}/log/{address}"), "not-sealed", 404)


def test_a_refusal_to_sign_is_told_to_whoever_waits(door: Door, database_url: str) -> None:
    tell_and_seal(database_url, door.organisation, 3)
    tell_many(database_url, door.organisation, 1, "more")
    forged = "UPDATE log.records SET actor = 'q' WHERE organisation = %s AND position = 4"
    tamper(database_url, forged, door.organisation)
    assert not sealed_by(database_url, door.organisation)
    problem(door.get(f"{door.events}/4/proof"), "sealing-refused", 503)
    assert door.get(f"{door.events}/3/proof").status_code == 200


def test_every_key_that_has_signed_is_listed(door: Door, database_url: str) -> None:
    tell_and_seal(database_url, door.organisation, 3)
    vkey = KEY.public.named(f"{HOST}/{door.organisation}").write()
    log = f"/v1/{door.organisation}/log"
    assert door.get(f"{log}/keys", accept=TEXT).text == f"{vkey}\n"
    told = door.get(f"{log}/keys").json()
    assert told["origin"] == f"{HOST}/{door.organisation}"
    assert [key["vkey"] for key in told["keys"]] == [vkey]
    assert base64.b64decode(told["keys"][0]["key"]) == KEY.public.public


def test_a_checkpoint_is_served_with_its_witnesses(door: Door, database_url: str) -> None:
    tell_and_seal(database_url, door.organisation, 3)
    log = f"/v1/{door.organisation}/log"
    witness = SigningKey.make("witness.example/w1", COSIGNED)
    plain = door.get(f"{log}/checkpoint").text
    problem(door.get(f"{log}/checkpoint?cosigned=1"), "not-sealed", 404)
    line = witness.cosign(notes.read_note(plain).text, at=1_679_315_147).line()
    with psycopg.connect(database_url) as conn:
        conn.execute(
            "INSERT INTO proof.cosignatures (organisation, generation, size, witness, line)"
            " VALUES (%s, 1, 3, 'w1', %s)",
            (door.organisation, line),
        )
    tell_many(database_url, door.organisation, 3, "more")
    assert sealed_by(database_url, door.organisation)
    assert door.get(f"{log}/checkpoint?cosigned=1").text == plain + line
    assert door.get(f"{log}/checkpoint").text.splitlines()[1] == "6"
    proof = door.get(f"{door.events}/2/proof?cosigned=1", accept=TEXT).text
    assert proof.endswith(plain + line)
    problem(door.get(f"{log}/checkpoint?cosigned=2"), "not-sealed", 404)


def test_checkpoints_may_be_open_to_all_and_records_are_not(
    database_url: str, organisation: str, tmp_path: Path, make_key: MakeKey
) -> None:
    tell_and_seal(database_url, organisation, 3)
    opened = Server(database_url, None, tmp_path, public_checkpoints="true")
    try:
        stranger = Door(opened.url, organisation, None)
        log = f"/v1/{organisation}/log"
        for address in ("checkpoint", "keys", "consistency?old=1"):
            assert stranger.get(f"{log}/{address}").status_code == 200
        for address in (
            f"{log}/tile/0/000.p/3",
            f"{log}/tile/entries/000.p/3",
            f"{log}/inclusion?position=1",
        ):
            problem(stranger.get(address), "no-key", 401)
        problem(stranger.get(f"/v1/{organisation}/events/1/proof"), "no-key", 401)
        problem(stranger.get(f"/v1/{new_organisation(database_url)}/log/checkpoint"), "not-sealed", 404)
        for nobody in ("%00", "rwk", "A%FFB", "X" * 11):
            for address in ("checkpoint", "keys", "consistency?old=1", "consistency?old=1&size=2"):
                problem(stranger.get(f"/v1/{nobody}/log/{address}"), "not-found", 404)
        with_key = Door(opened.url, organisation, make_key(scopes=[READ]))
        assert with_key.get(f"{log}/tile/0/000.p/3").status_code == 200
        stranger.http.close()
        with_key.http.close()
    finally:
        opened.stop()


def test_the_log_of_operations_is_proven_to_those_who_may_read_it(
    server: Server, organisation: str, make_key: MakeKey, database_url: str
) -> None:
    may, may_not = make_key(client="auditor", scopes=[OPERATIONS]), make_key(client="reader", scopes=[READ])
    log = f"{organisation}.operations"
    assert sealed_by(database_url, log)
    doors = [Door(server.url, log, key) for key in (may, may_not)]
    assert newest(doors[0]).size >= 2  # both keys were made
    assert doors[0].get(f"{doors[0].events}/1/proof").status_code == 200
    assert doors[0].get(f"/v1/{log}/log/tile/entries/000.p/2").status_code == 200
    problem(doors[1].get(f"/v1/{log}/log/checkpoint"), "missing-scope", 403)
    for door in doors:
        door.http.close()
