"""The line to a mail server: one connection, kept from one message to the next, that another thread may end.

Whoever does not wait for a message any longer drops the line. What was being sent then is given up: once `drop` has
returned, nothing more is said for whoever took their turn before it, neither over this connection nor over another.
"""

import threading

from services.channels.mail_server import Server


class Line:
    """Holds the connection. It is asked for with a turn, taken at the beginning of a call, that a drop ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turn = 0
        self._server: Server | None = None

    def turn(self) -> int:
        """To be taken first: what is dropped from here on is given up."""
        return self._turn

    def kept(self, turn: int) -> Server | None:
        """The connection that we have; none to whoever was given up: it may be somebody else's by now."""
        with self._lock:
            return self._server if turn == self._turn else None

    def keep(self, server: Server, turn: int) -> bool:
        """From here on `drop` ends it too. Returns False to whoever was given up: it is not to be used."""
        with self._lock:
            if turn == self._turn:
                self._server = server
            return turn == self._turn

    def end(self, server: Server) -> None:
        """Ends a connection that is no good any more."""
        with self._lock:
            if self._server is server:
                self._server = None
        server.let_go()

    def drop(self) -> None:
        """Ends the connection and every turn; from any thread."""
        with self._lock:
            self._turn += 1
            server, self._server = self._server, None
        if server is not None:
            server.let_go()
