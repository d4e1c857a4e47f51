"""Who was told what, through the doors; and what people choose to be told, with a key or by the link in a message."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import psycopg
import pytest

from events.log.keys import NOTICES_READ, NOTICES_WRITE
from events.reviews import ProjectReviewed
from events.teams import PersonJoined
from projections.notices.engine.found import found_rules
from projections.notices.engine.listen import listen
from projections.notices.engine.paces import slower
from projections.notices.engine.plan import plan
from projections.notices.engine.preferences import Channel
from projections.notices.engine.unsubscribe import Link, key_of, signed
from tests.projections.engine.telling import Telling, of, tell
from tests.roles import as_role
from tests.services.api.conftest import Door, MakeKey, Server, problem

LEAD = "person/lead"


@pytest.fixture
def desk(server: Server, organisation: str, make_key: MakeKey, database_url: str) -> Iterator[Door]:
    """A door to notices; the lead of a project has been told that they lead it, and of a decision on it."""
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn:
        listen(conn, organisation, now=datetime.now(UTC))
        told = [
            of(PersonJoined(person=LEAD, role="lead"), "project/P-1"),
            of(ProjectReviewed(forum="newham", outcome="approved"), "project/P-1"),
        ]
        now = datetime.now(UTC)
        tell(
            database_url,
            organisation,
            [Telling(stream=one.stream, type=one.type, body=one.body, occurred_at=now) for one in told],
        )
        listen(conn, organisation, now=datetime.now(UTC))
        plan(conn, organisation, now=datetime.now(UTC))
    opened = Door(server.url, organisation, make_key(scopes=[NOTICES_READ, NOTICES_WRITE]))
    with opened.http:
        yield opened


def link(
    database_url: str, organisation: str, rule: str = "forum_decision", channel: Channel = "email"
) -> str:
    """The address behind a message's link."""
    with (
        psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn,
        conn.transaction(),
    ):
        conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (organisation,))
        key = key_of(conn, organisation)
    return f"/unsubscribe/{signed(Link(organisation, LEAD, rule, channel), key)}"


def asked(desk: Door, **how: Any) -> dict[str, Any]:
    answer = desk.http.get(f"/v1/{desk.organisation}/notices", params=how)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def choices(desk: Door, person: str = "lead") -> dict[str, Any]:
    answer = desk.get(f"/v1/{desk.organisation}/preferences/{person}")
    assert answer.status_code == 200, answer.text
    chosen: dict[str, Any] = answer.json()["choices"]
    return chosen


def test_it_is_told_who_was_told_what_when_by_which_rule_and_why(desk: Door) -> None:
    (decision,) = asked(desk, rule="forum_decision")["items"]
    assert decision["recipient"] == LEAD
    assert decision["title"] == "Project P-1 was approved"
    assert decision["why"] == "you lead it."
    assert decision["link"] == f"/v1/{desk.organisation}/projections/projects/one?project=P-1"
    assert {one["channel"]: one["state"] for one in decision["sent"]} == {
        "email": "waiting",
        "inbox": "waiting",
    }


def test_notices_are_found_by_person_subject_and_time_and_read_page_by_page(desk: Door) -> None:
    assert len(asked(desk, person=LEAD, subject="project/P-1", standing="true")["items"]) == 2
    assert asked(desk, person="person/nobody")["items"] == []
    assert asked(desk, until="2020-01-01T00:00:00Z")["items"] == []
    first = asked(desk, limit=1)
    second = asked(desk, limit=1, before=first["next"])
    assert {page["items"][0]["rule"] for page in (first, second)} == {"forum_decision", "role_taken"}
    assert asked(desk, limit=1, before=second["next"])["items"] == []


def test_every_rule_is_listed_in_its_own_words_and_since_when_it_speaks(desk: Door) -> None:
    items = desk.get(f"/v1/{desk.organisation}/rules").json()["items"]
    assert [one["rule"] for one in items] == list(found_rules())
    assert all(one["says"] and one["since"] and one["unsaid"] == 0 for one in items)


def test_choices_are_read_as_they_were_written_and_replace_one_another(desk: Door) -> None:
    wanted = {
        "paces": [{"rule": "*", "channel": "email", "pace": "weekly"}],
        "quiet_hours": {"starts": "22:00:00", "ends": "07:00:00"},
        "mutes": [{"subject": "project/P-1", "until": None}],
    }
    address = f"/v1/{desk.organisation}/preferences/lead"
    assert desk.http.put(address, json=wanted).json() == {"person": LEAD, "choices": wanted}
    assert choices(desk) == wanted
    assert desk.http.put(address, json={}).status_code == 200
    assert choices(desk) == {"paces": [], "quiet_hours": None, "mutes": []}


def test_who_chooses_at_the_same_time_chooses_one_after_the_other(desk: Door) -> None:
    """The last to be answered stands, whole: nothing is a mixture, and nobody is refused."""
    wanted = [
        {
            "paces": [{"rule": "*", "channel": channel, "pace": "weekly"}],
            "quiet_hours": {"starts": f"2{n}:00:00", "ends": "07:00:00"},
            "mutes": [{"subject": f"project/P-{n}", "until": None}],
        }
        for n, channel in enumerate(("email", "inbox", "notify", "chat"))
    ]
    address = f"/v1/{desk.organisation}/preferences/lead"
    with ThreadPoolExecutor(len(wanted)) as pool:
        for _ in range(10):
            assert desk.http.put(address, json={}).status_code == 200
            answers = list(pool.map(lambda one: desk.http.put(address, json=one), wanted))
            assert [answer.status_code for answer in answers] == [200] * len(wanted)
            assert choices(desk) in wanted


def test_an_organisation_chooses_for_everybody(desk: Door) -> None:
    wanted = {"paces": [{"rule": "data_overdue", "channel": "email", "pace": "never"}]}
    assert desk.http.put(f"/v1/{desk.organisation}/preferences/*", json=wanted).status_code == 200
    assert choices(desk, "*")["paces"] == wanted["paces"]


@pytest.mark.parametrize(
    ("pace", "slug"),
    [
        ({"rule": "data_overdue", "channel": "email", "pace": "never"}, "action-needed"),
        ({"rule": "no_such", "channel": "email", "pace": "daily"}, "no-rule"),
        ({"rule": "*", "channel": "pigeon", "pace": "daily"}, "wrong-body"),
        ({"rule": "*", "channel": "email", "pace": "hourly"}, "wrong-body"),
    ],
)
def test_what_cannot_be_chosen_is_refused_and_changes_nothing(
    desk: Door, pace: dict[str, str], slug: str
) -> None:
    answer = desk.http.put(f"/v1/{desk.organisation}/preferences/lead", json={"paces": [pace]})
    problem(answer, slug, 422)
    assert choices(desk)["paces"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"mutes": [{"subject": "project/P-1\u0000"}]},
        {"mutes": [{"subject": "project/P-1", "until": "2026-01-01T00:00:00"}]},
        {"quiet_hours": {"starts": "22:00:00Z", "ends": "07:00:00"}},
        {"quiet_hours": {"starts": "22:00:00"}},
        {"mutes": [{"subject": "project/P-1", "until": "9999-12-31T23:59:59-01:00"}]},
        {"mutes": [{"subject": "project/P-1", "until": "2200-01-01T00:00:00Z"}]},
        {"mutes": [{"subject": "project/P-1", "until": "0001-01-01T00:00:00+23:59"}]},
        {"mutes": [{"subject": "project/P-1"}, {"subject": "project/P-1", "until": "2030-01-01T00:00:00Z"}]},
        {"paces": [{"rule": "*", "channel": "email", "pace": pace} for pace in ("weekly", "daily")]},
        {"pace": []},
        [],
    ],
)
def test_what_is_no_choice_is_refused(desk: Door, wrong: Any) -> None:
    answer = desk.http.put(f"/v1/{desk.organisation}/preferences/lead", json=wrong)
    problem(answer, "wrong-body", 422)
    assert choices(desk) == {"paces": [], "quiet_hours": None, "mutes": []}


def test_what_is_chosen_twice_is_named(desk: Door) -> None:
    twice = {"mutes": [{"subject": "project/P-1"}, {"subject": "project/P-2"}, {"subject": "project/P-1"}]}
    answer = desk.http.put(f"/v1/{desk.organisation}/preferences/lead", json=twice)
    assert problem(answer, "wrong-body", 422)["field"] == "mutes[2]"


def test_who_may_read_choices_may_not_change_them(
    server: Server, organisation: str, make_key: MakeKey
) -> None:
    reading = Door(server.url, organisation, make_key(scopes=[NOTICES_READ]))
    with reading.http:
        problem(reading.http.put(f"/v1/{organisation}/preferences/lead", json={}), "missing-scope", 403)


def test_a_link_that_was_posted_in_a_chat_room_opens_nothing(
    desk: Door, stranger: Door, database_url: str
) -> None:
    """It has been there for everybody in the room."""
    address = link(database_url, desk.organisation, channel="chat")
    problem(stranger.get(address), "no-link", 404)
    problem(stranger.http.post(address), "no-link", 404)
    assert choices(desk)["paces"] == []


def test_opening_the_link_changes_nothing(desk: Door, stranger: Door, database_url: str) -> None:
    page = stranger.get(link(database_url, desk.organisation))
    assert page.status_code == 200
    assert "Stop messages of the kind “Forum decision”" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert choices(desk)["paces"] == []


def test_one_click_unsubscribes_from_the_rule_and_channel_of_the_message(
    desk: Door, stranger: Door, database_url: str
) -> None:
    address = link(database_url, desk.organisation)
    for _ in range(2):
        answer = stranger.http.post(
            address,
            content="List-Unsubscribe=One-Click",
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        assert answer.status_code == 200
    assert choices(desk)["paces"] == [{"rule": "forum_decision", "channel": "email", "pace": "never"}]


def test_what_needs_action_is_slowed_down_and_never_stopped(
    desk: Door, stranger: Door, database_url: str
) -> None:
    stranger.http.post(link(database_url, desk.organisation, "data_overdue"))
    assert choices(desk)["paces"] == [{"rule": "data_overdue", "channel": "email", "pace": "weekly"}]


@pytest.mark.parametrize("channel", ["email", "inbox"])
def test_stopping_all_of_them_stops_what_was_chosen_by_rule_as_well(
    desk: Door, stranger: Door, database_url: str, channel: Channel
) -> None:
    chosen = [{"rule": "story_shared", "channel": channel, "pace": "weekly"}]
    assert desk.http.put(f"/v1/{desk.organisation}/preferences/lead", json={"paces": chosen}).is_success
    stranger.http.post(link(database_url, desk.organisation, "*", channel))
    now = {one["rule"]: one["pace"] for one in choices(desk)["paces"] if one["channel"] == channel}
    assert {now["*"], now["story_shared"]} == {"never"}
    for name, rule in found_rules().items():
        assert (now[name] == "never") != rule.action, name
        assert not rule.action or now[name] == slower("weekly", rule.urgency), "not more often than it did"


def test_what_needs_action_and_comes_seldom_is_not_made_to_come_more_often(
    desk: Door, stranger: Door, database_url: str
) -> None:
    chosen = [{"rule": "data_overdue", "channel": "email", "pace": "monthly"}]
    assert desk.http.put(f"/v1/{desk.organisation}/preferences/lead", json={"paces": chosen}).is_success
    for rule in ("score_old", "data_overdue"):
        stranger.http.post(link(database_url, desk.organisation, rule))
    assert choices(desk)["paces"] == [
        {"rule": rule, "channel": "email", "pace": "monthly"} for rule in ("data_overdue", "score_old")
    ]


def test_stopping_messages_makes_nothing_come_that_did_not(
    desk: Door, stranger: Door, database_url: str
) -> None:
    stranger.http.post(link(database_url, desk.organisation, "*", "notify"))
    assert {one["pace"] for one in choices(desk)["paces"]} == {"never"}


def test_a_page_that_is_saved_as_it_was_chooses_nothing(
    desk: Door, stranger: Door, database_url: str
) -> None:
    """Or it would overrule, rule by rule, whatever is chosen for all of them later."""
    for channel in ("email", "notify"):
        address = link(database_url, desk.organisation, "*", cast(Channel, channel))
        shown = re.findall(
            r'name="(pace\.\w+)">.*?<option value="(\w+)" selected>', stranger.get(address).text
        )
        assert len(shown) == len(found_rules())
        stranger.http.post(address, data={"save": "yes", **dict(shown)})
        assert choices(desk)["paces"] == []


def test_the_page_of_the_link_saves_what_is_chosen_for_its_channel(
    desk: Door, stranger: Door, database_url: str
) -> None:
    form = {
        "save": "yes",
        "pace.story_shared": "never",
        "pace.data_overdue": "never",
        "pace.role_left": "daily",
    }
    page = stranger.http.post(link(database_url, desk.organisation, "*"), data=form)
    assert page.status_code == 200
    assert choices(desk)["paces"] == [
        {"rule": "role_left", "channel": "email", "pace": "daily"},
        {"rule": "story_shared", "channel": "email", "pace": "never"},
    ]


def test_a_link_that_is_not_ours_leads_nowhere(desk: Door, stranger: Door, database_url: str) -> None:
    good = link(database_url, desk.organisation)
    told, _, signature = good.removeprefix("/unsubscribe/").partition(".")
    other = signed(Link(desk.organisation, "person/other", "*", "email"), b"\0" * 32)
    no_text = signed(Link("A\0B", "person/other", "*", "email"), b"\0" * 32)
    no_utf8 = urlsafe_b64encode(b'["\xff"]').decode() + f".{signature}"
    for token in (
        told,
        f"{told}.",
        f"{told}.{signature[:-2]}",
        f".{signature}",
        other,
        no_text,
        no_utf8,
        "é",
        "x" * 700,
        "%00",
    ):
        answer: httpx.Response = stranger.http.post(f"/unsubscribe/{token}")
        problem(answer, "no-link", 404)
    assert choices(desk, "other")["paces"] == []
