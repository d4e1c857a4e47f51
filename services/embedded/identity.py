"""Postgres refuses to run as root. Whom it runs as when we are, with no user added and no directory opened.

Tried in this order, each by really running the binary there:
1. `drop`: uid 65534 (nobody), where that user can reach the binaries and the directory;
2. `namespace`: a user namespace in which we are uid 1000, where things lie under a closed /root;
3. `reach`: uid 65534 with the one capability to walk through closed directories, where namespaces are
   forbidden (as in most containers).
A directory that already holds a server's data is run as the user who owns it.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from services.embedded.lifeline import OWN, Descent, Identity, launch

NOBODY = 65534
USER_IN_NAMESPACE = 1000
PROBE_TIMEOUT_S = 20.0


class NoIdentity(Exception):
    """Root, and no way to run a server as anybody else."""

    def __init__(self, directory: Path, binary: Path) -> None:
        super().__init__(
            "We are root, Postgres refuses to run as root, and no other user can run\n"
            f"{binary} in {directory}.\n"
            "Ways out, any one of them:\n"
            "  - run as an ordinary user\n"
            "  - choose a data directory and an environment that every user can reach, such as\n"
            "    /var/lib/qiledger and /opt/qiledger\n"
            "  - name a server that runs already: QILEDGER_DATABASE_URL=postgresql://user:password@host/database"
        )


def identity_for(directory: Path, binary: Path, *, in_use: bool) -> Identity:
    """Who runs `binary` in `directory`, which is ours, exists, and is owned by that identity afterwards.

    `in_use`: it holds a server's data already, so its owner is settled.

    Raises `NoIdentity` if we are root and nobody else can.
    """
    if os.geteuid() != 0:
        return OWN
    found = directory.stat()
    for candidate in _candidates(found.st_uid, in_use=in_use):
        _own(directory, candidate)
        if _can_run(candidate, directory, binary):
            return candidate
    os.chown(directory, found.st_uid, found.st_gid)
    raise NoIdentity(directory, binary)


def _candidates(owner: int, *, in_use: bool) -> Iterator[Identity]:
    if owner != 0 or not in_use:
        uid = owner if in_use else NOBODY
        yield Identity("drop", uid, uid)
    if owner == 0 or not in_use:
        yield Identity("namespace", USER_IN_NAMESPACE, USER_IN_NAMESPACE)
    if owner != 0 or not in_use:
        uid = owner if in_use else NOBODY
        yield Identity("reach", uid, uid)


def _own(directory: Path, identity: Identity) -> None:
    uid, gid = owner_of(identity)
    os.chown(directory, uid, gid)


def owner_of(identity: Identity) -> tuple[int, int]:
    """The user and group that the files of a server of this identity belong to, as seen from here."""
    if identity.kind in ("drop", "reach"):
        return identity.uid, identity.gid
    return os.geteuid(), os.getegid()


def _can_run(identity: Identity, directory: Path, binary: Path) -> bool:
    """Whether the binary really starts there."""
    descent = Descent(death_signal=signal.SIGKILL, identity=identity, directory=directory)
    process = launch([binary, "--version"], descent, output=subprocess.DEVNULL)
    try:
        return process.wait(PROBE_TIMEOUT_S) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
