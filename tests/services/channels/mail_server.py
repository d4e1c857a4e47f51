"""Mail servers to send to: a real one (aiosmtpd), and one that says just what a test tells it to."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "qi", "correct horse"


class Box:
    """What a server has taken, and how it answers at the end of a message and at RCPT."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.says_to_data = "250 taken"
        self.says_to_rcpt: str | None = None

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.says_to_rcpt is not None:
            return self.says_to_rcpt.format(address=address)
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.says_to_data.startswith("250"):
            content = cast(bytes, envelope.content)
            self.raw.append(content)
            self.mails.append(cast(EmailMessage, message_from_bytes(content, policy=default)))
        return self.says_to_data


class Mailbox:
    """A mail server of the test's own, on a free port."""

    def __init__(self, *, certificate: Path | None = None, tls: str = "none", login: bool = False) -> None:
        context = None if certificate is None else _server_context(certificate)
        self.box = Box()
        self.port = 0
        self._talks: list[SMTP] = []
        self._over_tls = context if tls == "tls" else None
        self._how: dict[str, Any] = {
            "hostname": "mail.test",
            "tls_context": context if tls == "starttls" else None,
            "require_starttls": tls == "starttls",
            "auth_required": login,
            "auth_require_tls": tls == "starttls",
            "authenticator": _who if login else None,
        }
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Mailbox":
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(30)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(self._talk, "127.0.0.1", 0, ssl=self._over_tls)

    def _talk(self) -> SMTP:
        self._talks.append(SMTP(self.box, loop=self._loop, **self._how))
        return self._talks[-1]

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for talk in self._talks:  # after STARTTLS it has two transports, and leaves both open
            for transport in (talk.transport, talk._original_transport):
                if transport is not None:
                    transport.abort()  # type: ignore[attr-defined]
        await asyncio.sleep(0.01)  # transports end in a later turn of the loop


def _who(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=right, handled=False)


def _server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def make_certificate(directory: Path, name: str = "localhost") -> Path:
    """A certificate that signs itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = directory / f"{name}.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


class Scripted:
    """A mail server that answers each command with what it was told, and goes silent or hangs up where told."""

    def __init__(self, answers: dict[str, bytes], *, hangs_up_at: str = "", silent_at: str = "") -> None:
        self.answers = {"greeting": b"220 here", "ehlo": b"250 here", "data": b"354 go on"} | answers
        self.hangs_up_at, self.silent_at = hangs_up_at, silent_at
        self.taken = 0
        self.silences = 0
        self.connections = 0
        self._live: socket.socket | None = None
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Scripted":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if self._live is not None:
            with contextlib.suppress(OSError):
                self._live.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._live = connection
            with connection, contextlib.suppress(OSError):
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        """One after another: a test has one client. `.` is the end of a message."""
        lines = connection.makefile("rb")
        with lines:
            if not self._say(connection, "greeting"):
                return
            for line in lines:
                word = line.split(b" ")[0].strip().decode().lower()
                if not self._say(connection, word):
                    return
                if word == "data" and self.answers["data"].startswith(b"354"):
                    while (said := lines.readline()) != b".\r\n":
                        if not said:
                            return
                    self.taken += 1
                    if not self._say(connection, "."):
                        return

    def _say(self, connection: socket.socket, word: str) -> bool:
        if word == self.hangs_up_at:
            return False
        if word == self.silent_at:
            self.silences += 1
            connection.settimeout(30)
            while connection.recv(4096):  # until the other side hangs up, or we do
                pass
            return False
        connection.sendall(self.answers.get(word, b"250 fine") + b"\r\n")
        return True


class Limited(Scripted):
    """Takes two messages over a connection, and ends it at a command of the third: with these words, or none."""

    def __init__(self, at: str, ends: str) -> None:
        super().__init__({})
        self._at, self._ends = at, ends
        self._here = 0

    def _talk(self, connection: socket.socket) -> None:
        self._here = 0
        super()._talk(connection)

    def _say(self, connection: socket.socket, word: str) -> bool:
        if word == self._at and self._here == 2:
            if self._ends:
                connection.sendall(self._ends.encode() + b"\r\n")
            return False
        self._here += word == "."
        return super()._say(connection, word)
