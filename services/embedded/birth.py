"""The first moments of a child process: who it runs as, whom it dies with; then it becomes its command.

Run by path in an isolated interpreter (`python -I -S birth.py '{...}' command...`), before anything of ours
is importable: it imports the standard library only.
A script of its own, and not `preexec_fn`, because Python may not run between fork and exec while other
threads hold locks; and because the order matters: the kernel forgets the parent-death signal when a process
changes its ids.
"""

import ctypes
import json
import os
import select
import signal
import sys
import time
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CLONE_NEWUSER = 0x10000000
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
GUARD_PATIENCE_S = 15.0
DESCRIPTORS_MAX = 65536


def checked(result: int) -> None:
    """Raise what the C library left in errno."""
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def enter_user_namespace(uid: int, gid: int) -> None:
    """Ourselves outside, another user within: our files stay reachable, and Postgres agrees to start."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    checked(ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER))
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {outer_uid} 1"),
        ("gid_map", f"{gid} {outer_gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(line)


def drop_to(uid: int, gid: int) -> None:
    """Become another user for good."""
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def drop_but_reach(uid: int, gid: int) -> None:
    """Become another user who may still walk through closed directories (as root's home is)."""
    libc = ctypes.CDLL(None, use_errno=True)
    checked(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
    drop_to(uid, gid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):  # containers often grant only the second
        mask = 1 << capability
        sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)  # effective, permitted, inheritable
        if libc.capset(header, sets) == 0:
            checked(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0))
            return
    raise PermissionError("no capability to walk through closed directories")


def take_identity(kind: str, uid: int, gid: int) -> None:
    """Run as the identity that `services.embedded.identity` chose."""
    if kind == "drop":
        drop_to(uid, gid)
    elif kind == "namespace":
        enter_user_namespace(uid, gid)
    elif kind == "reach":
        drop_but_reach(uid, gid)


def die_with(parent: int, death_signal: int) -> None:
    """Ask Linux for `death_signal` when the parent ends; leave at once if it already has."""
    checked(ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0))
    if os.getppid() != parent:
        os._exit(0)


def start_guard(parent_pipe: int, death_signal: int, sweep: str | None) -> None:
    """Leave a small process behind that outlives both: it stops the server if the parent dies, and sweeps.

    Needed where the kernel has no parent-death signal (macOS), and where the socket lies outside the data
    directory.
    The server holds one end of a pipe without knowing it: its end says for certain that the server is gone.
    """
    server = os.getpid()
    server_gone, server_alive = os.pipe()
    os.set_inheritable(server_alive, True)
    if (first := os.fork()) != 0:
        os.close(server_gone)
        os.waitpid(first, 0)
        return
    if os.fork() != 0:  # twice, so that the server never finds a child it did not start
        os._exit(0)
    close_all_but(parent_pipe, server_gone)  # the server's locks and its pipe among them
    stand_guard(parent_pipe, server_gone, server, death_signal)
    if sweep is not None:
        sweep_away(sweep)
    os._exit(0)


def close_all_but(*kept: int) -> None:
    """Close every descriptor but these."""
    first = 0
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, DESCRIPTORS_MAX)


def stand_guard(parent_pipe: int, server_gone: int, server: int, death_signal: int) -> None:
    """Wait for the server's end; hasten it when the parent's comes first."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    ready, _, _ = select.select([parent_pipe, server_gone], [], [])
    if server_gone in ready:
        return
    for last_word in (death_signal, signal.SIGKILL):
        try:
            os.kill(server, last_word)
        except ProcessLookupError:
            return
        if select.select([server_gone], [], [], GUARD_PATIENCE_S)[0]:
            return


def sweep_away(directory: str) -> None:
    """Remove the socket directory with the sockets a killed server left in it."""
    for attempt in range(3):
        try:
            for name in os.listdir(directory):
                os.unlink(os.path.join(directory, name))
            os.rmdir(directory)
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.05 * attempt)
        else:
            return


def main(instructions: dict[str, Any], argv: list[str]) -> NoReturn:
    """Do as instructed, then become the command."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and what is ignored survives exec
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if instructions["parent_pipe"] is not None:
        start_guard(instructions["parent_pipe"], instructions["death_signal"], instructions["sweep"])
        os.close(instructions["parent_pipe"])
    take_identity(instructions["identity"], instructions["uid"], instructions["gid"])
    if instructions["directory"] is not None:
        os.chdir(instructions["directory"])
    if instructions["kernel_tells"]:
        die_with(instructions["parent"], instructions["death_signal"])
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
