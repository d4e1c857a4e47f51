"""E-mail, to real mail servers on this machine that take it, refuse it, or leave us in the dark."""

import re
import socket
import threading
from collections.abc import Iterator
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest

from services.channels.letter import without_addresses
from services.channels.outcome import NotAnswered, Outcome, Refused, Sent, TryLater, Unknown, WrongWay
from services.channels.smtp import Smtp, way_of
from services.channels.within import OutOfTime, within
from tests.patience import wait_until
from tests.services.channels.conftest import a_letter
from tests.services.channels.mail_server import PASSWORD, USER, Limited, Mailbox, Scripted

FROM = "QI team <qi@trust.test>"
TO = "jo.bloggs@nhs.test"
WITH = f"{USER}:{PASSWORD.replace(' ', '%20')}@"


HEADERS = b"From To Subject Date Message-ID Auto-Submitted X-Auto-Response-Suppress MIME-Version Content-Type".split()
ONE_BY_ONE, AT_ONCE = b"250 here", b"250-here\r\n250-SIZE 1000000\r\n250 PIPELINING"

_open: list[Smtp] = []


@pytest.fixture(autouse=True)
def _dropped() -> Iterator[None]:
    """Lets every connection of a test go."""
    yield
    while _open:
        _open.pop().drop()


def smtp(
    port: int, *, host: str = "127.0.0.1", scheme: str = "smtp", user: str = "", query: str = "?tls=none"
) -> Smtp:
    _open.append(Smtp(way_of(f"{scheme}://{user}{host}:{port}{query}"), FROM))
    return _open[-1]


def of(channel: Smtp) -> Any:
    """The connection that a channel has."""
    return channel._line._server


def sent_by_another(channel: Smtp) -> tuple[threading.Thread, list[Outcome]]:
    """A letter that another thread sends, and what is said of it."""
    said: list[Outcome] = []
    sending = threading.Thread(target=lambda: said.append(channel.send(a_letter(), TO)), daemon=True)
    sending.start()
    return sending, said


def test_a_letter_arrives_as_it_was_written() -> None:
    with Mailbox() as server:
        outcome = smtp(server.port).send(a_letter(unsubscribe="https://qi.test/u/abc"), TO)
    (mail,) = server.box.mails
    assert outcome == Sent("<m_0123456789abcdef@trust.test>")
    assert (mail["From"], mail["To"], mail["Subject"]) == (FROM, TO, "Safer insulin was completed")
    assert mail["Message-ID"] == "<m_0123456789abcdef@trust.test>"
    assert mail["Date"] == "Tue, 24 Nov 2026 12:00:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] == "<https://qi.test/u/abc>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text, html = (part.get_content() for part in mail.iter_parts())
    assert text.replace("\r\n", "\n") == a_letter().text
    assert html.replace("\r\n", "\n") == a_letter().html


def test_a_long_address_to_unsubscribe_at_stays_one_plain_line() -> None:
    url = f"https://qi.test/unsubscribe/{'x' * 400}"
    with Mailbox() as server:
        smtp(server.port).send(a_letter(unsubscribe=url), TO)
    assert f"List-Unsubscribe: <{url}>\r\n".encode() in server.box.raw[0]


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?x=0D=0ABcc:_all@nhs.test?=",
        "ж =?utf-8?b?eA0KQmNjOiBhbGxAbmhzLnRlc3Q=?=",
        "a\r\nBcc: all@nhs.test",
        "a\nX: y\n\nbody",
        "\x00\x1b[2J",
        "ü" * 500,
        "",
        "=?utf-8?q?x?=",
    ],
)
def test_no_subject_becomes_a_header_or_breaks_the_message(subject: str) -> None:
    with Mailbox() as server:
        assert isinstance(smtp(server.port).send(a_letter(subject=subject), TO), Sent)
    (mail,) = server.box.mails
    assert mail["Bcc"] is None
    assert mail["X"] is None
    assert len(list(mail.iter_parts())) == 2
    head = server.box.raw[0].partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")]
    assert sorted(names) == sorted(HEADERS)


def test_a_subject_that_looks_encoded_is_shown_as_it_was_written() -> None:
    """And one of many letters in whole ones, however it is broken into words."""
    for subject in ("=?utf-8?q?x?= and more", "жéß😀" * 30):
        with Mailbox() as server:
            smtp(server.port).send(a_letter(subject=subject), TO)
        written = server.box.raw[0].partition(b"\r\nDate")[0].partition(b"Subject: ")[2]
        assert all(len(line) <= 76 for line in written.split(b"\r\n"))
        assert str(make_header(decode_header(written.decode()))) == subject


@pytest.mark.parametrize(
    "address",
    ["", "jo", "jo@a\r\nRCPT TO:<all@nhs.test>", "jo@nhs.test, all@nhs.test", "<jo@nhs.test>", "jø@nhs.test"],
)
def test_what_is_no_address_is_refused_before_anything_is_said(address: str) -> None:
    with Mailbox() as server:
        assert isinstance(smtp(server.port).send(a_letter(), address), Refused)
    assert server.box.mails == []


def test_a_hostile_address_to_unsubscribe_at_is_refused() -> None:
    with Mailbox() as server:
        outcome = smtp(server.port).send(a_letter(unsubscribe="https://x>\r\nBcc: all@nhs.test"), TO)
    assert isinstance(outcome, Refused)


def test_one_connection_serves_for_many_letters() -> None:
    with Scripted({}) as server:
        channel = smtp(server.port)
        assert [type(channel.send(a_letter(), TO)) for _ in range(5)] == [Sent] * 5
        assert (server.connections, server.taken) == (1, 5)


def test_over_tls_with_a_password(certificate: Path) -> None:
    with Mailbox(certificate=certificate, tls="starttls", login=True) as server:
        channel = smtp(server.port, host="localhost", user=WITH, query=f"?ca={certificate}")
        assert isinstance(channel.send(a_letter(), TO), Sent)
    with Mailbox(certificate=certificate, tls="tls") as server:
        channel = smtp(server.port, host="localhost", scheme="smtps", query=f"?ca={certificate}")
        assert isinstance(channel.send(a_letter(), TO), Sent)


def test_a_certificate_of_nobody_we_trust_is_not_spoken_to(certificate: Path) -> None:
    with Mailbox(certificate=certificate, tls="starttls") as server:
        outcome = smtp(server.port, host="localhost", query="").send(a_letter(), TO)
    assert isinstance(outcome, TryLater)
    assert outcome.everybody
    assert "certificate" in outcome.reason


def test_a_certificate_of_another_server_is_not_spoken_to(foreign_certificate: Path) -> None:
    with Mailbox(certificate=foreign_certificate, tls="tls") as server:
        channel = smtp(server.port, host="localhost", scheme="smtps", query=f"?ca={foreign_certificate}")
        outcome = channel.send(a_letter(), TO)
    assert isinstance(outcome, TryLater)
    assert "certificate" in outcome.reason


def test_a_server_without_tls_gets_no_letter_and_no_password() -> None:
    with Scripted({}) as server:
        outcome = smtp(server.port, user=WITH, query="").send(a_letter(), TO)
    assert isinstance(outcome, TryLater)
    assert server.taken == 0
    assert PASSWORD not in outcome.reason


def test_a_wrong_password_is_everybodys_trouble(certificate: Path) -> None:
    with Mailbox(certificate=certificate, tls="starttls", login=True) as server:
        channel = smtp(server.port, host="localhost", user="qi:wrong@", query=f"?ca={certificate}")
        outcome = channel.send(a_letter(), TO)
    assert outcome == TryLater(
        f"localhost:{server.port}: 535 user and password are not accepted", everybody=True
    )


@pytest.mark.parametrize(
    ("at", "says", "outcome"),
    [
        ("rcpt", b"450 4.2.0 greylisted", TryLater("450 4.2.0 greylisted")),
        (
            "rcpt",
            b"550 5.1.1 <jo.bloggs@nhs.test>: no such user",
            Refused("550 5.1.1 <…>: no such user", bad_address=True),
        ),
        ("rcpt", b"421 closing", TryLater("421 closing", everybody=True)),
        ("mail", b"550 not you", TryLater("our sender is not taken: 550 not you", everybody=True)),
        ("data", b"451 busy", TryLater("451 busy")),
        (".", b"452 full", TryLater("452 full")),
        (".", b"251 taken, and sent on", Sent("<m_0123456789abcdef@trust.test>")),
        (".", b"354 go on", Unknown("no answer to the end of a message: 354 go on")),
        (".", b"what?", Unknown("silent after the end of the message: it does not answer by a number")),
        (".", b"554 looks like spam", Refused("554 looks like spam")),
    ],
)
@pytest.mark.parametrize("ehlo", [ONE_BY_ONE, AT_ONCE], ids=["one by one", "at once"])
def test_each_refusal_has_its_meaning(at: str, says: bytes, outcome: object, ehlo: bytes) -> None:
    """And the next letter goes its way, though a server may have waited for a message to nobody."""
    with Scripted({at: says, "ehlo": ehlo}) as server:
        channel = smtp(server.port)
        assert channel.send(a_letter(), TO) == outcome
        del server.answers[at]
        server.answers |= {"data": b"354 go on", "ehlo": ehlo}
        assert isinstance(channel.send(a_letter(), TO), Sent)
        assert server.taken == (2 if at == "." else 1)


@pytest.mark.parametrize("at", ["rcpt", "data", "."])
@pytest.mark.parametrize(
    ("says", "blamed"),
    [
        ("550 5.1.1 no such user", True),
        ("550-5.1.1 The account that you tried to reach\r\n550 5.1.1 does not exist", True),
        ("550 5.1.2 no such domain", True),
        ("553 5.1.3 no address at all", True),
        ("551 5.1.6 moved", True),
        ("556 5.1.10 takes no mail", True),
        ("550 no such user", False),
        ("550 5.1.0 rejected", False),
        ("550 5.1.7 bad sender", False),
        ("550 5.1.11 who knows", False),
        ("550 5.2.1 switched off for now", False),
        ("550 5.4.1 access denied", False),
        ("550 5.7.1 we do not like you; see 5.1.1", False),
        ("554 5.7.509 DMARC", False),
        ("450 4.1.1 perhaps later", False),
        ("450 5.1.1 of two minds", False),
    ],
)
def test_only_what_blames_the_address_is_held_against_it(at: str, says: str, blamed: bool) -> None:
    with Scripted({at: says.encode()}) as server:
        outcome = smtp(server.port).send(a_letter(), TO)
    assert isinstance(outcome, TryLater if says.startswith("4") else Refused)
    assert getattr(outcome, "bad_address", False) is blamed


def test_a_server_that_hangs_up_after_a_refusal_has_refused() -> None:
    with Scripted({"rcpt": b"550 no such user", "ehlo": AT_ONCE}, hangs_up_at="data") as server:
        assert smtp(server.port).send(a_letter(), TO) == Refused("550 no such user")


def test_many_letters_go_over_a_connection_that_takes_commands_at_once() -> None:
    with Scripted({"ehlo": AT_ONCE}) as server:
        channel = smtp(server.port)
        assert [type(channel.send(a_letter(), TO)) for _ in range(5)] == [Sent] * 5
        assert (server.connections, server.taken) == (1, 5)


def test_after_a_refusal_the_next_letter_goes_its_way() -> None:
    with Mailbox() as server:
        channel = smtp(server.port)
        server.box.says_to_rcpt = "550 <{address}> unknown"
        assert channel.send(a_letter(), TO) == Refused("550 <…> unknown")
        server.box.says_to_rcpt = None
        assert isinstance(channel.send(a_letter(), TO), Sent)
    assert len(server.box.mails) == 1


@pytest.mark.parametrize("ehlo", [ONE_BY_ONE, AT_ONCE], ids=["one by one", "at once"])
@pytest.mark.parametrize("at", ["ehlo", "mail", "rcpt", "data"])
def test_hanging_up_before_the_message_means_that_it_was_not_sent(at: str, ehlo: bytes) -> None:
    with Scripted({"ehlo": ehlo}, hangs_up_at=at) as server:
        outcome = smtp(server.port).send(a_letter(), TO)
        assert isinstance(outcome, TryLater)
        assert outcome.everybody
        assert server.taken == 0


def test_hanging_up_after_the_message_leaves_us_in_the_dark() -> None:
    with Scripted({}, hangs_up_at=".") as server:
        assert isinstance(smtp(server.port).send(a_letter(), TO), Unknown)
        assert server.taken == 1


def test_a_server_that_went_away_between_two_letters_is_found_again() -> None:
    with Scripted({}, hangs_up_at="noop") as server:
        channel = smtp(server.port)
        assert isinstance(channel.send(a_letter(), TO), Sent)
        of(channel).used_at -= 60
        assert isinstance(channel.send(a_letter(), TO), Sent)
        assert server.connections == 2


def test_a_server_that_is_not_there_is_everybodys_trouble() -> None:
    with Scripted({}) as server:
        port = server.port
    outcome = smtp(port).send(a_letter(), TO)
    assert outcome == TryLater(f"127.0.0.1:{port}: Connection refused", everybody=True)


@pytest.mark.parametrize("at", ["ehlo", "rcpt", "."])
def test_a_silence_is_not_waited_out(at: str) -> None:
    with Scripted({}, silent_at=at) as server:
        channel = smtp(server.port)
        with pytest.raises(OutOfTime):
            within(0.3, lambda: channel.send(a_letter(), TO))
        channel.drop()


def test_what_hangs_ends_when_it_is_dropped() -> None:
    with Scripted({}, silent_at="rcpt") as server:
        channel = smtp(server.port)
        sending, _ = sent_by_another(channel)
        wait_until(lambda: server.silences, within_s=30, what="it hangs")
        channel.drop()
        sending.join(10)
        assert not sending.is_alive()


@pytest.mark.parametrize("endless", [b"250-go on\r\n" * 10_000 + b"250 fine", b"250 " + b"x" * 100_000])
@pytest.mark.parametrize(("at", "outcome"), [("ehlo", TryLater), ("rcpt", TryLater), (".", Unknown)])
def test_an_answer_without_end_is_not_read_to_its_end(at: str, outcome: type, endless: bytes) -> None:
    with Scripted({at: endless}) as server:
        said = smtp(server.port).send(a_letter(), TO)
    assert isinstance(said, outcome)
    assert "without end" in said.reason


def test_a_server_that_does_not_even_greet_is_let_go_when_it_is_dropped() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        channel = smtp(mute.getsockname()[1])
        sending, said = sent_by_another(channel)
        connection, _ = mute.accept()
        with connection:
            wait_until(lambda: of(channel) and of(channel).sock, within_s=30, what="it is connected")
            channel.drop()
            sending.join(10)
    assert isinstance(said[0], TryLater)


@pytest.mark.parametrize("at", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("ends", ["421 so many and no more", ""])
def test_a_server_that_takes_so_many_over_a_connection_is_met_again_at_once(at: str, ends: str) -> None:
    """By 421 or without a word; it has taken nothing of the one that it broke off at."""
    with Limited(at, ends) as server:
        channel = smtp(server.port)
        outcomes = [channel.send(a_letter(), TO) for _ in range(5)]
    assert [type(outcome) for outcome in outcomes] == [Sent] * 5
    assert (server.connections, server.taken) == (3, 5)


def test_a_server_that_breaks_off_each_time_is_met_again_once() -> None:
    with Scripted({}, hangs_up_at="rcpt") as server:
        assert isinstance(smtp(server.port).send(a_letter(), TO), TryLater)
        assert server.connections == 1, "it was new"


def test_a_server_can_be_tried_without_sending() -> None:
    with Mailbox() as server:
        channel = smtp(server.port)
        assert channel.reach() == f"127.0.0.1:{server.port}"
    with pytest.raises(NotAnswered):
        channel.reach()


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.test",
        "smtp://",
        "smtp://u:p@mail.test?tls=none",
        "smtps://mail.test?tls=none",
        "smtp://mail.test?tls=maybe",
        "smtp://mail.test?verify=no",
        "smtp://mail.test?rate=0",
        "smtp://mail.test?rate=fast",
        "smtp://mail.test?rate=" + "6" * 5_000,
        "smtp://mail.test:99999",
        "smtp://u:s3@cre/t@mail.test:587",
        "smtp://u:s3/cret@mail.test:587",
        "smtp://u:p@[mail.test",
    ],
)
def test_a_way_that_is_wrong_or_unsafe_is_not_taken(url: str) -> None:
    with pytest.raises(WrongWay) as wrong:
        way_of(url)
    assert not any(secret in str(wrong.value) for secret in ("p@", "s3"))


def test_a_way_has_the_ports_one_expects_and_hides_its_password() -> None:
    assert [way_of(f"{url}mail.test").port for url in ("smtp://", "smtps://")] == [587, 465]
    assert way_of("smtp://mail.test?tls=none").port == 25
    way = way_of("smtp://qi:p%40ss@mail.test")
    assert way.password == "p@ss"
    assert "p@ss" not in repr(way)


@pytest.mark.parametrize("sender", ["", "qi", "qi@", "QI <qi@trust.test>\r\nBcc: x@y.test"])
def test_a_sender_is_an_address(sender: str) -> None:
    with pytest.raises(WrongWay):
        Smtp(way_of("smtp://mail.test"), sender)


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("jo.bloggs@nhs.test", b"550 unknown user Jo.Bloggs."),
        ("jo.bloggs@nhs.test", b"550 jo.bloggs: no mailbox"),
        ("jo.bloggs@nhs.test", b"421 jo.bloggs has too much"),
        ("jo.bloggs@nhs.test", b"550 " + b"<jo.bloggs@nhs.test> " * 190 + b"jo.bloggs@" + b"nhs." * 30),
        ("mary.o'neill@nhs.test", b"550 <mary.o'neill@nhs.test>: unknown"),
        ("mary.o'neill@nhs.test", b"450 'mary.o'neill@nhs.test' (mary.o'neill) is full"),
    ],
)
def test_no_half_of_an_address_is_kept(to: str, says: bytes) -> None:
    with Scripted({"rcpt": says}) as server:
        outcome = smtp(server.port).send(a_letter(), to)
    assert isinstance(outcome, Refused | TryLater)
    assert not re.search("bloggs|mary|neill", outcome.reason, re.IGNORECASE), outcome.reason


def test_reasons_hold_no_addresses_and_no_control_characters() -> None:
    said = without_addresses("550 <jo@nhs.test>… jo.bloggs+x@nhs.test\r\n\x1b[31m mailbox of 'jo@nhs.test'")
    assert "@" not in said
    assert said.isprintable()
