"""A Valkey of our own keeps what it was told, answers on a socket alone, and goes when we go."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from services.embedded import NoServerFound, ServerFailed, Valkey
from services.embedded.binaries import valkey_binary
from services.embedded.claim import DirectoryInUse
from tests.patience import gone, wait_until


@contextmanager
def client(server: Valkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server.url, decode_responses=True) as connection:
        yield connection


def test_what_it_was_told_survives_a_stop_and_a_crash(own_valkey: Valkey) -> None:
    with client(own_valkey) as valkey:
        valkey.rpush("jobs", *range(1000))
    own_valkey.restart()
    with client(own_valkey) as valkey:
        assert valkey.llen("jobs") == 1000
        valkey.rpush("jobs", "one more")
        assert valkey.waitaof(1, 0, 5000)[0] == 1
    own_valkey.kill()
    own_valkey.restart()
    with client(own_valkey) as valkey:
        assert valkey.llen("jobs") == 1001


def test_it_never_throws_a_job_away_to_save_memory(own_valkey: Valkey) -> None:
    with client(own_valkey) as valkey:
        told = valkey.config_get("*")
    assert told["maxmemory-policy"] == "noeviction"
    assert told["appendonly"] == "yes"
    assert told["appendfsync"] == "everysec"


def test_it_listens_on_a_socket_that_is_ours_alone(own_valkey: Valkey) -> None:
    with client(own_valkey) as valkey:
        assert valkey.config_get("port")["port"] == "0"
    assert stat.S_IMODE(own_valkey.socket.stat().st_mode) == 0o700
    assert stat.S_IMODE(own_valkey.socket_directory.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "name", ["with spaces in it", "a=b", 'a "quoted" one', "größer", "50% off?", "d" * 120]
)
def test_any_name_will_do_for_a_directory(throwaway: Path, name: str) -> None:
    for number in (1, 2):
        with Valkey(throwaway / name) as server, client(server) as valkey:
            assert valkey.incr("number") == number
            assert len(valkey.client_list()) == 1  # as every worker asks for, to be counted
        assert not server.socket.exists()


def test_two_servers_stand_side_by_side(throwaway: Path) -> None:
    with Valkey(throwaway / "one") as one, Valkey(throwaway / "two") as two:
        for server in (one, two):
            with client(server) as valkey:
                assert valkey.incr("number") == 1


def test_a_second_house_on_the_same_directory_is_refused(throwaway: Path) -> None:
    with Valkey(throwaway / "vk") as server:
        with pytest.raises(DirectoryInUse, match=f"process {os.getpid()}"):
            Valkey(throwaway / "vk").start()
        with client(server) as valkey:
            assert valkey.ping()


def test_when_we_are_killed_the_server_goes_and_the_data_stay(throwaway: Path) -> None:
    script = (
        "import sys, signal, redis\nfrom services.embedded import Valkey\n"
        "with Valkey(sys.argv[1]) as server:\n"
        " redis.Redis.from_url(server.url).set('kept', 'yes')\n"
        " print(server.pid, flush=True)\n signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(throwaway / "vk")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
    wait_until(lambda: gone(pid), within_s=5, what="Valkey is gone")
    with Valkey(throwaway / "vk") as server, client(server) as valkey:
        assert valkey.get("kept") == "yes"


def test_a_server_that_cannot_start_says_why(throwaway: Path) -> None:
    with pytest.raises(ServerFailed, match="appendfsync"):
        Valkey(throwaway / "vk", settings={"appendfsync": "at times"}).start()


def test_with_no_valkey_anywhere_the_ways_out_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.embedded.binaries._valkey_binaries", lambda _: iter(()))
    with pytest.raises(NoServerFound) as refusal:
        valkey_binary()
    for way in ("qiledger[embedded]", "apt install", "QILEDGER_REDIS_URL"):
        assert way in str(refusal.value)


def test_a_server_on_the_path_serves_where_the_wheel_is_missing(
    throwaway: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = valkey_binary()
    (throwaway / "bin").mkdir()
    (throwaway / "bin" / "redis-server").symlink_to(binary)
    monkeypatch.setattr("services.embedded.binaries._wheel", lambda _: None)
    found = valkey_binary(environ={"PATH": str(throwaway / "bin")})
    assert found == binary.resolve()
