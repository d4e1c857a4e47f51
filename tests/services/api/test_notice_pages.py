"""What a person finds behind the link in a message, with a browser and no key."""

import html.parser
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import httpx
import psycopg
import pytest

from events.comments import VisibilitySet
from events.measures import MeasureDefined, MeasurementRecorded
from events.projects import ProjectStarted
from events.teams import PersonJoined
from events.vocabulary import Event
from projections.engine.advance import advance
from projections.engine.ask import ROWS_MAX
from projections.notices.engine import unsubscribe
from projections.notices.engine.listen import listen
from projections.notices.engine.plan import plan
from projections.notices.engine.preferences import Channel
from projections.notices.engine.reading_link import ReadingLink, signed
from projections.notices.engine.tokens import key_of
from services.api.notice_page import _when
from tests.projections.engine.telling import Telling, of, tell
from tests.roles import as_role
from tests.services.api.conftest import Door, Server, problem

LEAD, P1 = "person/lead", "project/P-1"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Told:
    """A trust whose people are told of a project, and the links that they are sent."""

    def __init__(self, url: str, organisation: str, http: httpx.Client) -> None:
        self.code = organisation
        self._admin = url
        self._worker = as_role(url, "qiledger_worker")
        self._http = http
        with psycopg.connect(self._worker, autocommit=True) as conn:
            listen(conn, organisation, now=datetime.now(UTC))

    def tell(self, *events: Event) -> None:
        now = datetime.now(UTC)
        told = [of(event, P1) for event in events]
        tell(
            self._admin,
            self.code,
            [Telling(stream=one.stream, type=one.type, body=one.body, occurred_at=now) for one in told],
        )
        with psycopg.connect(self._worker, autocommit=True) as conn:
            listen(conn, self.code, now=datetime.now(UTC))
            plan(conn, self.code, now=datetime.now(UTC))
            advance(conn, self.code, deadline=float("inf"))

    def link(self, channel: Channel = "email", *, key: bytes | None = None) -> str:
        """The link in the message that tells the lead that they lead."""
        with psycopg.connect(self._worker, autocommit=True) as conn, conn.transaction():
            conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (self.code,))
            ((id_,),) = conn.execute(
                "SELECT id FROM notices.notices WHERE recipient = %s AND rule = 'role_taken'", (LEAD,)
            ).fetchall()
            ours = key_of(conn, self.code)
        return f"/notice/{signed(ReadingLink(self.code, id_, channel), key or ours)}"

    def does(self, statement: str) -> None:
        with psycopg.connect(self._admin) as conn:
            conn.execute(statement.encode(), {"organisation": self.code, "person": LEAD})

    def opens(self, link: str) -> httpx.Response:
        return self._http.get(link, headers={"accept": BROWSER})


@pytest.fixture
def told(database_url: str, organisation: str, server: Server) -> Iterator[Told]:
    with httpx.Client(base_url=server.url, timeout=60) as http:
        trust = Told(database_url, organisation, http)
        trust.tell(ProjectStarted(title="Sleep & <rest>"), PersonJoined(person=LEAD, role="lead"))
        yield trust


class Outline(html.parser.HTMLParser):
    """The tags of a page, each closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self._open: list[str] = []
        self.feed(text.removeprefix("<!doctype html>"))
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "input", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def test_the_page_says_what_was_told_why_and_how_the_work_stands(told: Told) -> None:
    told.tell(MeasureDefined(measure="M-1", name="Hours slept"))
    told.tell(*(MeasurementRecorded(measure="M-1", period=f"2025-{n:02}", value=n % 5) for n in range(1, 13)))
    page = told.opens(told.link())
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    for words in (
        "You were told on",
        "because",
        "Sleep &amp; &lt;rest&gt;",
        "under way",
        "What happened last",
    ):
        assert words in page.text
    assert "<dt>Latest data</dt><dd>December 2025</dd>" in page.text
    assert page.text.count("One measurement") == 1, "what happened again and again is said once"
    assert "(10 times)" in page.text
    assert LEAD not in page.text, "nobody is named, not even by reference"
    assert {"svg", "details", "table"} <= Outline(page.text).seen
    assert Outline(page.text).seen.isdisjoint({"script", "style", "img", "link"})


def test_the_chart_shows_the_newest_of_more_points_than_an_answer_has_rows(told: Told) -> None:
    days = [date(2023, 1, 1) + timedelta(days=n) for n in range(ROWS_MAX + 5)]
    told.tell(
        MeasureDefined(measure="M-1", name="Hours slept"),
        *(MeasurementRecorded(measure="M-1", period=str(day), value=day.day % 5) for day in days),
    )
    page = told.opens(told.link()).text
    assert days[0].isoformat() in page
    assert days[-1].isoformat() in page


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2025-03-01T09:30:00.000000Z", "1 March 2025"),
        ("2025-03-09", "9 March 2025"),
        ("2025-03", "March 2025"),
        ("2025", "2025"),
        ("2025-Q1", "2025-Q1"),
        ("2025-13", "2025-13"),
        (None, None),
    ],
)
def test_a_day_is_written_as_people_write_it_and_as_exactly_as_it_is_known(
    written: str | None, read: str | None
) -> None:
    assert _when(written) == read


def test_it_leads_to_what_one_chose_to_be_told_and_not_for_all_in_a_chat_room(told: Told) -> None:
    (choose,) = re.findall(r'href="(/unsubscribe/[^"]+)"', told.opens(told.link()).text)
    assert "What you are told" in told.opens(choose).text
    in_a_room = told.opens(told.link("chat")).text
    assert "/unsubscribe/" not in in_a_room
    assert "because this room is told of such things" in in_a_room, "and not for what one person of it does"


def test_of_work_that_the_organisation_may_not_see_nothing_is_shown(told: Told) -> None:
    assert "What happened last" in told.opens(told.link()).text
    told.tell(VisibilitySet(audience="team"))
    page = told.opens(told.link()).text
    assert "You were told on" in page
    assert "nothing more to show" in page
    assert "What happened last" not in page
    assert "<dl>" not in page


def test_a_link_that_is_not_ours_or_is_for_something_else_leads_nowhere(told: Told) -> None:
    good = told.link()
    stop = unsubscribe.signed(unsubscribe.Link(told.code, LEAD, "*", "email"), b"\0" * 32)
    others = [told.link(key=b"\0" * 32), good[:-2], f"/notice/{stop}", "/notice/x", f"/notice/{'x' * 700}"]
    others.append(good.replace("/notice/", "/unsubscribe/"))
    no_text = signed(ReadingLink("A\0B", "x", "email"), b"\0" * 32)
    others.append(f"/notice/{no_text}")
    others.append("/notice/WyL_Il0.WyL_Il0")  # in base64, bytes that are no UTF-8
    for link in others:
        page = told.opens(link)
        assert page.status_code == 404
        assert page.headers["content-type"].startswith("text/html")
        assert "Copy the whole address from the message" in page.text


def test_a_link_that_is_old_says_so_and_is_not_called_broken(told: Told) -> None:
    link, older = told.link(), "UPDATE notices.notices SET made_at = made_at - interval '{} days'"
    told.does(older.format(179) + " WHERE organisation = %(organisation)s")
    assert told.opens(link).status_code == 200
    told.does(older.format(2) + " WHERE organisation = %(organisation)s")
    page = told.opens(link)
    assert page.status_code == 410
    assert "This link is over." in page.text
    assert "You were told on" in page.text
    assert "Sleep" not in page.text
    assert "Mail programs" not in page.text


def test_what_was_told_to_somebody_who_was_erased_is_shown_no_more(told: Told) -> None:
    link = told.link()
    (choose,) = re.findall(r'href="(/unsubscribe/[^"]+)"', told.opens(link).text)
    told.does(
        "INSERT INTO vault.keys (organisation, person, id, master, wrapped, destroyed_at)"
        " VALUES (%(organisation)s, %(person)s, 'k', 'none', NULL, now())"
    )
    assert told.opens(link).status_code == 404
    assert told.opens(choose).status_code == 404, "and nothing is chosen for them any more"


def test_whoever_meets_a_problem_with_a_browser_gets_a_page_and_a_program_gets_a_document(
    told: Told, stranger: Door
) -> None:
    page = told.opens(f"/v1/{told.code}/projections/projects/one?project=P-1")
    assert page.status_code == 401
    assert page.headers["www-authenticate"]
    assert "What to do" in page.text
    assert Outline(page.text).seen.isdisjoint({"script", "style"})
    for accept in ("*/*", "application/json", "application/problem+json"):
        problem(stranger.get(f"/v1/{told.code}/events", accept=accept), "no-key", 401)
