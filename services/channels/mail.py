"""A letter as an e-mail: plain text beside simple HTML, a Message-ID that every copy shares, one click to unsubscribe.

Nothing in a letter can become a header: header values hold no control characters, and the address is of a strict form.
"""

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from services.channels.letter import ADDRESS, ID, Letter

SUBJECT_MAX = 200  # characters
_URL = re.compile(r"https?://[!#-;=?-~]{1,900}")  # visible ASCII but " < >


class CannotBeMailed(ValueError):
    """The letter or the address is not of a form that e-mail takes; the message says which."""


def mail_of(letter: Letter, *, sender: Address, to: str) -> bytes:
    """The whole message, as it goes over the wire. Raises CannotBeMailed."""
    if not ADDRESS.fullmatch(to):
        raise CannotBeMailed("the address is not of the form that e-mail takes")
    if not ID.fullmatch(letter.id):
        raise CannotBeMailed("the message's id is not of the form that a Message-ID takes")
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = in_one_line(letter.subject)
    mail["Date"] = format_datetime(letter.at)
    mail["Message-ID"] = message_id(letter.id, sender)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers it
    mail["X-Auto-Response-Suppress"] = "All"  # and the same in the words of Exchange
    mail.set_content(letter.text, cte="quoted-printable")
    mail.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    return _unsubscribing(letter) + mail.as_bytes()


def message_id(letter_id: str, sender: Address) -> str:
    """The same for every copy of a letter, so that a mailbox that looks can know a second one."""
    return f"<{letter_id}@{sender.domain}>"


def in_one_line(text: str) -> str:
    """A text as a header takes it: in one line, printable, not too long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= SUBJECT_MAX else f"{line[: SUBJECT_MAX - 1]}…"


def _unsubscribing(letter: Letter) -> bytes:
    """RFC 8058. Written by hand, in one line: the library would encode a long URL into words that no mailbox reads."""
    if letter.unsubscribe is None:
        return b""
    if not _URL.fullmatch(letter.unsubscribe):
        raise CannotBeMailed("the address to unsubscribe at is no plain URL")
    lines = (
        f"List-Unsubscribe: <{letter.unsubscribe}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    )
    return lines.encode("ascii")


def sender_of(text: str) -> Address:
    """`QI team <qi@trust.nhs.uk>`, or the bare address. Raises CannotBeMailed."""
    name, address = parseaddr(text)
    if not ADDRESS.fullmatch(address) or "\r" in text or "\n" in text:
        raise CannotBeMailed("the sender is not of the form: QI team <qi@trust.nhs.uk>")
    return Address(display_name=name, addr_spec=address)
