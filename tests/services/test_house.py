"""Processes under one roof: brought back when they fall, stopped together, never left behind."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from services.embedded import Postgres
from services.embedded.server import PREDECESSOR_PATIENCE_S
from services.house import STOP_WITHIN_S, Child, ChildWillNotStay, House
from tests.patience import ENDS_WITHIN_S, gone, wait_until

STEADY = "import signal\nprint('up', flush=True)\nsignal.pause()"
STUBBORN = (
    "import signal, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\n"
    "while True: signal.pause()"
)
PARENT_OF_ANOTHER = (
    "import os, signal\n"
    "from services.embedded.lifeline import die_with_parent\n"
    "parent = os.getpid()\n"
    "if (pid := os.fork()) == 0:\n"
    "    os.setpgrp()\n"  # as a work-horse does
    "    die_with_parent(signal.SIGKILL, parent=parent)\n"
    "    print('horse', os.getpid(), flush=True)\n"
    "    signal.pause()\n"
    "signal.pause()"
)
HOUSE_OF_ITS_OWN = """
import json, os, sys
from pathlib import Path
from services.embedded import Postgres
from services.house import Child, House, told_to_stop
directory = Path(sys.argv[1])
children = [Child(name=name, argv=(sys.executable, "-c", code)) for name, code in json.loads(sys.argv[2]).items()]
with told_to_stop() as told, Postgres(directory / "postgres") as postgres:
    with House(children, logs=directory / "logs", servers=[postgres], told=told) as house:
        pids = {name: house.pid(name) for name in json.loads(sys.argv[2])} | {"postgres": postgres.pid}
        print(json.dumps(pids), flush=True)
        house.wait()
print("in good order", flush=True)
"""


def python(name: str, code: str) -> Child:
    return Child(name=name, argv=(sys.executable, "-c", code))


def said(logs: Path, name: str) -> list[str]:
    file = logs / f"{name}.log"
    return file.read_text().split("\n")[:-1] if file.exists() else []


def living(house: House, name: str) -> int:
    wait_until(lambda: house.pid(name), within_s=10, what=f"{name} is up")
    pid = house.pid(name)
    assert pid is not None
    return pid


def a_house(
    directory: Path, *, by: str | None = None, **children: str
) -> tuple[subprocess.Popen[str], dict[str, int]]:
    command = [sys.executable, "-c", HOUSE_OF_ITS_OWN, str(directory), json.dumps(children)]
    process = subprocess.Popen(
        command if by is None else [by, *command],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def test_a_child_that_is_killed_is_brought_back_any_number_of_times(tmp_path: Path) -> None:
    with House([python("api", STEADY)], logs=tmp_path, backoff_s=0.01, falls_max=3) as house:
        for times in range(1, 6):
            wait_until(
                lambda times=times: said(tmp_path, "api") == ["up"] * times, within_s=20, what="it is up"
            )
            before = living(house, "api")
            os.kill(before, signal.SIGKILL)
            wait_until(lambda before=before: house.pid("api") not in (None, before), within_s=10, what="back")


def test_a_child_that_will_not_stay_ends_the_house(tmp_path: Path) -> None:
    children = [python("api", "import sys; print('no database'); sys.exit(3)"), python("worker", STEADY)]
    with House(children, logs=tmp_path, backoff_s=0.01, falls_max=3) as house:
        worker = living(house, "worker")
        with pytest.raises(ChildWillNotStay, match=r"api ended by itself 3 times .* status 3\..*api\.log"):
            house.wait()
    assert gone(worker)
    assert said(tmp_path, "api") == ["no database"] * 3


def test_all_are_stopped_together_and_who_will_not_hear_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.house.STOP_WITHIN_S", 2.0)
    names = ["a", "b", "c"]
    with House([python(name, STUBBORN) for name in names], logs=tmp_path) as house:
        wait_until(lambda: all(said(tmp_path, name) for name in names), within_s=20, what="all are up")
        pids = [living(house, name) for name in names]
        begin = time.monotonic()
    assert 2.0 <= time.monotonic() - begin < 6.0  # all at once: one after another would take this long
    assert all(gone(pid) for pid in pids)


def test_a_child_hears_a_stop_before_it_is_killed(tmp_path: Path) -> None:
    polite = (
        "import signal, sys\ndef bye(*_):\n    print('bye', flush=True); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, bye)\nprint('up', flush=True)\nsignal.pause()"
    )
    with House([python("api", polite)], logs=tmp_path):
        wait_until(lambda: said(tmp_path, "api") == ["up"], within_s=20, what="it is up")
    assert said(tmp_path, "api") == ["up", "bye"]


def test_what_a_killed_child_left_running_goes_with_it(tmp_path: Path) -> None:
    """An API server's own processes would hold the port that its successor needs."""
    code = (
        "import os, signal\nif (pid := os.fork()) == 0:\n    print('offspring', os.getpid(), flush=True)\n"
        "signal.pause()"
    )
    with House([python("api", code)], logs=tmp_path, backoff_s=0.01) as house:
        wait_until(lambda: said(tmp_path, "api"), within_s=20, what="it is up")
        offspring = int(said(tmp_path, "api")[0].split()[1])
        os.kill(living(house, "api"), signal.SIGKILL)
        wait_until(lambda: gone(offspring), within_s=5, what="its offspring is gone")


def test_a_work_horse_dies_with_its_worker(tmp_path: Path) -> None:
    with House([python("worker", PARENT_OF_ANOTHER)], logs=tmp_path, backoff_s=0.01) as house:
        wait_until(lambda: said(tmp_path, "worker"), within_s=20, what="it is up")
        horse = int(said(tmp_path, "worker")[0].split()[1])
        os.kill(living(house, "worker"), signal.SIGKILL)
        wait_until(lambda: gone(horse), within_s=5, what="the work-horse is gone")


def test_a_server_that_falls_is_brought_back_on_the_same_socket(own_postgres: Postgres) -> None:
    url, before = own_postgres.url(), own_postgres.pid
    with House([], servers=[own_postgres]):
        os.kill(before, signal.SIGKILL)
        wait_until(
            lambda: own_postgres.pid != before and not own_postgres.fallen, within_s=30, what="it is back"
        )
    assert own_postgres.url() == url


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_the_house_in_good_order(throwaway: Path, sign: signal.Signals) -> None:
    process, pids = a_house(throwaway, api=STEADY, worker=PARENT_OF_ANOTHER)
    wait_until(lambda: said(throwaway / "logs", "worker"), within_s=20, what="the worker is up")
    horse = int(said(throwaway / "logs", "worker")[0].split()[1])
    process.send_signal(sign)
    out, _ = process.communicate(timeout=ENDS_WITHIN_S)
    assert out == "in good order\n"
    assert process.returncode == 0
    assert all(gone(pid) for pid in [*pids.values(), horse])


def test_a_signal_stops_a_house_whose_server_is_being_brought_back(throwaway: Path) -> None:
    """The server's successor waits for the last process of the one before, which here is us: for a minute."""
    process, pids = a_house(throwaway, api=STEADY)
    process.send_signal(signal.SIGSTOP)
    os.kill(pids["postgres"], signal.SIGKILL)
    with (throwaway / "postgres" / "server.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process.send_signal(signal.SIGCONT)
        assert process.stdout is not None
        assert "server fell" in process.stdout.readline()
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=2 * PREDECESSOR_PATIENCE_S)
    assert out.endswith("in good order\n")
    assert time.monotonic() - begin < PREDECESSOR_PATIENCE_S / 2
    assert all(gone(pid) for pid in pids.values())


def test_a_house_does_not_wait_for_a_server_that_takes_long_to_recover(throwaway: Path) -> None:
    recovering: list[int] = []

    class LongToRecover(Postgres):
        def ready(self, pid: int) -> bool:
            if first is None or pid == first:
                return super().ready(pid)
            recovering.append(pid)
            return False

    first: int | None = None
    with LongToRecover(throwaway / "postgres") as server:
        first = server.pid
        with House([], servers=[server]):
            os.kill(first, signal.SIGKILL)
            wait_until(lambda: recovering, within_s=30, what="its recovery is waited for")
    assert gone(recovering[0])


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_house_of_nohup_outlives_its_terminal(throwaway: Path, sign: signal.Signals) -> None:
    process, pids = a_house(throwaway, by="nohup", api=STEADY)
    wait_until(lambda: said(throwaway / "logs", "api"), within_s=20, what="it is up")
    process.send_signal(signal.SIGHUP)
    os.kill(pids["api"], signal.SIGKILL)
    wait_until(lambda: said(throwaway / "logs", "api") == ["up"] * 2, within_s=20, what="the house goes on")
    assert process.poll() is None
    process.send_signal(sign)
    assert process.communicate(timeout=ENDS_WITHIN_S)[0].endswith("in good order\n")


def test_a_second_ctrl_c_waits_for_nobody(throwaway: Path) -> None:
    process, pids = a_house(throwaway, api=STUBBORN)
    wait_until(lambda: said(throwaway / "logs", "api"), within_s=20, what="it is up")
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    wait_until(lambda: gone(process.pid) or process.send_signal(signal.SIGINT), within_s=1, what="it hurries")
    assert process.communicate(timeout=ENDS_WITHIN_S)[0].endswith("in good order\n")
    assert time.monotonic() - begin < STOP_WITHIN_S
    assert all(gone(pid) for pid in pids.values())


def test_when_the_house_is_killed_nobody_is_left_within_seconds(throwaway: Path) -> None:
    process, pids = a_house(throwaway, api=STEADY, worker=PARENT_OF_ANOTHER)
    wait_until(lambda: said(throwaway / "logs", "worker"), within_s=20, what="the worker is up")
    horse = int(said(throwaway / "logs", "worker")[0].split()[1])
    process.kill()
    process.communicate()
    for pid in [*pids.values(), horse]:
        wait_until(lambda pid=pid: gone(pid), within_s=5, what=f"{pid} is gone")


def test_a_ctrl_c_in_the_terminal_does_not_reach_the_children(tmp_path: Path) -> None:
    with House([python("api", STEADY)], logs=tmp_path) as house:
        wait_until(lambda: said(tmp_path, "api"), within_s=20, what="it is up")
        assert os.getpgid(living(house, "api")) != os.getpgid(0)
        assert os.getsid(living(house, "api")) != os.getsid(0)
