"""A letter as an e-mail, whatever is in it: the same headers, two parts, lines that every server takes."""

import random
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import cast

import pytest

from services.channels.mail import mail_of, sender_of
from tests.services.channels.conftest import a_letter

SENDER = sender_of("QI team <qi@trust.test>")
HEADERS = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "auto-submitted",
    "x-auto-response-suppress",
    "mime-version",
    "content-type",
]
PIECES = [
    "\r",
    "\n",
    "\r\n",
    "\u2028",
    "\x85",
    "\x0b",
    "\u202e",
    "\u200b",
    "=?utf-8?q?=0D=0ABcc:x?=",
    "ж",
    "😀",
]
PIECES += ["a" * 80, " ", "\t", "\x00", ".", "\r\n.\r\n", "=", "--=_", "é", "\udc80", "Bcc: x@nhs.test"]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_in_a_letter_is_more_than_its_words(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(25):
        subject, text = ("".join(chance.choices(PIECES, k=chance.randrange(40))) for _ in range(2))
        raw = mail_of(a_letter(subject=subject, text=text, html=text), sender=SENDER, to="jo@nhs.test")
        mail = cast(EmailMessage, message_from_bytes(raw, policy=default))
        plain, html = cast("list[EmailMessage]", list(mail.iter_parts()))
        assert [name.lower() for name in mail] == HEADERS
        assert not mail.defects + plain.defects + html.defects
        lines = "".join(f"{line}\n" for line in text.splitlines()).encode("utf-8", "replace").decode()
        assert plain.get_content().replace("\r\n", "\n") == lines
        assert max(len(line) for line in raw.split(b"\r\n")) <= 998, "of RFC 5322"
        assert set(raw.replace(b"\r\n", b"")).isdisjoint(b"\r\n")
