"""A real Postgres on a directory of its own: Unix socket only, every write durable, gone when we are gone."""

import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from services.embedded.binaries import PostgresBinaries, postgres_binaries
from services.embedded.lifeline import Identity
from services.embedded.server import Server, ServerFailed

INITDB_TIMEOUT_S = 300.0
BUILTIN_LOCALE_SINCE = 17

# Modest, for a machine that does other things too; an acknowledgement means that it is on the disk.
DEFAULTS: Mapping[str, str] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "max_wal_size": "4GB",
    "wal_compression": "off",  # pglz, all that every build has, halves the rate of appends after a checkpoint
    "jit": "off",  # our statements are short
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
}
# What makes it ours, and is no matter of taste.
FIXED: Mapping[str, str] = {
    "listen_addresses": "",
    "port": "5432",  # only a part of the socket's name
    "unix_socket_permissions": "0700",
    "logging_collector": "off",
    "external_pid_file": "",
}


class Postgres(Server):
    """`with Postgres(directory) as server: connect(server.url("postgres", user="postgres"))`.

    `settings` override `DEFAULTS` (with `fsync=off`, for tests only, the first start skips its syncs too).
    Whoever may open the socket (we and root alone) is trusted as any database user.
    """

    name = "postgres"
    socket_name = ".s.PGSQL.5432"
    death_signal = signal.SIGINT  # fast shutdown
    goodbyes: ClassVar[Sequence[tuple[signal.Signals, float]]] = (
        (signal.SIGINT, 5.0),
        (signal.SIGQUIT, 2.0),
        (signal.SIGKILL, 10.0),
    )

    def __init__(
        self,
        directory: Path | str,
        *,
        settings: Mapping[str, str] | None = None,
        identity: Identity | None = None,
        start_timeout_s: float = 600.0,
    ) -> None:
        super().__init__(directory, identity=identity, start_timeout_s=start_timeout_s)
        self.settings = {**DEFAULTS, **(settings or {})}
        self._binaries: PostgresBinaries | None = None

    def url(self, database: str = "postgres", *, user: str = "postgres") -> str:
        """How to connect, for psycopg, psql and everything else that speaks libpq."""
        host = quote(str(self.socket_directory), safe="")
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?host={host}"

    @property
    def data(self) -> Path:
        """The cluster."""
        return self.directory / "cluster"

    @property
    def binaries(self) -> PostgresBinaries:
        """Those of the version that made the data, else the best we find."""
        if self._binaries is None:
            version = self.data / "PG_VERSION"
            major = int(version.read_text()) if version.exists() else None
            self._binaries = postgres_binaries(major=major)
        return self._binaries

    def binary(self) -> Path:
        """The server itself, which refuses to run as root."""
        return self.binaries.postgres

    def prepare(self) -> None:
        """Make the cluster on the first start: whole under its name, or not at all."""
        if self.data.exists():
            self._forget_the_dead()
            return
        unborn = self.directory / "cluster.new"
        shutil.rmtree(unborn, ignore_errors=True)  # of a start that was interrupted
        self.run_once(self._initdb(unborn), timeout_s=INITDB_TIMEOUT_S)
        unborn.rename(self.data)

    def _initdb(self, directory: Path) -> list[str | Path]:
        """Locale C in any case: order by bytes does not change under us when the machine's locale does."""
        locale = ["--locale=C"]
        if self.binaries.major >= BUILTIN_LOCALE_SINCE:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        durable = [] if self.settings["fsync"] != "off" else ["--no-sync"]
        return [
            self.binaries.initdb,
            f"--pgdata={directory}",
            "--username=postgres",
            "--auth-local=trust",
            "--auth-host=reject",
            "--encoding=UTF8",
            "--data-checksums",
            "--no-instructions",
            *locale,
            *durable,
        ]

    def _forget_the_dead(self) -> None:
        """Drop the pid file of a crash: its number may be another's by now, and Postgres would defer to that.

        We hold `server.lock`, so no server of ours lives. One started past us, by hand, is left in peace.
        """
        file = self.data / "postmaster.pid"
        pid = next(iter(_lines(file)), "").strip()
        if pid.isdecimal() and _stands_in(self.data, int(pid)):
            raise ServerFailed(self.name, f"already runs on {self.data} as process {pid}", self.log)
        file.unlink(missing_ok=True)

    def command(self) -> list[str | Path]:
        """`postgres` with every setting on its command line: nothing in the directory decides otherwise."""
        escaped = str(self.socket_directory).replace('"', '""')
        settings = {**self.settings, **FIXED, "unix_socket_directories": f'"{escaped}"'}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self.binaries.postgres, "-D", self.data, *options]

    def ready(self, pid: int) -> bool:
        """`postmaster.pid` names this process and says ready. A file from before a crash says ready too."""
        lines = _lines(self.data / "postmaster.pid")
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def _stands_in(directory: Path, pid: int) -> bool:
    """Whether this process's working directory is there, as a postmaster's is (known on Linux only)."""
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd")) == directory.resolve()
    except OSError:
        return False


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except FileNotFoundError:
        return []
