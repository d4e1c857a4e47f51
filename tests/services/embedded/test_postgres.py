"""A Postgres of our own keeps its promises, whoever we are, wherever it lies, however we end."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from services.embedded import NoServerFound, Postgres, ServerFailed
from services.embedded.binaries import postgres_binaries
from services.embedded.claim import DirectoryInUse
from services.embedded.identity import _can_run
from services.embedded.lifeline import Identity
from tests.patience import gone, wait_until

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can choose who a server runs as")
ON_LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="namespaces, capabilities and /proc are Linux's"
)


def setting(server: Postgres, name: str) -> str:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def write(server: Postgres, number: int) -> None:
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [number])


def read(server: Postgres) -> list[int]:
    with psycopg.connect(server.url()) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM kept ORDER BY number")]


@pytest.fixture
def house_process(throwaway: Path) -> Iterator[Callable[[Path], tuple[subprocess.Popen[str], int]]]:
    """Start another Python that runs a Postgres on a directory; gives the process and its server's pid."""
    started: list[subprocess.Popen[str]] = []

    def start(directory: Path) -> tuple[subprocess.Popen[str], int]:
        script = (
            "import sys, signal\nfrom services.embedded import Postgres\n"
            "with Postgres(sys.argv[1]) as server:\n print(server.pid, flush=True)\n signal.pause()\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(directory)], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_every_commit_is_on_the_disk_unless_a_test_asks_otherwise(own_postgres: Postgres) -> None:
    assert setting(own_postgres, "fsync") == "on"
    assert setting(own_postgres, "synchronous_commit") == "on"
    assert setting(own_postgres, "full_page_writes") == "on"
    assert setting(own_postgres, "data_checksums") == "on"


def test_text_is_utf8_and_its_order_does_not_depend_on_the_machine(own_postgres: Postgres) -> None:
    with psycopg.connect(own_postgres.url()) as connection:
        order = connection.execute("SELECT array_agg(t ORDER BY t) FROM unnest(ARRAY['b', 'Z', 'é', 'a']) t")
        assert order.fetchone() == (["Z", "a", "b", "é"],)
    assert setting(own_postgres, "server_encoding") == "UTF8"


def test_it_listens_on_a_socket_that_is_ours_alone(own_postgres: Postgres) -> None:
    assert setting(own_postgres, "listen_addresses") == ""
    for directory in (own_postgres.directory, own_postgres.socket_directory):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_settings_given_win(throwaway: Path) -> None:
    with Postgres(throwaway / "pg", settings={"work_mem": "7MB", "fsync": "off"}) as server:
        assert setting(server, "work_mem") == "7MB"
        assert setting(server, "fsync") == "off"


def test_settings_of_the_outside_world_do_not_reach_it(
    throwaway: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("LC_ALL", "xx_XX.nonsense")
    with Postgres(throwaway / "pg") as server:
        assert setting(server, "data_directory") == str(server.data)


def test_a_kept_directory_keeps_its_data(throwaway: Path) -> None:
    for number in (1, 2):
        with Postgres(throwaway / "kept here") as server:
            write(server, number)
            assert read(server) == list(range(1, number + 1))
        assert not server.alive


def test_a_warm_start_takes_a_moment(throwaway: Path) -> None:
    with Postgres(throwaway / "pg") as server:
        begin = time.perf_counter()
        server.restart()
        assert time.perf_counter() - begin < 30.0


def test_what_was_committed_survives_the_death_of_the_server(own_postgres: Postgres) -> None:
    for number in (1, 2, 3):
        write(own_postgres, number)
        before = own_postgres.pid
        own_postgres.kill()
        assert not own_postgres.alive
        own_postgres.restart()
        assert own_postgres.pid != before
    assert read(own_postgres) == [1, 2, 3]


def test_a_server_that_dies_by_itself_is_known_to_have_fallen(own_postgres: Postgres) -> None:
    assert not own_postgres.fallen
    os.kill(own_postgres.pid, signal.SIGKILL)
    wait_until(lambda: own_postgres.fallen, within_s=10, what="the fall is seen")
    own_postgres.restart()
    assert not own_postgres.fallen
    own_postgres.kill()
    assert not own_postgres.fallen, "a server that we stopped has not fallen"


def test_a_pid_file_left_by_a_crash_fools_nobody(own_postgres: Postgres) -> None:
    """It says `ready`, and its number may by now be a process of ours."""
    write(own_postgres, 1)
    file = own_postgres.data / "postmaster.pid"
    own_postgres.kill()
    lines = file.read_text().splitlines()
    assert lines[7].strip() == "ready"
    file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    own_postgres.restart()
    assert read(own_postgres) == [1]


def test_a_stop_does_not_wait_for_those_who_are_still_connected(own_postgres: Postgres) -> None:
    with psycopg.connect(own_postgres.url()) as connection:
        connection.execute("SELECT 1")
        begin = time.monotonic()
        own_postgres.stop()
        assert time.monotonic() - begin < 30.0
        assert not own_postgres.alive
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


def test_when_we_are_killed_the_server_goes_and_the_data_stay(
    throwaway: Path, house_process: Callable[[Path], tuple[subprocess.Popen[str], int]]
) -> None:
    with Postgres(throwaway / "pg") as server:
        write(server, 1)
    process, pid = house_process(throwaway / "pg")
    process.kill()
    process.wait()
    with Postgres(throwaway / "pg") as again:  # waits for the orphan to finish
        assert gone(pid)
        assert read(again) == [1]


def test_the_server_goes_within_seconds_of_our_death(
    throwaway: Path, house_process: Callable[[Path], tuple[subprocess.Popen[str], int]]
) -> None:
    process, pid = house_process(throwaway / "pg")
    process.kill()
    wait_until(lambda: gone(pid), within_s=5, what="Postgres is gone")
    assert not (throwaway / "pg" / "cluster" / "postmaster.pid").exists(), "it shut down in good order"


def test_a_second_house_on_the_same_directory_is_refused(throwaway: Path) -> None:
    with Postgres(throwaway / "pg") as server, pytest.raises(DirectoryInUse, match=f"process {os.getpid()}"):
        Postgres(throwaway / "pg").start()
    assert not server.alive


def test_a_refused_second_house_leaves_the_first_alone(throwaway: Path) -> None:
    with Postgres(throwaway / "pg") as server:
        with pytest.raises(DirectoryInUse):
            Postgres(throwaway / "pg").start()
        write(server, 1)
        assert read(server) == [1]


def test_two_servers_stand_side_by_side(throwaway: Path) -> None:
    with Postgres(throwaway / "one") as one, Postgres(throwaway / "two") as two:
        write(one, 1)
        write(two, 2)
        assert (read(one), read(two)) == ([1], [2])


@pytest.mark.parametrize("name", ["with spaces in it", "with,comma", 'a "quoted" one', "größer", "d" * 120])
def test_any_name_will_do_for_a_directory(throwaway: Path, name: str) -> None:
    with Postgres(throwaway / name) as server:
        write(server, 1)
        assert read(server) == [1]
        socket = server.socket_directory
        assert len(os.fsencode(socket / server.socket_name)) <= 100
    assert not list(socket.glob("*")), "no socket is left"
    assert socket.parent == server.directory or not socket.exists()


def test_a_socket_outside_the_directory_is_swept_away_even_if_we_are_killed(
    throwaway: Path, house_process: Callable[[Path], tuple[subprocess.Popen[str], int]]
) -> None:
    before = {path.name for path in Path("/tmp").glob("qiledger-*")}
    process, pid = house_process(throwaway / ("d" * 120))
    lines = (throwaway / ("d" * 120) / "cluster" / "postmaster.pid").read_text().splitlines()
    socket = Path(lines[4])
    assert socket.exists()
    assert socket.name not in before
    process.kill()
    wait_until(lambda: gone(pid) and not socket.exists(), within_s=5, what="server and socket are gone")


def test_a_directory_with_other_files_in_it_is_not_touched(throwaway: Path) -> None:
    (throwaway / "letter.txt").write_text("dear all")
    mode = throwaway.stat().st_mode
    with pytest.raises(ServerFailed, match="holds other files"):
        Postgres(throwaway).start()
    assert throwaway.stat().st_mode == mode
    assert [path.name for path in throwaway.iterdir()] == ["letter.txt"]


def test_an_interrupted_first_start_is_begun_afresh(throwaway: Path) -> None:
    with Postgres(throwaway / "pg") as server:
        pass
    server.data.rename(throwaway / "pg" / "cluster.new")
    (throwaway / "pg" / "cluster.new" / "PG_VERSION").unlink()
    with server:
        write(server, 1)


def test_a_server_that_cannot_start_says_why(throwaway: Path) -> None:
    with pytest.raises(ServerFailed, match='invalid value for parameter "max_connections"'):
        Postgres(throwaway / "pg", settings={"max_connections": "many"}).start()
    with Postgres(throwaway / "pg") as server:  # and the directory is free again
        write(server, 1)


def test_data_of_a_version_that_is_not_here_are_refused_with_the_ways_out(throwaway: Path) -> None:
    with Postgres(throwaway / "pg") as server:
        pass
    (server.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(NoServerFound, match="version 9, as the data are") as refusal:
        Postgres(throwaway / "pg").start()
    assert "QILEDGER_DATABASE_URL" in str(refusal.value)


def needs_programs_in_the_open(identity: Identity) -> None:
    """Only a namespace lets others run programs that lie in a closed directory of root's, such as a private clone."""
    if identity.kind != "namespace" and not _can_run(
        Identity("drop", 65534, 65534), Path("/"), postgres_binaries().postgres
    ):
        pytest.skip("Postgres lies in a directory that is closed to others")


@AS_ROOT
@ON_LINUX
@pytest.mark.parametrize(
    "identity",
    [Identity("drop", 65534, 65534), Identity("namespace", 65534, 65534), Identity("reach", 65534, 65534)],
    ids=lambda identity: str(identity.kind),
)
def test_root_runs_it_as_somebody_else(throwaway: Path, identity: Identity) -> None:
    needs_programs_in_the_open(identity)
    with Postgres(throwaway / "pg", identity=identity) as server:
        write(server, 1)
        server.kill()
        server.restart()
        assert read(server) == [1]
        status = Path(f"/proc/{server.pid}/status").read_text()
        owner = 0 if identity.kind == "namespace" else 65534
        assert f"Uid:\t{owner}\t" in status


@AS_ROOT
@ON_LINUX
def test_a_user_whom_the_machine_has_no_name_for_runs_it_too(throwaway: Path) -> None:
    """As in containers that are started under a made-up user number."""
    (throwaway / "theirs").mkdir()
    os.chown(throwaway / "theirs", 54321, 54321)
    script = (
        "import sys, psycopg\nfrom services.embedded import Postgres\n"
        "with Postgres(sys.argv[1]) as server, psycopg.connect(server.url()) as connection:\n"
        " print(*connection.execute('SELECT 1').fetchone())\n"
    )
    command = [sys.executable, "-c", script, str(throwaway / "theirs" / "pg")]
    stranger = {"user": 54321, "group": 54321, "extra_groups": ()}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, **stranger)
    except PermissionError:
        pytest.skip("this Python lies where other users cannot reach it")
    assert done.stdout == "1\n", done.stderr


@AS_ROOT
@ON_LINUX
def test_root_keeps_its_closed_directories_closed(throwaway: Path) -> None:
    closed = throwaway / "closed"
    closed.mkdir(mode=0o700)
    with Postgres(closed / "deep" / "pg") as server:
        write(server, 1)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    with Postgres(closed / "deep" / "pg") as server:
        assert read(server) == [1]


@AS_ROOT
@ON_LINUX
@pytest.mark.parametrize("kind", ["namespace", "reach"])
def test_root_dies_and_a_server_under_a_closed_directory_dies_too(throwaway: Path, kind: str) -> None:
    needs_programs_in_the_open(Identity(kind, 65534, 65534))
    closed = throwaway / "closed"
    closed.mkdir(mode=0o700)
    script = (
        "import sys, signal\n"
        "from services.embedded import Postgres\n"
        "from services.embedded.lifeline import Identity\n"
        f"with Postgres(sys.argv[1], identity=Identity({kind!r}, 65534, 65534)) as server:\n"
        " print(server.pid, flush=True)\n signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(closed / "pg")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
    wait_until(lambda: gone(pid), within_s=5, what="Postgres is gone")


def test_with_no_postgres_anywhere_the_ways_out_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.embedded.binaries._postgres_directories", lambda _: iter(()))
    with pytest.raises(NoServerFound) as refusal:
        postgres_binaries()
    for way in ("qiledger[embedded]", "apt install postgresql", "QILEDGER_DATABASE_URL"):
        assert way in str(refusal.value)


def test_the_machines_own_postgres_serves_where_the_wheel_is_missing(
    throwaway: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.embedded.binaries._wheel", lambda _: None)
    try:
        found = postgres_binaries()
    except NoServerFound:
        pytest.skip("this machine has no Postgres of its own")
    with Postgres(throwaway / "pg") as server:
        write(server, 1)
        assert setting(server, "server_version_num").startswith(str(found.major))
        assert setting(server, "data_checksums") == "on"
