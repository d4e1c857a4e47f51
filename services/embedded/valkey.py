"""A real Valkey on a directory of its own: Unix socket only, what it was told kept on disk (each second)."""

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.embedded.binaries import valkey_binary
from services.embedded.lifeline import Identity
from services.embedded.server import Server

NEVER = Retry(NoBackoff(), 0)

DEFAULTS: Mapping[str, str] = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",  # RQ's jobs are not a cache
    "databases": "64",
}


class Valkey(Server):
    """`with Valkey(directory) as server: redis.Redis.from_url(server.url)`.

    `settings` override `DEFAULTS`.
    """

    name = "valkey"
    socket_name = "valkey.sock"
    death_signal = signal.SIGTERM
    goodbyes: ClassVar[Sequence[tuple[signal.Signals, float]]] = (
        (signal.SIGTERM, 4.0),
        (signal.SIGKILL, 10.0),
    )

    def __init__(
        self,
        directory: Path | str,
        *,
        settings: Mapping[str, str] | None = None,
        identity: Identity | None = None,
        start_timeout_s: float = 120.0,
    ) -> None:
        super().__init__(directory, identity=identity, start_timeout_s=start_timeout_s)
        self.settings = {**DEFAULTS, **(settings or {})}
        self._binary: Path | None = None

    @property
    def socket(self) -> Path:
        """The socket's path."""
        return self.socket_directory / self.socket_name

    @property
    def url(self) -> str:
        """How to connect to database 0."""
        return self.database_url(0)

    def database_url(self, database: int) -> str:
        """How to connect to a numbered database."""
        return f"unix://{quote(str(self.socket))}?db={database}"

    @property
    def data(self) -> Path:
        """Where the append-only file lies."""
        return self.directory / "data"

    def binary(self) -> Path:
        """The server itself."""
        self._binary = self._binary or valkey_binary()
        return self._binary

    def prepare(self) -> None:
        """An empty directory is all it needs."""
        self.data.mkdir(exist_ok=True)
        self.data.chmod(0o700)
        self.hand_over(self.data)

    def command(self) -> list[str | Path]:
        """`valkey-server` without a configuration file."""
        settings = {
            **self.settings,
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "daemonize": "no",
            "loglevel": "notice",
        }
        return [self.binary(), *(part for name, value in settings.items() for part in (f"--{name}", value))]

    def ready(self, pid: int) -> bool:
        """This very process answers, and has read its file back."""
        with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2.0, retry=NEVER) as client:
            try:
                found = client.info("server")
            except redis.BusyLoadingError:
                return False
            except (redis.ConnectionError, redis.TimeoutError):
                return False
        return isinstance(found, dict) and found.get("process_id") == pid
