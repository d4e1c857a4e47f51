"""A line to a server that breaks: every connection through it ends after so many bytes of answers, for a while."""

import contextlib
import socket
import threading
from collections.abc import Iterator

CHUNK = 4_096


class BreakingLine:
    """Listens on `port`, hands everything on to a real server, and breaks `breaks` connections in mid-answer."""

    def __init__(self, to_port: int, *, breaks: int, after_bytes: int) -> None:
        self._to = ("127.0.0.1", to_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.breaks_left = breaks
        self._after_bytes = after_bytes
        self._threads: list[threading.Thread] = []

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._to)
                self._start(self._forward, client, server)
                self._start(self._answer, server, client)

    def _start(self, what: object, source: socket.socket, sink: socket.socket) -> None:
        assert callable(what)
        thread = threading.Thread(target=what, args=(source, sink), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(CHUNK):
                sink.sendall(piece)
        _end(source, sink)

    def _answer(self, source: socket.socket, sink: socket.socket) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while piece := source.recv(CHUNK):
                if self.breaks_left > 0 and passed + len(piece) > self._after_bytes:
                    self.breaks_left -= 1
                    sink.sendall(piece[: self._after_bytes - passed])
                    break
                sink.sendall(piece)
                passed += len(piece)
        _end(source, sink)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@contextlib.contextmanager
def breaking_line(to_port: int, *, breaks: int, after_bytes: int) -> Iterator[BreakingLine]:
    line = BreakingLine(to_port, breaks=breaks, after_bytes=after_bytes)
    thread = threading.Thread(target=line.serve, daemon=True)
    thread.start()
    try:
        yield line
    finally:
        line.close()
        thread.join(10)
