"""A chat room, by Apprise: Teams, Slack and their like, as an administrator has set them up.

A room is a name and a URL of Apprise. Such a URL may name files, commands and hosts, so only those schemes are taken
that post to a chat service or a web hook, with nothing in them that opens a file or loosens a check. A room has no
preferences and takes nothing back: what is posted there is for everybody in it.
"""

import importlib
import logging
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import apprise
from apprise.common import PersistentStoreMode
from apprise.result import AppriseResultStatus

from services.channels.letter import Letter
from services.channels.mail import in_one_line
from services.channels.outcome import NotAnswered, Outcome, Refused, Sent, TryLater, Unknown, WrongWay

SCHEMES: Mapping[str, str] = {  # Apprise has two hundred; these few are all that is ever loaded
    "workflows": "workflows.NotifyWorkflows",
    "workflow": "workflows.NotifyWorkflows",
    "slack": "slack.NotifySlack",
    "gchat": "google_chat.NotifyGoogleChat",
    "mmost": "mattermost.NotifyMattermost",
    "mmosts": "mattermost.NotifyMattermost",
    "wxteams": "webexteams.NotifyWebexTeams",
    "zulip": "zulip.NotifyZulip",
    "json": "custom_json.NotifyJSON",
    "jsons": "custom_json.NotifyJSON",
}
EVERYWHERE = "*"
ANSWER_WITHIN_S = 20
_OPENS_OR_LOOSENS = {"template", "verify", "redirect", "optional", "retry", "wait", "rto", "cto"}
_OPENS_OR_LOOSENS |= {"overflow", "format", "store", "emojis"}
_CALLS = re.compile(r"<(?=[@!#/A-Za-z])|(?<!\w)@(?=[\w*])")
_CALLS_NOBODY = {"<": "‹", "@": "＠"}
"""How Slack, Teams and Google call people, and how Mattermost and Zulip do; and what looks like it and calls nobody."""
_ROOM = re.compile(r"\*|[A-Za-z0-9][A-Za-z0-9._~/-]{0,79}")

# Both log what is sent, and to where: a room's URL is its key.
logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
logging.getLogger("urllib3").setLevel(logging.ERROR)


class Chat:
    """Posts letters to rooms. The address is a room's name, which is a forum's; `*` is the room of all others."""

    name = "chat"
    patience_s = 30.0
    per_minute = 60
    settles_after = timedelta(minutes=10)

    def __init__(self, rooms: Mapping[str, str]) -> None:
        self._rooms = {room: _service(room, url) for room, url in rooms.items()}

    def send(self, letter: Letter, to: str) -> Outcome:
        """One post in one room."""
        room = self._rooms.get(to) or self._rooms.get(EVERYWHERE)
        if room is None:
            return Refused("no room of that name is set up, nor one for all others")
        poster = apprise.Apprise(asset=_asset())
        poster.add(room)
        result: Any = poster.notify(
            body=_calling_nobody(letter.marked),
            title=_calling_nobody(in_one_line(letter.subject)),
            body_format=apprise.NotifyFormat.TEXT,
        )
        if result.status == AppriseResultStatus.SUCCESS:
            return Sent(letter.id)
        if result.status == AppriseResultStatus.TIMEOUT:
            return Unknown("the room did not answer in time")
        return TryLater("the room did not take it")  # Apprise does not say why

    def heard_of(self, letter_id: str) -> Sent | None:
        """A room does not say what has been posted."""
        return None

    def reach(self) -> str:
        """Nothing can be asked without posting. Says which rooms there are."""
        if not self._rooms:
            raise NotAnswered("no room is set up")
        return ", ".join(sorted(self._rooms))

    def drop(self) -> None:
        """Each post has its own connection."""


def rooms_of(text: str) -> dict[str, str]:
    """Rooms as a setting has them: `city-hackney=workflows://… *=slack://…`. Raises WrongWay."""
    rooms: dict[str, str] = {}
    for pair in text.split():
        room, equals, url = pair.partition("=")
        if not equals or not _ROOM.fullmatch(room):
            raise WrongWay(
                "give each chat room as name=URL, with blanks between; * is the room of all others"
            )
        if room in rooms:
            raise WrongWay(f"the chat room {room} is there twice")
        rooms[room] = url
    return rooms


def _service(room: str, url: str) -> apprise.NotifyBase:
    """What posts to a room. Raises WrongWay, which does not repeat the URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise WrongWay(f"the chat room {room}: its URL is none") from None
    if parts.scheme not in SCHEMES:
        raise WrongWay(f"the chat room {room}: its URL begins with one of {', '.join(SCHEMES)}")
    given = {name.lower() for name in parse_qs(parts.query, keep_blank_values=True)}
    if found := given & _OPENS_OR_LOOSENS:
        raise WrongWay(f"the chat room {room}: its URL may not have {', '.join(sorted(found))}")
    module, _, name = SCHEMES[parts.scheme].partition(".")
    kind: Any = getattr(importlib.import_module(f"apprise.plugins.{module}"), name)
    try:
        service: apprise.NotifyBase = kind(**kind.parse_url(url), asset=_asset())
    except (TypeError, ValueError, apprise.exception.AppriseException):  # parse_url gives None for nonsense
        raise WrongWay(f"the chat room {room}: its URL is not complete, see appriseit.com/services") from None
    return service


def _calling_nobody(text: str) -> str:
    """A text in which nothing, a project's title for one, rings the bell of everybody in the room."""
    return _CALLS.sub(lambda found: _CALLS_NOBODY[found[0]], text)


def _asset() -> apprise.AppriseAsset:
    """Apprise without a memory on the disk, without redirects, templates and plug-ins."""
    return apprise.AppriseAsset(
        app_id="qiledger",
        app_desc="qiledger",
        async_mode=False,
        http_redirects=False,
        allow_templates=False,
        image_url_mask="",  # no picture from elsewhere tells others who reads what
        storage_mode=PersistentStoreMode.MEMORY,
        service_timeout=ANSWER_WITHIN_S,
        language="en",
    )
