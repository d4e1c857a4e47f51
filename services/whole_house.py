"""The whole house in one command: Postgres, Valkey, the API and the workers, started together and ended together.

    with told_to_stop() as told, whole_house(plan, told=told, say=print) as home:
        home.house.wait()

Servers that are given (`QILEDGER_DATABASE_URL`, `QILEDGER_REDIS_URL`) are used and left as they are; the others are
our own, with their data in one directory.
"""

import contextlib
import os
import shlex
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
import psycopg

from events.counted import counted
from events.privacy.ledger import Ledger
from events.privacy.reapplying import reapply
from events.privacy.writing_anew import write_anew
from services.custody import custody_at, ledger_at
from services.embedded import Postgres, Valkey
from services.house import Child, House, KeptServer, Told
from services.operating import API, WORKER, Ways, make_database, open_house
from services.ports import kept_port
from services.sealing import NO_KEY, sealing_at

DATABASE = "qiledger"
READY_WITHIN_S = 60.0
LOOK_EVERY_S = 0.05
PLACARD = "house.env"
SEALER = "sealer"

Say = Callable[[str], None]


class NotReady(Exception):
    """The API did not come up; the message says where to look."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Where the house stands and how many live in it. A port of 0 is any that is free."""

    directory: Path
    host: str = "127.0.0.1"
    port: int = 8080
    fresh: int = 2
    past: int = 1
    deliver: int = 1
    long: int = 1
    webhooks: int = 1
    api_processes: int = 1
    database_url: str | None = None
    redis_url: str | None = None
    passwords: Mapping[str, str] = {}


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """A house that is up."""

    url: str
    ways: Ways
    redis_url: str
    directory: Path
    house: House


@contextlib.contextmanager
def whole_house(plan: Plan, *, told: Told, say: Say) -> Iterator[Home]:
    """The house, up and answering, until the block ends.

    Raises PortTaken, NotReady, and what the servers and migrations raise.
    """
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(kept_port(plan.host, plan.port))
        servers: list[KeptServer] = []
        database_url = plan.database_url or _own_postgres(plan, stack, servers, say)
        redis_url = plan.redis_url or _own_valkey(plan, stack, servers, say)
        say("Preparing the database")
        ways = open_house(database_url, trusted=plan.database_url is None, passwords=plan.passwords)
        erase_again(ways.admin, ledger_at(plan.directory, os.environ), say)
        say("Starting the API and the workers")
        children = the_children(plan, ways, redis_url, port)
        house = House(children, logs=plan.directory / "logs", servers=servers, told=told)
        stack.enter_context(house)
        url = f"http://{_reachable(plan.host)}:{port}"
        wait_until_ready(url, logs=plan.directory / "logs")
        custody = custody_at(plan.directory, os.environ)
        stack.enter_context(_placard(plan.directory, url, ways, redis_url, custody))
        yield Home(url=url, ways=ways, redis_url=redis_url, directory=plan.directory, house=house)


def erase_again(admin_url: str, ledger: Path, say: Say) -> None:
    """Destroys again, before anybody is let in, what the ledger says was destroyed: a backup may have been restored."""
    if not ledger.exists():
        return
    with psycopg.connect(admin_url, autocommit=True, application_name="qiledger erasures") as conn:
        conn.execute("SET timezone = 'UTC'")
        with conn.transaction():
            destroyed = reapply(conn, Ledger(ledger))
        if destroyed:
            write_anew(conn)  # nobody else is here yet
    if destroyed:
        say(f"Erasing again what had come back with a backup: {counted(destroyed, 'person')}")


def _own_postgres(plan: Plan, stack: contextlib.ExitStack, servers: list[KeptServer], say: Say) -> str:
    say("Starting Postgres")
    postgres = stack.enter_context(Postgres(plan.directory / "postgres"))
    servers.append(postgres)
    make_database(postgres.url(), DATABASE)
    return postgres.url(DATABASE)


def _own_valkey(plan: Plan, stack: contextlib.ExitStack, servers: list[KeptServer], say: Say) -> str:
    say("Starting Valkey")
    valkey = stack.enter_context(Valkey(plan.directory / "valkey"))
    servers.append(valkey)
    return valkey.url


def the_children(plan: Plan, ways: Ways, redis_url: str, port: int) -> list[Child]:
    """The API and every process of the worker room. All have the master key; the sealer alone has the sealing key."""
    custody = custody_at(plan.directory, os.environ)
    api = Child(
        name="api",
        argv=(
            *qiledger(),
            "serve",
            "--host",
            plan.host,
            "--port",
            str(port),
            "--workers",
            str(plan.api_processes),
        ),
        env=environment(ways.api, redis_url) | custody,
    )
    numbers = {"fresh": plan.fresh, "past": plan.past, "deliver": plan.deliver, "long": plan.long}
    numbers["webhooks"] = plan.webhooks
    workers = the_workers(ways.worker, redis_url, numbers)
    sealing = sealing_at(plan.directory, os.environ)
    told = {child.name: custody | (sealing if child.name == SEALER else {}) for child in workers}
    return [
        api,
        *(msgspec.structs.replace(child, env={**child.env, **told[child.name]}) for child in workers),
    ]


def the_workers(database_url: str, redis_url: str, numbers: Mapping[str, int]) -> list[Child]:
    """Every process of the worker room: queues, webhooks, the clock, the sweep, the sealer with its key."""
    env = environment(database_url, redis_url)
    python = (sys.executable, "-P", "-m", "services.worker")
    names: list[tuple[str, tuple[str, ...]]] = []
    for kind, number in numbers.items():
        words = ("webhooks",) if kind == "webhooks" else ("queue", kind)
        names += [(f"{kind}-{n}", words) for n in range(1, number + 1)]
    names += [("clock", ("clock",)), ("sweep", ("sweep",))]
    children = [Child(name=name, argv=(*python, *words), env=env) for name, words in names]
    key = {name: os.environ.get(name, "") for name in NO_KEY}
    return [*children, Child(name=SEALER, argv=(*python, "sealer"), env=env | key)]


def qiledger() -> tuple[str, ...]:
    """Our own command, whatever PATH says."""
    return (sys.executable, "-P", "-m", "services.cli")


def environment(database_url: str, redis_url: str) -> dict[str, str]:
    """What a process of the house is told: its own way in, and no other."""
    return {
        "QILEDGER_DATABASE_URL": database_url,
        "QILEDGER_DATABASE_URL_FILE": "",
        "QILEDGER_REDIS_URL": redis_url,
        "QILEDGER_REDIS_URL_FILE": "",
        "QILEDGER_API_PASSWORD": "",
        "QILEDGER_WORKER_PASSWORD": "",
        **NO_KEY,
    }


def _reachable(host: str) -> str:
    """A host to connect to, where one listens everywhere."""
    if host in ("0.0.0.0", "::"):  # noqa: S104  (compared, not listened on)
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def wait_until_ready(url: str, *, logs: Path) -> None:
    """Returns when the API says that it can take events. Raises NotReady."""
    deadline = time.monotonic() + READY_WITHIN_S
    while not _is_ready(url):
        if time.monotonic() > deadline:
            raise NotReady(
                f"The API was not ready within {READY_WITHIN_S:.0f} s. Its log: {logs / 'api.log'}"
            )
        time.sleep(LOOK_EVERY_S)


def _is_ready(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/readyz", timeout=2.0) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


@contextlib.contextmanager
def _placard(
    directory: Path, url: str, ways: Ways, redis_url: str, custody: Mapping[str, str]
) -> Iterator[None]:
    """A file at the door, ours alone to read, by which `qiledger status` and the like find a house that is up."""
    file = directory / PLACARD
    lines = {
        "QILEDGER_URL": url,
        "QILEDGER_DATABASE_URL": ways.admin,
        "QILEDGER_REDIS_URL": redis_url,
        "QILEDGER_DATA_DIRECTORY": str(directory),
        **custody,
    }
    write_exports(file, lines)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def write_exports(file: Path, lines: Mapping[str, str]) -> None:
    """Writes the lines by which a shell has the values from then on."""
    _write(file, (f"export {name}={shlex.quote(value)}" for name, value in lines.items()))


def write_env(file: Path, lines: Mapping[str, str]) -> None:
    """Writes plain lines, as Docker, systemd, dotenv and a shell read them alike: for values that need no quoting."""
    _write(file, (f"{name}={value}" for name, value in lines.items()))


def _write(file: Path, lines: Iterable[str]) -> None:
    """Whole or not at all, for our eyes only."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.writelines(f"{line}\n" for line in lines)
    draft.replace(file)


def house_at(directory: Path) -> Mapping[str, str]:
    """What the placard of the house at the data directory says; nothing if none is up there."""
    file = directory / PLACARD
    if not file.exists():
        return {}
    words = shlex.split(file.read_text(encoding="utf-8"))
    return {name: value for name, is_told, value in (word.partition("=") for word in words) if is_told}


def passwords_given(environ: Mapping[str, str]) -> dict[str, str]:
    """The roles' passwords that an operator has chosen: QILEDGER_API_PASSWORD, QILEDGER_WORKER_PASSWORD and so on."""
    named = {API: "API", WORKER: "WORKER", "qiledger_report": "REPORT", "qiledger_auditor": "AUDITOR"}
    given = {role: environ.get(f"QILEDGER_{name}_PASSWORD", "") for role, name in named.items()}
    return {role: password for role, password in given.items() if password}
