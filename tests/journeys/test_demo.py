"""The demo as a stranger meets it: one command, real history, something to try, and nothing left behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.a_demo import Demo, needs_proc
from tests.patience import ENDS_WITHIN_S, wait_until
from tests.plain_http import PLAIN

SYNTHETIC_PROJECTS = 3


@pytest.fixture
def demo(throwaway: Path) -> Iterator[Demo]:
    shown = Demo(throwaway, "--synthetic-projects", str(SYNTHETIC_PROJECTS))
    yield shown
    if shown.process.poll() is None:
        shown.process.terminate()
        shown.process.wait(ENDS_WITHIN_S)


def get(env: dict[str, str], path: str, key: str = "QILEDGER_API_KEY") -> Any:
    answer = httpx.get(
        env["QILEDGER_URL"] + path, headers={"authorization": f"Bearer {env[key]}"}, timeout=30, verify=PLAIN
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


@needs_proc
def test_the_demo_shows_real_history_and_leaves_nothing_behind(demo: Demo):
    demo.wait_for("Try next")
    wait_until(demo.env_file.exists, within_s=10, what="the file for scripts is there")
    env = demo.env()
    assert demo.env_file.read_text().startswith("QILEDGER_URL=http://")
    assert all(re.fullmatch(r"QILEDGER_[A-Z0-9_]+", name) for name in env)

    # Real history, under its own dates, by a client of its own.
    first = get(env, "/v1/RWK/events?limit=1")["items"][0]
    assert (first["id"], first["occurred"], first["actor"]) == ("elft-0001", "2014", "client/public-history")
    assert get(env, "/v1/RV3/events?limit=1", key="QILEDGER_API_KEY_RV3")["items"][0]["id"] == "cnwl-0001"
    tested = get(env, "/v1/RWK/streams/project/luton-crisis-team-medication-waste")["items"]
    assert [item["type"] for item in tested].count("cycle.tested") == 3

    # Invented history, in an organisation of its own, which says so.
    demo.wait_for("All is loaded")
    invented = get(env, "/v1/SYN/events?limit=1000", key="QILEDGER_API_KEY_SYN")["items"]
    assert {item["source"] for item in invented} == {"https://qiledger.example/history/synthetic"}
    for organisation, key in (("RWK", "QILEDGER_API_KEY"), ("RV3", "QILEDGER_API_KEY_RV3")):
        real = get(env, f"/v1/{organisation}/events?limit=1000", key=key)["items"]
        assert {item["source"] for item in real} == {"https://qiledger.example/history/public"}
        assert f"{organisation} {len(real)} events" in demo.said

    # The lines it prints work as they stand, and the event that one of them tells is kept.
    exports = "\n".join(line for line in demo.said.splitlines() if line.startswith("  export "))
    curls = re.findall(r"^  curl (?:.*\\\n)?.*$", demo.said, flags=re.MULTILINE)
    assert len(curls) == 4
    for curl in curls:
        tried = subprocess.run(
            ["bash", "-c", f"{exports}\n{curl} --fail-with-body"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert tried.returncode == 0, (curl, tried.stdout, tried.stderr)
    assert get(env, "/v1/RWK/streams/improvement/I-1")["items"][0]["type"] == "improvement.reported"
    placard = next(line for line in demo.said.splitlines() if line.startswith("  . "))
    operators = subprocess.run(
        ["sh", "-c", f"{exports}\n{placard}\nqiledger status"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "log RWK" in operators.stdout, operators.stderr

    processes = demo.processes()
    assert len(processes) > 7
    demo.process.send_signal(signal.SIGTERM)
    assert demo.process.wait(ENDS_WITHIN_S) == 0, demo.said
    wait_until(
        lambda: demo.left_behind(processes) == [], within_s=ENDS_WITHIN_S, what="nothing is left behind"
    )
    assert "Nothing is left behind" in demo.said


@needs_proc
def test_a_demo_that_is_killed_leaves_nothing_behind_either(demo: Demo):
    demo.wait_for("The API answers")  # and history is being told
    processes = demo.processes()
    assert len(processes) > 7
    demo.process.kill()
    demo.process.wait(ENDS_WITHIN_S)
    wait_until(lambda: demo.left_behind(processes) == [], within_s=ENDS_WITHIN_S, what="everything is gone")


@needs_proc
def test_a_demo_that_is_stopped_while_it_starts_leaves_nothing_behind(demo: Demo):
    demo.wait_for("Starting the API")
    processes = demo.processes()
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(ENDS_WITHIN_S) == 0, demo.said
    wait_until(
        lambda: demo.left_behind(processes) == [], within_s=ENDS_WITHIN_S, what="nothing is left behind"
    )


def test_a_port_that_is_taken_is_said_before_anything_starts():
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        port = somebody.getsockname()[1]
        demo = subprocess.run(
            [sys.executable, "-m", "services.cli", "demo", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert demo.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in demo.stderr
    assert "Starting" not in demo.stdout


def test_on_a_given_server_the_demo_has_a_database_of_its_own_and_drops_it(
    throwaway: Path, postgres_url: str, redis_url: str
):
    given = {"QILEDGER_DATABASE_URL": postgres_url, "QILEDGER_REDIS_URL": redis_url}
    shown = Demo(throwaway, "--no-synthetic", **given)
    try:
        shown.wait_for("All is loaded")
        assert get(shown.env(), "/v1/RWK/events?limit=1")["items"][0]["id"] == "elft-0001"
        assert len(demo_databases(postgres_url)) == 1
    finally:
        shown.process.terminate()
        assert shown.process.wait(ENDS_WITHIN_S) == 0, shown.said
    assert demo_databases(postgres_url) == []
    assert "Starting Postgres" not in shown.said


def demo_databases(postgres_url: str) -> list[str]:
    with psycopg.connect(postgres_url) as conn:
        found = conn.execute("SELECT datname FROM pg_database WHERE datname LIKE 'qiledger\\_demo\\_%'")
        return [name for (name,) in found]
