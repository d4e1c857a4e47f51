"""What people choose to be told: with a key, for anybody of the organisation; or by the link in a message, for oneself.

A GET of the link changes nothing: what opens links before people do (scanners, previews) must not unsubscribe them.
A POST of it unsubscribes, as RFC 8058 has it, and the page that the GET shows has a button which does the same.
"""

from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Annotated
from urllib.parse import parse_qsl

import msgspec
from litestar import post, put, route
from litestar.types import ASGIApp
from msgspec import Meta

from events.fields import END
from events.log.keys import NOTICES_READ, NOTICES_WRITE
from projections.notices.engine.asked import (
    Chooses,
    Chosen,
    choose,
    choose_some,
    chosen,
    link_key,
    paces_for,
)
from projections.notices.engine.found import found_rules
from projections.notices.engine.paces import Pace
from projections.notices.engine.preferences import EVERY, EVERYBODY, Choices
from projections.notices.engine.rule import Rule
from projections.notices.engine.stopping import stopped
from projections.notices.engine.unsubscribe import BadToken, Link, is_ours, unsigned
from services.api.admission import EARLIEST
from services.api.answers import HTML, JSON, NEVER, Answer, encode
from services.api.asked import Asked, accepted, body, desk_of, query
from services.api.doors import Door, Nothing, at
from services.api.given import given
from services.api.pages import PLAIN, page_text
from services.api.problems import Problem, kinds

FORM_BYTES_MAX = 16_384
MUTED_BEFORE = datetime(2200, 1, 1, tzinfo=UTC)  # the calendar of the whole ledger ends there

_PERSON = Meta(pattern=r"^([A-Za-z0-9_-]{1,64}|\*)" + END)


class ChosenPaces(msgspec.Struct, frozen=True, kw_only=True):
    """What a person chose, to be read and written as a whole."""

    person: str
    choices: Chooses


@route(
    "/v1/{organisation:str}/preferences/{person:str}",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=NOTICES_READ, answers={JSON: ChosenPaces}, refuses=(404,))),
)
async def choices(request: Asked) -> ASGIApp:
    """What a person chose to be told, by rule and channel; with * what the organisation chose for everybody.

    `person` is the reference without `person/`. What nobody chose is told by e-mail as soon as the rule says, and at
    once in the inbox.
    """
    query(request, Nothing)
    accepted(request, (JSON,))
    person = _person(request)
    async with desk_of(request).pool.connection() as conn:
        known = await chosen(conn, request.auth.organisation, person)
    return Answer(encode(ChosenPaces(person=person, choices=known)), cache=NEVER)


@put(
    "/v1/{organisation:str}/preferences/{person:str}",
    opt=at(
        Door(
            scope=NOTICES_WRITE,
            body=Chooses,
            takes=(JSON,),
            answers={JSON: ChosenPaces},
            refuses=(404, 413, 415, 422),
        )
    ),
)
async def set_choices(request: Asked) -> ASGIApp:
    """Puts a person's choices in the place of what they chose before: paces, quiet hours and mutes.

    What needs action cannot be switched off for a person (422); `*` as the rule switches off the rest.
    """
    query(request, Nothing)
    person = _person(request)
    chooses = await given(request, Chooses)
    _check(chooses, person)
    async with desk_of(request).pool.connection() as conn:
        await choose(conn, request.auth.organisation, person, chooses)
        known = await chosen(conn, request.auth.organisation, person)
    return Answer(encode(ChosenPaces(person=person, choices=known)), cache=NEVER)


def _check(chooses: Chooses, person: str) -> None:
    """Raises Problem for what cannot be chosen, naming the first."""
    for number, one in enumerate(chooses.paces):
        rule = found_rules().get(one.rule)
        if rule is None and one.rule != EVERY:
            raise Problem(kinds.NO_RULE, field=f"paces[{number}].rule")
        if rule is not None and rule.action and one.pace == "never" and person != EVERYBODY:
            raise Problem(kinds.ACTION_NEEDED, field=f"paces[{number}].pace")
    for number, mute in enumerate(chooses.mutes):
        if mute.until is not None and not EARLIEST <= mute.until < MUTED_BEFORE:
            detail = f"A mute ends from {EARLIEST.year} to {MUTED_BEFORE.year - 1}; without `until` it is for good."
            raise Problem(kinds.WRONG_BODY, detail, field=f"mutes[{number}].until")
    _check_each_once("paces", [(one.rule, one.channel) for one in chooses.paces])
    _check_each_once("mutes", [mute.subject for mute in chooses.mutes])


def _check_each_once(member: str, named: Sequence[Hashable]) -> None:
    """Raises Problem for what is chosen twice: nobody could say which of the two counts."""
    seen: set[Hashable] = set()
    for number, name in enumerate(named):
        if name in seen:
            raise Problem(kinds.WRONG_BODY, "This is chosen twice.", field=f"{member}[{number}]")
        seen.add(name)


def _person(request: Asked) -> str:
    """The reference that the address names, whole."""
    try:
        name = msgspec.convert(request.path_params["person"], Annotated[str, _PERSON])
    except msgspec.ValidationError:
        raise Problem(kinds.NOT_FOUND) from None
    return EVERYBODY if name == EVERYBODY else f"person/{name}"


@route(
    "/unsubscribe/{token:str}",
    http_method=["GET", "HEAD"],
    opt=at(Door(answers={"text/html": str}, refuses=(404,))),
)
async def unsubscribing(request: Asked) -> ASGIApp:
    """The page behind the link in a message: one button to stop such messages, and a choice for each rule.

    It changes nothing by itself.
    """
    query(request, Nothing)
    link = await _link(request)
    async with desk_of(request).pool.connection() as conn:
        known = await paces_for(conn, link.organisation, link.person)
    return _page("What you are told", _form(link, known))


@post(
    "/unsubscribe/{token:str}", status_code=200, opt=at(Door(answers={"text/html": str}, refuses=(404, 413)))
)
async def unsubscribe(request: Asked) -> ASGIApp:
    """Stops such messages, by one click (RFC 8058: `List-Unsubscribe=One-Click`); or saves what the page's form says.

    What needs action is not stopped: it is gathered in a weekly digest, or comes as seldom as it did.
    """
    query(request, Nothing)
    link = await _link(request)
    fields = _fields(await body(request, FORM_BYTES_MAX))
    async with desk_of(request).pool.connection() as conn, conn.transaction():
        known = await paces_for(conn, link.organisation, link.person)
        paces = _picked(fields, link, known) if "save" in fields else _stopped(link, known)
        await choose_some(conn, link.organisation, link.person, paces)
        known = await paces_for(conn, link.organisation, link.person)
    said = "<p><strong>It is noted.</strong> You can change your mind at any time.</p>"
    return _page("What you are told", said + _form(link, known))


def _stopped(link: Link, known: Choices) -> list[Chosen]:
    paces = stopped(link.rule, link.channel, link.person, rules=found_rules(), choices=known)
    return [Chosen(rule, link.channel, pace) for rule, pace in paces.items()]


async def _link(request: Asked) -> Link:
    """Whose link it is. Raises Problem for one that is not ours, or that everybody in a room has: nobody learns why."""
    token = request.path_params["token"]
    try:
        link = unsigned(token)
        if link.channel not in CHANNELS:
            raise BadToken
        async with desk_of(request).pool.connection() as conn:
            key = await link_key(conn, link.organisation, person=link.person)
        if key is not None and is_ours(token, key):
            return link
    except BadToken:
        pass
    raise Problem(kinds.NO_LINK)


def _fields(text: bytes) -> dict[str, str]:
    """The fields of a form; what is none has none. Mail programs may send one click as multipart: that has none."""
    try:
        return dict(parse_qsl(text.decode("ascii"), max_num_fields=200))
    except (ValueError, UnicodeDecodeError):
        return {}


def _picked(fields: dict[str, str], link: Link, known: Choices) -> list[Chosen]:
    """What the form says otherwise than it is: what somebody left alone stays no choice of theirs."""
    picked: list[Chosen] = []
    for name, rule in found_rules().items():
        given_pace = fields.get(f"pace.{name}")
        pace = next((one for one in PACES if one == given_pace), None)
        if pace in (None, _now(link, rule, known)) or (pace == "never" and rule.action):
            continue
        picked.append(Chosen(name, link.channel, pace))
    return picked


def _now(link: Link, rule: Rule, known: Choices) -> Pace:
    """How soon whoever has the link is told by a rule, through the channel of the link."""
    return known.pace(link.person, rule.name, link.channel, rule.urgency, action=rule.action)


PACES: Mapping[Pace, str] = {
    "at_once": "at once",
    "daily": "each working day",
    "weekly": "each week",
    "monthly": "each month",
    "never": "never",
}
CHANNELS = {
    "email": "by e-mail",
    "notify": "by GOV.UK Notify",
    "inbox": "in your inbox",
}


def _form(link: Link, known: Choices) -> str:
    rows = "\n".join(_row(rule, _now(link, rule, known)) for rule in found_rules().values())
    what = "messages like this" if link.rule == EVERY else f"messages of the kind “{_called(link.rule)}”"
    return f"""<p>This page is about what you are told {CHANNELS[link.channel]}.</p>
<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">
<button>Stop {escape(what)}</button></form>
<p>What waits for you to act is never stopped altogether: it is gathered once a week, or comes as seldom as it did.</p>
<form method="post">
<table><thead><tr><th scope="col">What</th><th scope="col">How soon</th></tr></thead>
<tbody>
{rows}
</tbody></table>
<button name="save" value="yes">Save</button></form>"""


def _row(rule: Rule, now: Pace) -> str:
    name = rule.name
    options = "".join(
        f'<option value="{pace}"{" selected" if pace == now else ""}>{words}</option>'
        for pace, words in PACES.items()
        if not (pace == "never" and rule.action) or pace == now  # nobody but the organisation chose that
    )
    says = escape(rule.doc.partition("\n\n")[0].replace("\n", " "))
    return (
        f'<tr><td><label for="{name}"><strong>{escape(_called(name))}</strong><br>{says}</label></td>'
        f'<td><select id="{name}" name="pace.{name}">{options}</select></td></tr>'
    )


def _called(rule: str) -> str:
    return rule.replace("_", " ").capitalize()


def _page(title: str, text: str) -> Answer:
    """A page whose forms lead to itself, that no cache keeps and no other page frames."""
    policy = PLAIN["content-security-policy"].replace("form-action 'none'", "form-action 'self'")
    headers = PLAIN | {"content-security-policy": policy}
    return Answer(page_text(title, text), HTML, cache=NEVER, headers=headers)
