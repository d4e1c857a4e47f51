"""Chat rooms, by Apprise, to a web hook on this machine."""

import logging
import re

import pytest

from services.channels.chat import SCHEMES, Chat, rooms_of
from services.channels.outcome import Refused, Sent, TryLater, WrongWay
from tests.services.channels.conftest import a_letter
from tests.services.channels.http_server import Room


def test_a_letter_is_posted_in_its_room_and_in_the_room_of_all_others() -> None:
    with Room() as one, Room() as others:
        chat = Chat({"city-hackney": one.address, "*": others.address})
        assert chat.send(a_letter(), "city-hackney") == Sent(a_letter().id)
        assert chat.send(a_letter(), "person/p-1") == Sent(a_letter().id)
    assert [post["title"] for post in one.posts] == [a_letter().subject]
    assert [post["message"] for post in others.posts] == [a_letter().marked.strip()]


def test_a_letter_for_a_room_that_nobody_set_up_is_refused() -> None:
    with Room() as room:
        assert isinstance(Chat({"a": room.address}).send(a_letter(), "b"), Refused)
    assert room.posts == []


def test_a_room_that_does_not_take_it_is_tried_later() -> None:
    with Room() as room:
        room.status = 500
        assert isinstance(Chat({"*": room.address}).send(a_letter(), "a"), TryLater)
    assert isinstance(Chat({"*": room.address}).send(a_letter(), "a"), TryLater)


def test_a_room_sends_nobody_elsewhere() -> None:
    with Room() as room, Room() as elsewhere:
        room.status, room.headers = 307, {"location": elsewhere.url}
        assert isinstance(Chat({"*": room.address}).send(a_letter(), "a"), TryLater)
    assert elsewhere.posts == []


def test_no_title_calls_anybody() -> None:
    with Room() as room:
        said = "<at>Jo</at> HbA1c < 48 <!here> (@channel) -@all, @**all** @here; jo@nhs.test 3 @ 4"
        letter = a_letter(subject="<!channel> <@U123> @channel", marked=said)
        assert isinstance(Chat({"*": room.address}).send(letter, "a"), Sent)
    (post,) = room.posts
    for text in (post["title"], post["message"]):
        assert "<!" not in text
        assert "<@" not in text
        assert "<at>" not in text
        assert not {"@channel", "@all", "@here", "@**all**"} & set(re.findall(r"@[\w*]+", text))
    for harmless in ("< 48", "jo@nhs.test", "3 @ 4"):
        assert harmless in post["message"]


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "syslog://",
        "dbus://",
        "mailto://user:secret@nhs.test",
        "http://127.0.0.1/",
        "python://x",
        "ssh://x",
        "workflows://host/wf/sig?template=/etc/passwd",
        "json://127.0.0.1/x?verify=no",
        "json://127.0.0.1/x?optional=yes",
        "json://127.0.0.1/x?redirect=yes",
        "slack://",
        "",
        "nonsense",
        "json://[secret",
    ],
)
def test_what_could_open_a_file_or_run_a_command_is_no_room(url: str) -> None:
    with pytest.raises(WrongWay) as wrong:
        Chat({"a": url})
    assert "secret" not in str(wrong.value)


@pytest.mark.parametrize("text", ["x", "=slack://", "a=json://x a=json://y", "A B=json://x", "../a=json://x"])
def test_rooms_have_names_of_their_own(text: str) -> None:
    with pytest.raises(WrongWay):
        rooms_of(text)


def test_rooms_as_a_setting_has_them() -> None:
    assert rooms_of("city-hackney=json://a/x?y=z *=json://b") == {
        "city-hackney": "json://a/x?y=z",
        "*": "json://b",
    }
    assert not {"mailto", "mailtos", "file", "syslog", "dbus", "windows", "macosx"} & set(SCHEMES)


def test_the_log_holds_neither_room_nor_words(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Room() as room:
        Chat({"*": f"{room.address}/very-secret"}).send(a_letter(), "a")
    assert "very-secret" not in caplog.text.replace(room.url, "")
    assert "insulin" not in caplog.text
