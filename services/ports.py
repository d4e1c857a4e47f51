"""Ports: found free, and kept for whom they are meant. Our servers share theirs (SO_REUSEPORT) with who keeps it."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager


class PortTaken(Exception):
    """Where the API was to listen, something else does, or nobody can. The message says which, and what to do."""

    def __init__(self, host: str, port: int, refused: OSError) -> None:
        why = f"Port {port} on {host} is taken. Choose another one: --port {port + 1}, or --port 0 for any."
        if isinstance(refused, socket.gaierror) or refused.errno == errno.EADDRNOTAVAIL:
            why = f"{host} is no address of this machine. Choose one: --host 127.0.0.1, or --host 0.0.0.0 for all."
        elif refused.errno in (errno.EACCES, errno.EPERM):
            why = f"This user may not listen on port {port}. Choose one from 1024 on: --port 8080."
        super().__init__(why)


@contextmanager
def kept_port(host: str, port: int = 0) -> Iterator[int]:
    """The port, or any free one for 0, which nobody else is given while the block lasts; one of our servers takes it.

    A port that was only found free could be somebody's connection by the time a server wants it. Nothing listens on
    the socket that keeps it, so that no connection goes astray. Raises PortTaken before anything is started in vain.
    """
    if port:
        must_be_free(host, port)
    with _socket(host, socket.SO_REUSEPORT) as keeper:
        try:
            number = _bound(keeper, host, port)
        except PortTaken:  # by connections that were closed a moment ago, if by anything
            keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            number = _bound(keeper, host, port)
        yield number


def must_be_free(host: str, port: int) -> None:
    """Raises PortTaken if anybody has it, also a server that would share it with ours, or one who keeps it."""
    with _socket(host, socket.SO_REUSEADDR) as probe:
        _bound(probe, host, port)


def _socket(host: str, option: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, option, 1)
    return made


def _bound(unbound: socket.socket, host: str, port: int) -> int:
    try:
        unbound.bind((host, port))
    except OSError as refused:
        raise PortTaken(host, port, refused) from None
    return int(unbound.getsockname()[1])
