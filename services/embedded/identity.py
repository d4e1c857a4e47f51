"""Postgres refuses to run as root, and initdb as a user without a name. Whom it runs as then.

No user is added and no directory opened. Tried in this order, each by really running the binary there:
1. `drop`: nobody, where that user can reach the binaries and the directory;
2. `namespace`: a user namespace in which we are nobody, where things lie under a closed /root;
3. `reach`: nobody with the one capability to walk through closed directories, where namespaces are forbidden
   (as in most containers).
A directory that already holds a server's data is run as the user who owns it. An ordinary user runs it as
themselves, or as nobody in a namespace if the machine has no name for them (as for made-up numbers in containers).
"""

import os
import pwd
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from services.embedded.lifeline import OWN, Descent, Identity, launch

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
    found = directory.stat()
    for candidate in _candidates(found.st_uid if in_use else None):
        if os.geteuid() == 0:
            os.chown(directory, *owner_of(candidate))
        if _can_run(candidate, directory, binary):
            return candidate
    if os.geteuid() != 0:
        return OWN  # and let the server say what it lacks
    os.chown(directory, found.st_uid, found.st_gid)
    raise NoIdentity(directory, binary)


def _candidates(owner: int | None) -> Iterator[Identity]:
    """Who might run it, best first, given who owns the data (None: there are none yet)."""
    uid, gid = _nobody()
    namespace = Identity("namespace", uid, gid)
    if os.geteuid() != 0:
        yield OWN if _has_name(os.geteuid()) else namespace
    elif owner is None:
        yield from (Identity("drop", uid, gid), namespace, Identity("reach", uid, gid))
    elif owner == 0:
        yield namespace
    else:
        yield from (Identity("drop", owner, owner), Identity("reach", owner, owner))


def _nobody() -> tuple[int, int]:
    """An unprivileged user with a name: nobody, else whom this machine knows."""
    known = [(entry.pw_uid, entry.pw_gid) for entry in pwd.getpwall() if entry.pw_uid != 0]
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return known[0] if known else (65534, 65534)
    return nobody.pw_uid, nobody.pw_gid


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


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
