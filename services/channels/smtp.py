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
import ssl
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from services.channels.letter import Letter, without_addresses
from services.channels.mail import CannotBeMailed, mail_of, message_id, sender_of
from services.channels.mail_line import Line
from services.channels.mail_server import Refusal, Server, ServerOverTls
from services.channels.outcome import NotAnswered, Outcome, Refused, Sent, TryLater, Unknown, WrongWay

CONNECT_WITHIN_S = 10.0
ANSWER_WITHIN_S = 20.0
IDLE_S = 5.0  # a connection that was not used for so long is asked whether it works still
PORTS = {"starttls": 587, "tls": 465, "none": 25}
RATE, RATE_MAX = 600, 60_000  # messages a minute
THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
_GIVE = (
    "give smtp://user:password@host:587, smtps://…:465, or smtp://host:25?tls=none"
    " (what is neither letter nor digit in a password is written as %40 and the like)"
)
_BAD_ADDRESS = re.compile(rb"5\.1\.(?:1|2|3|6|10)(?![\d.])")
"""What blames the address (RFC 3463, RFC 7505): no such mailbox or domain, no address at all, moved, takes no mail.

A 550 alone does not: servers say it as well of a sender that they do not like, and to hold that against everybody whom
we write to would silence us in one bad hour. Nor does 5.4.1, which some say for both.
"""
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
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # whose words repeat a part of the URL, perhaps of the password
        raise WrongWay(_GIVE) from None
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    tls: Literal["starttls", "tls", "none"] = "tls" if parts.scheme == "smtps" else "starttls"
    if asked.get("tls") == "none" and parts.scheme == "smtp":
        tls = "none"
    elif "tls" in asked:
        raise WrongWay("an SMTP URL takes ?tls=none with smtp://, and nothing else for tls")
    more = parts.path.strip("/") or parts.fragment or asked.keys() - {"tls", "ca", "rate"}
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or more:
        raise WrongWay(_GIVE)
    if tls == "none" and parts.password and parts.hostname not in THIS_MACHINE:
        raise WrongWay("a password is not sent in the clear: leave ?tls=none out, or the password")
    rate = asked.get("rate", str(RATE))
    is_count = rate.isascii() and rate.isdigit() and len(rate) <= len(str(RATE_MAX))
    if not is_count or not 1 <= int(rate) <= RATE_MAX:
        raise WrongWay(f"an SMTP URL takes ?rate= from 1 to {RATE_MAX} messages a minute")
    return Way(
        host=parts.hostname,
        port=port or PORTS[tls],
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
        self._line = Line()

    def send(self, letter: Letter, to: str) -> Outcome:
        """One message to one address; nothing, from the moment on at which it is dropped."""
        turn = self._line.turn()
        try:
            mail = mail_of(letter, sender=self._sender, to=to)
        except CannotBeMailed as wrong:
            return Refused(str(wrong))
        try:
            return _without_name(self._sent(turn, mail, letter, to), to)
        except _Ended as ended:
            return _without_name(TryLater(str(ended), everybody=True), to)
        except NotAnswered as away:
            return TryLater(str(away), everybody=True)

    def heard_of(self, letter_id: str) -> Sent | None:
        """A mail server does not say what it has taken."""
        return None

    def reach(self) -> str:
        """Connects and logs in."""
        turn = self._line.turn()
        if self._kept(turn, idle_s=0) is None:
            self._connected(turn)
        return f"{self._way.host}:{self._way.port}"

    def drop(self) -> None:
        """Shuts the connection, so that whoever waits on it wakes up; what they were sending is given up."""
        self._line.drop()

    def _sent(self, turn: int, mail: bytes, letter: Letter, to: str) -> Outcome:
        """Over the connection we have, else over a new one. Raises NotAnswered, _Ended."""
        if (kept := self._kept(turn)) is not None:
            with contextlib.suppress(_Ended):  # then over a new one
                return self._sent_over(kept, mail, letter, to)
        return self._sent_over(self._connected(turn), mail, letter, to)

    def _kept(self, turn: int, *, idle_s: float = IDLE_S) -> Server | None:
        """The connection we have, if it is still to be used: one that was idle for so long is asked."""
        server = self._line.kept(turn)
        if server is None or time.monotonic() - server.used_at < idle_s:
            return server
        with server.spoken_to():
            if _answers(server.noop):
                return server
        self._line.end(server)
        return None

    def _connected(self, turn: int) -> Server:
        """A new connection. Raises NotAnswered."""
        try:
            return self._begun(self._unconnected(), turn)
        except (smtplib.SMTPException, OSError, ValueError) as away:
            raise NotAnswered(f"{self._way.host}:{self._way.port}: {_reason(away)}") from None

    def _begun(self, server: Server, turn: int) -> Server:
        if not self._line.keep(server, turn):
            raise smtplib.SMTPServerDisconnected("it was let go")
        try:
            with server.spoken_to():
                self._connect(server)
        except BaseException:
            self._line.end(server)
            raise
        return server

    def _unconnected(self) -> Server:
        way = self._way
        how: dict[str, Any] = {"local_hostname": self._sender.domain, "timeout": CONNECT_WITHIN_S}
        if way.tls == "tls":
            return ServerOverTls(way.host, **how, context=_context(way))
        return Server(way.host, **how)

    def _connect(self, server: Server) -> None:
        way = self._way
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

    def _sent_over(self, server: Server, mail: bytes, letter: Letter, to: str) -> Outcome:
        """Sends it over a connection, which is ready for the next one then, or ended. Raises _Ended."""
        ready = False
        try:
            with server.spoken_to():
                outcome = self._handed_over(server, mail, letter, to)
                ready = isinstance(outcome, Sent) or _answers(server.rset)  # begins from a clean state
        finally:
            if not ready:
                self._line.end(server)
        return outcome

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
        if 200 <= code < 300:
            return Sent(message_id(letter.id, self._sender))
        if code < 400:
            return Unknown(f"no answer to the end of a message: {_said(code, said)}")
        return _not_taken(code, said)


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
        return Refused(_said(code, said), bad_address=_BAD_ADDRESS.match(said) is not None)
    return TryLater(_said(code, said), everybody=code in (421, 454))


def _said(code: int, said: bytes) -> str:
    return without_addresses(f"{code} {said.decode('utf-8', 'replace')}")


def _without_name(outcome: Outcome, to: str) -> Outcome:
    """Servers repeat the first half of an address by itself, too: `550 jo.bloggs: unknown`."""
    if isinstance(outcome, Sent):
        return outcome
    name = re.compile(rf"(?<!\w){re.escape(to.partition('@')[0])}(?!\w)", re.IGNORECASE)
    return msgspec.structs.replace(outcome, reason=name.sub("…", outcome.reason))


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
