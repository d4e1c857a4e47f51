"""A mail server at the other end of a connection, as the library speaks to it, but with answers that come to an end."""

import smtplib
from typing import Any, NoReturn

ANSWER_LINES_MAX = 100
ANSWER_LINE_MAX = 8_192  # bytes


class Server(smtplib.SMTP):
    """A conversation with a mail server, whose answers are bounded. It is begun by `connect`."""

    _host: str  # whose certificate is checked; the library knows it only where it connects at once

    def __init__(self, host: str, **how: Any) -> None:
        super().__init__(**how)
        self._host = host
        self.let_go = False  # from another thread, perhaps before there was a socket to shut

    def getreply(self) -> tuple[int, bytes]:
        """The answer to a command. Raises SMTPServerDisconnected also for one that does not come to an end."""
        code, said = -1, list[bytes]()
        while True:
            line = self._line()
            code = int(line[:3]) if line[:3].isdigit() else -1
            said.append(line[4:].strip(b" \t\r\n"))
            if code < 0 or line[3:4] != b"-":
                return code, b"\n".join(said)
            if len(said) >= ANSWER_LINES_MAX:
                self._hang_up("it answers without end")

    def _line(self) -> bytes:
        sock = self.sock
        if self.let_go or sock is None:
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
