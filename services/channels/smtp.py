"""E-mail by SMTP: the trust's own server, over TLS that is checked.

    smtp://user:password@host:587              STARTTLS, required and verified
    smtps://user:password@host:465             TLS from the first byte
    smtp://relay.trust.nhs.uk:25?tls=none      in the clear: only without a password, or to this machine
    …?ca=/etc/ssl/trust-ca.pem                 a certificate authority of the trust's own
    …?rate=30                                  so many messages a minute at most (600 by default)

A server answers for a message from the moment it has answered the end of DATA. What goes wrong before is known not to
be sent; what goes wrong between that end and its answer is unknown.

One connection serves for many messages. Servers end it when they like: after so many messages, or some seconds of
silence, by 421 or without a word. What had been sent over it before, and gone no further than DATA, is begun once more
over a new one.
"""

import contextlib
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from services.channels.letter import Letter, without_addresses
from services.channels.mail import CannotBeMailed, mail_of, message_id, sender_of
from services.channels.mail_server import Refusal, Server, ServerOverTls
from services.channels.outcome import NotAnswered, Outcome, Refused, Sent, TryLater, Unknown, WrongWay

CONNECT_WITHIN_S = 10.0
ANSWER_WITHIN_S = 20.0
IDLE_S = 5.0  # a connection that was not used for so long is asked whether it works still
PORTS = {"starttls": 587, "tls": 465, "none": 25}
RATE, RATE_MAX = 600, 60_000  # messages a minute
THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
_AT_LINE_START = re.compile(rb"^\.", re.MULTILINE)


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """The way to a mail server."""

    host: str
    port: int
    tls: Literal["starttls", "tls", "none"]
    user: str | None = None
    password: str | None = None
    ca: str | None = None
    rate: int = RATE

    def __repr__(self) -> str:
        return f"Way({self.host}:{self.port}, {self.tls})"


def way_of(url: str) -> Way:
    """The way that a URL describes. Raises WrongWay."""
    parts = urlsplit(url)
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    tls: Literal["starttls", "tls", "none"] = "tls" if parts.scheme == "smtps" else "starttls"
    if asked.get("tls") == "none" and parts.scheme == "smtp":
        tls = "none"
    elif "tls" in asked:
        raise WrongWay("an SMTP URL takes ?tls=none with smtp://, and nothing else for tls")
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or asked.keys() - {"tls", "ca", "rate"}:
        raise WrongWay("give smtp://user:password@host:587, smtps://…:465, or smtp://host:25?tls=none")
    if tls == "none" and parts.password and parts.hostname not in THIS_MACHINE:
        raise WrongWay("a password is not sent in the clear: leave ?tls=none out, or the password")
    rate = asked.get("rate", str(RATE))
    if not rate.isascii() or not rate.isdigit() or not 1 <= int(rate) <= RATE_MAX:
        raise WrongWay(f"an SMTP URL takes ?rate= from 1 to {RATE_MAX} messages a minute")
    return Way(
        host=parts.hostname,
        port=parts.port or PORTS[tls],
        tls=tls,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        ca=asked.get("ca"),
        rate=int(rate),
    )


class _Ended(Exception):
    """The server ended the conversation before it was given the message; says how."""


class Smtp:
    """Sends letters over one connection, which is kept for as long as it works."""

    name = "email"
    patience_s = 45.0
    settles_after = timedelta(minutes=10)

    def __init__(self, way: Way, sender: str) -> None:
        self._way = way
        self.per_minute = way.rate
        try:
            self._sender = sender_of(sender)
        except CannotBeMailed as wrong:
            raise WrongWay(str(wrong)) from None
        self._server: Server | None = None
        self._used_at = 0.0  # of `time.monotonic()`

    def send(self, letter: Letter, to: str) -> Outcome:
        """One message to one address."""
        try:
            mail = mail_of(letter, sender=self._sender, to=to)
        except CannotBeMailed as wrong:
            return Refused(str(wrong))
        outcome: Outcome
        for last_try in (False, True):
            kept = self._server
            try:
                server = self._at_hand()
                outcome = self._handed_over(server, mail, letter, to)
            except NotAnswered as away:
                return TryLater(str(away), everybody=True)
            except _Ended as ended:
                self._drop(server)
                outcome = TryLater(str(ended), everybody=True)
                if server is not kept or last_try:
                    return outcome
            else:
                break
        self._used_at = time.monotonic()
        if not isinstance(outcome, Sent):
            self._begin_anew(server)
        return outcome

    def heard_of(self, letter_id: str) -> Sent | None:
        """A mail server does not say what it has taken."""
        return None

    def reach(self) -> str:
        """Connects and logs in."""
        self._at_hand()
        return f"{self._way.host}:{self._way.port}"

    def drop(self) -> None:
        """Shuts the connection, so that whoever waits on it wakes up."""
        if (server := self._server) is not None:
            self._drop(server)

    def _drop(self, server: Server) -> None:
        if self._server is server:
            self._server = None
        server.let_go = True
        with contextlib.suppress(OSError):
            if server.sock is not None:
                server.sock.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            server.close()

    def _at_hand(self) -> Server:
        """The connection we have if it is still to be used, else a new one. Raises NotAnswered."""
        kept = self._server
        if kept is not None:
            if time.monotonic() - self._used_at < IDLE_S or _still_works(kept):
                return kept
            self._drop(kept)
        try:
            return self._connected()
        except (smtplib.SMTPException, OSError, ValueError) as away:
            self.drop()
            raise NotAnswered(f"{self._way.host}:{self._way.port}: {_reason(away)}") from None

    def _connected(self) -> Server:
        way, ours = self._way, self._sender.domain
        how: dict[str, Any] = {"local_hostname": ours, "timeout": CONNECT_WITHIN_S}
        server = (
            ServerOverTls(way.host, **how, context=_context(way))
            if way.tls == "tls"
            else Server(way.host, **how)
        )
        self._server = server  # from here on `drop` can end it
        code, said = server.connect(way.host, way.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        if server.sock is None:
            raise smtplib.SMTPServerDisconnected("it was let go")
        server.sock.settimeout(ANSWER_WITHIN_S)
        server.ehlo_or_helo_if_needed()
        if way.tls == "starttls":
            server.starttls(context=_context(way))
            server.ehlo()
        if way.user is not None:
            server.login(way.user, way.password or "")
        return server

    def _handed_over(self, server: Server, mail: bytes, letter: Letter, to: str) -> Outcome:
        """MAIL, RCPT, DATA, each with its own meaning of a refusal, then the message. Raises _Ended."""
        try:
            refusal = server.begin(self._sender.addr_spec, to)
        except (smtplib.SMTPException, OSError) as away:
            raise _Ended(_reason(away)) from None
        if refusal is not None:
            return _refused(refusal)
        try:
            server.send(_AT_LINE_START.sub(b"..", mail) + b".\r\n")
            code, said = server.getreply()
        except (smtplib.SMTPException, OSError) as silent:
            return Unknown(f"silent after the end of the message: {_reason(silent)}")
        if code == 250:
            return Sent(message_id(letter.id, self._sender))
        return _not_taken(code, said)

    def _begin_anew(self, server: Server) -> None:
        """After a refusal the next message begins from a clean state."""
        if not _answers(server.rset):
            self._drop(server)


def _still_works(server: Server) -> bool:
    return _answers(server.noop)


def _answers(command: Callable[[], tuple[int, bytes]]) -> bool:
    try:
        return command()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _refused(refusal: Refusal) -> TryLater | Refused:
    """Before the message. 421 is about the conversation: the server says no more in this one. Raises _Ended."""
    if refusal.code == 421:
        raise _Ended(_said(refusal.code, refusal.said))
    if refusal.command == "MAIL":
        return TryLater(f"our sender is not taken: {_said(refusal.code, refusal.said)}", everybody=True)
    return _not_taken(refusal.code, refusal.said)


def _context(way: Way) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=way.ca)


def _not_taken(code: int, said: bytes) -> TryLater | Refused:
    """4xx may pass (421 and 454 are about the server and not about the message), 5xx will not."""
    if 500 <= code < 600:
        return Refused(_said(code, said))
    return TryLater(_said(code, said), everybody=code in (421, 454))


def _said(code: int, said: bytes) -> str:
    return without_addresses(f"{code} {said.decode('utf-8', 'replace')}")


def _reason(failure: Exception) -> str:
    """What went wrong, in words that hold no password and no address."""
    match failure:
        case smtplib.SMTPAuthenticationError(smtp_code=code):
            return f"{code} user and password are not accepted"
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=said):
            return _said(code, said if isinstance(said, bytes) else str(said).encode())
        case ssl.SSLCertVerificationError(verify_message=why):
            return f"the certificate is not to be trusted: {why}"
        case TimeoutError():
            return "no answer in time"
        case OSError(strerror=str(why)):
            return why
        case _:
            return without_addresses(str(failure) or type(failure).__name__)
