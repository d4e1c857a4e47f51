"""Where embedded servers keep things: throw-away directories, and paths short enough for a Unix socket."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

SOCKET_PATH_BYTES_MAX = 100  # macOS allows 104 with the closing zero, Linux 108
# Lists of hosts and of directories are comma-separated, lists of clients are pairs with = and a blank between, which
# the client library takes apart without quoting; the rest is quoting.
AWKWARD = frozenset(",\"'\\\n\t@ =")


@contextlib.contextmanager
def throwaway_directory(prefix: str = "qiledger-") -> Iterator[Path]:
    """A new directory of ours, removed at the end. Others may walk through it, not list it.

    So that, where we are root, a server that runs as nobody reaches its own closed directory inside.
    """
    directory = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def fits_socket(directory: Path, name: str) -> bool:
    """Whether a socket of this name can lie in this directory."""
    path = str(directory / name)
    return len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX and not AWKWARD & set(path)


def short_directory() -> Path:
    """A new closed directory with a short path, for the socket of a server whose data lie too deep."""
    bases = [os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"]  # noqa: S108
    if os.geteuid() == 0:
        bases.remove(bases[0])  # closed to the user that the server runs as
    for base in bases:
        if (
            base
            and os.access(base, os.W_OK | os.X_OK)
            and fits_socket(Path(base, "qiledger-12345678"), "0" * 16)
        ):
            return Path(tempfile.mkdtemp(prefix="qiledger-", dir=base))
    raise OSError("no directory with a path short enough for a Unix socket: set TMPDIR to one, such as /tmp")
