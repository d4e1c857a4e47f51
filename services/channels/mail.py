"""A letter as an e-mail: plain text beside simple HTML, a Message-ID that every copy shares, one click to unsubscribe.

Nothing in a letter can become a header: header values hold no control characters, and the address is of a strict form.
The frame is written by hand, as it is always the same: the library takes three times as long over a message as the
server that it is for.
"""

import binascii
import re
import secrets
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import lru_cache

from services.channels.letter import ADDRESS, ID, Letter

SUBJECT_MAX = 200  # characters
ENCODED_MAX = 39  # bytes of an encoded word: the first fits a line with the name of the header
_ANOTHER_HEADER = re.compile(r"\n(?![ \t])")
_URL = re.compile(r"https?://[!#-;=?-~]{1,900}")  # visible ASCII but " < >
_PLAIN = re.compile(r"[!-~](?:[ -~]{0,65}[!-~])?")  # visible ASCII that fits one line


class CannotBeMailed(ValueError):
    """The letter or the address is not of a form that e-mail takes; the message says which."""


def mail_of(letter: Letter, *, sender: Address, to: str) -> bytes:
    """The whole message, as it goes over the wire. Raises CannotBeMailed."""
    if not ADDRESS.fullmatch(to):
        raise CannotBeMailed("the address is not of the form that e-mail takes")
    if not ID.fullmatch(letter.id):
        raise CannotBeMailed("the message's id is not of the form that a Message-ID takes")
    boundary = f"=_{secrets.token_hex(12)}"  # in quoted-printable, no `=` is followed by `_`
    lines = [
        *_unsubscribing(letter),
        _from(sender.display_name, sender.addr_spec),
        f"To: {to}",
        _subject(in_one_line(letter.subject)),
        f"Date: {format_datetime(letter.at)}",
        f"Message-ID: {message_id(letter.id, sender)}",
        "Auto-Submitted: auto-generated",  # RFC 3834: nobody's holiday notice answers it
        "X-Auto-Response-Suppress: All",  # and the same in the words of Exchange
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{boundary}"',
        "",
        *_part(boundary, "plain", letter.text),
        *_part(boundary, "html", letter.html),
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")


def _part(boundary: str, kind: str, text: str) -> list[str]:
    """One way to read the letter."""
    whole_lines = "".join(f"{line}\n" for line in text.splitlines())
    body = binascii.b2a_qp(whole_lines.encode("utf-8", "replace"), istext=True).decode("ascii")
    return [
        f"--{boundary}",
        f'Content-Type: text/{kind}; charset="utf-8"',
        "Content-Transfer-Encoding: quoted-printable",
        "",
        body.replace("\n", "\r\n"),
    ]


def _subject(subject: str) -> str:
    """In plain words, or in encoded ones (RFC 2047), which say just what it says.

    Not by the library: it reads what looks like an encoded word as one, and what that holds may be the end of a line.
    """
    if _PLAIN.fullmatch(subject) and "=?" not in subject:
        return f"Subject: {subject}"
    words = [b""]
    for letter in subject:
        told = letter.encode("utf-8", "replace")
        if len(words[-1]) + len(told) > ENCODED_MAX:
            words.append(b"")
        words[-1] += told
    encoded = (f"=?utf-8?b?{binascii.b2a_base64(word, newline=False).decode('ascii')}?=" for word in words)
    return "Subject: " + "\r\n ".join(encoded)


@lru_cache(maxsize=8)
def _from(name: str, address: str) -> str:
    """Our own sender, in as many lines as it takes. Raises CannotBeMailed."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(display_name=name, addr_spec=address)
    written = mail.as_bytes().decode("ascii").rstrip("\r\n")
    if _ANOTHER_HEADER.search(written):
        raise CannotBeMailed("the sender's name holds the end of a line")
    return written


def message_id(letter_id: str, sender: Address) -> str:
    """The same for every copy of a letter, so that a mailbox that looks can know a second one."""
    return f"<{letter_id}@{sender.domain}>"


def in_one_line(text: str) -> str:
    """A text as a header takes it: in one line, printable, not too long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= SUBJECT_MAX else f"{line[: SUBJECT_MAX - 1]}…"


def _unsubscribing(letter: Letter) -> list[str]:
    """RFC 8058. In one line each: a long URL in encoded words is one that no mailbox reads."""
    if letter.unsubscribe is None:
        return []
    if not _URL.fullmatch(letter.unsubscribe):
        raise CannotBeMailed("the address to unsubscribe at is no plain URL")
    return [
        f"List-Unsubscribe: <{letter.unsubscribe}>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ]


def sender_of(text: str) -> Address:
    """`QI team <qi@trust.nhs.uk>`, or the bare address. Raises CannotBeMailed."""
    name, address = parseaddr(text)
    if not ADDRESS.fullmatch(address) or "\r" in text or "\n" in text:
        raise CannotBeMailed("the sender is not of the form: QI team <qi@trust.nhs.uk>")
    return Address(display_name=name, addr_spec=address)
