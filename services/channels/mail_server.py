"""A mail server at the other end of a connection, as the library speaks to it, but with answers that come to an end."""

import contextlib
import smtplib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import msgspec

ANSWER_LINES_MAX = 100
ANSWER_LINE_MAX = 8_192  # bytes

TAKEN: Mapping[str, tuple[int, ...]] = {"MAIL": (250,), "RCPT": (250, 251), "DATA": (354,)}


class Refusal(msgspec.Struct, frozen=True):
    """What a server does not take, and what it says."""

    command: str
    code: int
    said: bytes


class Server(smtplib.SMTP):
    """A conversation with a mail server, whose answers are bounded. It is begun by `connect`.

    One thread speaks, within `spoken_to`; any other may have it let go.
    """

    _host: str  # whose certificate is checked; the library knows it only where it connects at once

    def __init__(self, host: str, **how: Any) -> None:
        super().__init__(**how)
        self._host = host
        self.used_at = time.monotonic()
        self._is_let_go = False  # perhaps before there was a socket to shut
        self._speaking = threading.Lock()

    @contextlib.contextmanager
    def spoken_to(self) -> Iterator[None]:
        """For whoever speaks: meanwhile nobody else closes it."""
        try:
            with self._speaking:
                yield
                self.used_at = time.monotonic()
        finally:
            if self._is_let_go:
                self.close()

    def let_go(self) -> None:
        """Ends the conversation: not a byte more is said, and whoever waits for an answer wakes up.

        Whoever speaks closes it then. The number of a file that is closed under their hands may be another's by the
        time they write. And the socket is shut below TLS: Python's own `shutdown` first forgets the encryption, and
        what is said at that moment would go out in the clear.
        """
        self._is_let_go = True
        sock = self.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        if self._speaking.acquire(blocking=False):
            try:
                self.close()
            finally:
                self._speaking.release()

    def close(self) -> None:
        """Closes it, whatever the other side did before."""
        with contextlib.suppress(OSError):
            super().close()

    def send(self, s: Any) -> None:
        """What the library says, unless it was let go. Raises SMTPServerDisconnected."""
        if self._is_let_go:
            self._hang_up("it was let go")
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        """The answer to a command. Raises SMTPServerDisconnected also for one without a number, or without an end."""
        said = list[bytes]()
        while True:
            line = self._line()
            if not line[:3].isdigit():
                self._hang_up("it does not answer by a number")  # to what would the next line be the answer?
            code = int(line[:3])
            said.append(line[4:].strip(b" \t\r\n"))
            if line[3:4] != b"-":
                return code, b"\n".join(said)
            if len(said) >= ANSWER_LINES_MAX:
                self._hang_up("it answers without end")

    def begin(self, sender: str, to: str) -> Refusal | None:
        """MAIL, RCPT and DATA: what the server refused first, or None if it waits for the message.

        A server that takes them so (RFC 2920) is told all three at once: over a long way that is twice as fast.
        """
        commands = {
            "MAIL": f"MAIL FROM:{smtplib.quoteaddr(sender)}",
            "RCPT": f"RCPT TO:{smtplib.quoteaddr(to)}",
            "DATA": "DATA",
        }
        if self.has_extn("pipelining"):
            return self._begun_at_once(commands)
        for word, command in commands.items():
            code, said = self.docmd(command)
            if code not in TAKEN[word]:
                return Refusal(word, code, said)
        return None

    def _begun_at_once(self, commands: Mapping[str, str]) -> Refusal | None:
        self.send("".join(f"{command}\r\n" for command in commands.values()))
        refusal = None
        for word in commands:
            try:
                code, said = self.getreply()
            except (smtplib.SMTPException, OSError):
                if refusal is None:
                    raise
                return refusal  # whatever became of the others
            if refusal is not None and code == 354:
                self.close()  # it waits for a message to nobody, and would take the next command for one
            elif refusal is None and code not in TAKEN[word]:
                refusal = Refusal(word, code, said)
        return refusal

    def _line(self) -> bytes:
        sock = self.sock
        if self._is_let_go or sock is None:
            self._hang_up("it was let go")
        if self.file is None:
            self.file = sock.makefile("rb")
        try:
            line = self.file.readline(ANSWER_LINE_MAX)
        except TimeoutError:
            self.close()
            raise
        except OSError as failure:
            self._hang_up(f"it ended the connection: {failure.strerror or type(failure).__name__}")
        if not line.endswith(b"\n"):
            self._hang_up("it answers in a line without end" if line else "it ended the connection")
        return line

    def _hang_up(self, why: str) -> NoReturn:
        self.close()
        raise smtplib.SMTPServerDisconnected(why)


class ServerOverTls(Server, smtplib.SMTP_SSL):
    """The same, over TLS from the first byte."""
