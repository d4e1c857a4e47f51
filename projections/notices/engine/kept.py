"""Notices in and out of Postgres. The caller owns the transaction, and has said for which organisation."""

from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from psycopg import Connection

from projections.notices.engine.heard import Cleared, Made, Unsaid
from projections.notices.engine.roles import Person
from projections.notices.engine.rule import EVERY_WINDOW

_encode = msgspec.json.Encoder().encode

_MAKE = """
    INSERT INTO notices.notices AS known (organisation, id, rule, subject, "window", recipient, urgency, action, title,
                                          why, link, facts, position, happened_at, made_at, cleared_at, undecided,
                                          follows)
    SELECT %(organisation)s, one.id, one.rule, one.subject, one."window", one.recipient, one.urgency, one.action,
           one.title, one.why, one.link, one.facts, one.position, one.happened_at, %(now)s,
           CASE WHEN one.cleared THEN %(now)s::timestamptz END, NOT one.cleared, told.ids
      FROM jsonb_to_recordset(%(made)s::jsonb) AS one (
           id text, rule text, subject text, "window" text, recipient text, urgency text, action boolean, title text,
           why text, link text, facts jsonb, position bigint, happened_at timestamptz, cleared boolean,
           follows_rule text, follows text[])
     CROSS JOIN LATERAL (
           SELECT array_agg(earlier.id ORDER BY earlier.id) AS ids
             FROM notices.notices AS earlier
            WHERE one.follows_rule IS NOT NULL
              AND earlier.organisation = %(organisation)s AND earlier.rule = one.follows_rule
              AND earlier.subject = one.subject AND earlier.recipient = one.recipient
              AND EXISTS (SELECT
                            FROM unnest(one.follows) AS begins
                           WHERE earlier."window" = begins OR starts_with(earlier."window", begins || '/'))) AS told
     WHERE one.follows_rule IS NULL OR told.ids IS NOT NULL
        ON CONFLICT (organisation, rule, subject, "window", recipient) DO UPDATE
       SET urgency = excluded.urgency, action = excluded.action, title = excluded.title, why = excluded.why,
           link = excluded.link, facts = excluded.facts, position = excluded.position,
           happened_at = excluded.happened_at, follows = excluded.follows, cleared_at = NULL,
           made_at = CASE WHEN known.cleared_at IS NULL THEN known.made_at ELSE excluded.made_at END,
           undecided = known.undecided OR known.cleared_at IS NOT NULL
     WHERE excluded.cleared_at IS NULL
       AND (known.cleared_at IS NOT NULL OR excluded.happened_at > known.happened_at)
"""
_NEVER_CARRIED = """
    DELETE FROM notices.carried AS c
     USING notices.notices AS n, notices.messages AS m
     WHERE n.organisation = %(organisation)s AND n.id = ANY (%(ids)s) AND n.cleared_at IS NOT NULL
       AND c.organisation = %(organisation)s AND c.notice = n.id
       AND m.organisation = %(organisation)s AND m.id = c.message AND m.ended_at >= n.cleared_at
"""
_CLEAR = """
    UPDATE notices.notices AS n
       SET cleared_at = %(now)s
      FROM jsonb_to_recordset(%(cleared)s::jsonb) AS one (
           rule text, subject text, begins text, "window" text, by timestamptz)
     WHERE n.organisation = %(organisation)s AND n.rule = one.rule AND n.subject = one.subject
       AND n.cleared_at IS NULL AND (one.by IS NULL OR n.happened_at IS NULL OR n.happened_at <= one.by)
       AND (n."window" = one."window" OR starts_with(n."window", one.begins))
"""
_CLEAR_OF_RECORD = """
    UPDATE notices.notices
       SET cleared_at = %(now)s
     WHERE organisation = %(organisation)s AND rule = %(rule)s AND position = %(position)s AND cleared_at IS NULL
       AND id <> ALL (%(but)s::text[])
"""
_STANDING = """
    SELECT id, rule, subject, "window", recipient
      FROM notices.notices
     WHERE organisation = %(organisation)s AND rule = ANY (%(rules)s) AND cleared_at IS NULL
     ORDER BY id
"""
_KNOWN_AGAIN = """
    UPDATE notices.notices AS known
       SET position = one.position, happened_at = one.happened_at, cleared_at = NULL,
           undecided = known.undecided OR known.cleared_at IS NOT NULL
      FROM jsonb_to_recordset(%(made)s::jsonb) AS one (id text, position bigint, happened_at timestamptz)
     WHERE known.organisation = %(organisation)s AND known.id = one.id
       AND (known.cleared_at, known.position) IS DISTINCT FROM (NULL::timestamptz, one.position)
"""
_HOLDS_AGAIN = """
    UPDATE notices.notices
       SET cleared_at = NULL, undecided = true
     WHERE organisation = %(organisation)s AND id = ANY (%(ids)s) AND cleared_at IS NOT NULL
"""
_CLEAR_THESE = """
    UPDATE notices.notices
       SET cleared_at = %(now)s
     WHERE organisation = %(organisation)s AND id = ANY (%(ids)s)
"""
_UNSAID = """
    INSERT INTO notices.unsaid (organisation, rule, position, error)
    SELECT %(organisation)s, one.rule, one.position, one.error
      FROM jsonb_to_recordset(%(unsaid)s::jsonb) AS one (rule text, position bigint, error text)
        ON CONFLICT (organisation, rule, position) DO NOTHING
"""
_SAID = """
    DELETE FROM notices.unsaid
     WHERE organisation = %(organisation)s AND rule = ANY (%(rules)s) AND position = 0
"""
_PEOPLE = """
    SELECT person, roles, directorate
      FROM notices.people
     WHERE organisation = %(organisation)s
     ORDER BY person
     LIMIT 100000
"""
_FORGET_PEOPLE = """
    DELETE FROM notices.people
     WHERE organisation = %(organisation)s AND person = ANY (%(people)s)
"""
_NOTE_PEOPLE = """
    INSERT INTO notices.people (organisation, person, roles, directorate)
    SELECT %(organisation)s, one.person, one.roles, one.directorate
      FROM jsonb_to_recordset(%(people)s::jsonb) AS one (person text, roles text[], directorate text)
        ON CONFLICT (organisation, person) DO UPDATE SET roles = excluded.roles, directorate = excluded.directorate
"""


def id_of(organisation: str, made: Made) -> str:
    """The name of a notice: the same for the same rule, subject, window and recipient."""
    return _id(organisation, made.key)


def _id(organisation: str, key: tuple[str, str, str, str]) -> str:
    known_by = _encode((organisation, *key))
    return urlsafe_b64encode(sha256(known_by).digest()[:18]).decode()


def make(conn: Connection[Any], organisation: str, made: Iterable[Made], now: datetime) -> int:
    """Keeps notices, each once; those that follow others after them. Returns how many are new, or hold again.

    What holds again goes out again only where it had not gone out before it was cleared.
    """
    every = list(made)
    holding = [id_of(organisation, one) for one in every if not one.cleared]
    _forget_what_never_went_out(conn, organisation, holding)
    new = 0
    for those in ([one for one in every if one.follows is None], [one for one in every if one.follows]):
        if those:
            asked = {"organisation": organisation, "now": now, "made": _rows(organisation, those)}
            new += conn.execute(_MAKE, asked).rowcount
    return new


def hold_again(conn: Connection[Any], organisation: str, again: Collection[Made]) -> int:
    """Notices that are said again hold again, of those that are known. Returns how many."""
    if not again:
        return 0
    _forget_what_never_went_out(conn, organisation, [id_of(organisation, one) for one in again])
    return conn.execute(
        _KNOWN_AGAIN, {"organisation": organisation, "made": _rows(organisation, again)}
    ).rowcount


def _forget_what_never_went_out(conn: Connection[Any], organisation: str, ids: list[str]) -> None:
    """Of notices that are cleared: a message that ended only then did not tell of them."""
    if ids:
        conn.execute(_NEVER_CARRIED, {"organisation": organisation, "ids": ids})


def clear(conn: Connection[Any], organisation: str, cleared: Collection[Cleared], now: datetime) -> None:
    """Notes that notices no longer hold."""
    if not cleared:
        return
    asked: dict[str, Any] = {"organisation": organisation, "now": now}
    for one in cleared:
        if one.position is not None:
            but = [_id(organisation, key) for key in one.but]
            conn.execute(_CLEAR_OF_RECORD, asked | {"rule": one.rule, "position": one.position, "but": but})
    windows = {one for one in cleared if one.position is None}
    if windows:
        conn.execute(_CLEAR, asked | {"cleared": _encode([_pattern(one) for one in windows]).decode()})


def hold_to_what_is_true(
    conn: Connection[Any],
    organisation: str,
    rules: Collection[str],
    true: Collection[tuple[str, str, str, str]],
    now: datetime,
) -> int:
    """Of rules over rows: clears what nothing says any more, and what is said again holds again. Returns how many.

    Each of these rules could judge all rows: where one could not, earlier, that is over.
    """
    asked: dict[str, Any] = {"organisation": organisation, "rules": list(rules)}
    standing = conn.execute(_STANDING, asked).fetchall()
    over = [id_ for id_, *key in standing if tuple(key) not in true]
    if over:
        conn.execute(_CLEAR_THESE, {"organisation": organisation, "now": now, "ids": over})
    conn.execute(_SAID, asked)
    stands = {id_ for id_, *_ in standing}
    true_ids = [id_ for key in true if (id_ := _id(organisation, key)) not in stands]
    _forget_what_never_went_out(conn, organisation, true_ids)
    again = conn.execute(_HOLDS_AGAIN, {"organisation": organisation, "ids": true_ids}).rowcount
    return len(over) + again


def note_unsaid(conn: Connection[Any], organisation: str, unsaid: Collection[Unsaid]) -> None:
    """Notes what rules could not judge."""
    if unsaid:
        conn.execute(_UNSAID, {"organisation": organisation, "unsaid": _encode(list(unsaid)).decode()})


def people_of(conn: Connection[Any], organisation: str) -> dict[str, Person]:
    """Who does what in the organisation."""
    rows = conn.execute(_PEOPLE, {"organisation": organisation}).fetchall()
    return {person: Person(person, tuple(roles), where) for person, roles, where in rows}


def note_people(conn: Connection[Any], organisation: str, people: Mapping[str, Person]) -> None:
    """Notes whose roles changed; whoever has none is forgotten."""
    if not people:
        return
    asked: dict[str, Any] = {"organisation": organisation, "people": list(people)}
    conn.execute(_FORGET_PEOPLE, asked)
    known = [one for one in people.values() if one.roles]
    conn.execute(_NOTE_PEOPLE, asked | {"people": _encode(known).decode()})


def _rows(organisation: str, made: Iterable[Made]) -> str:
    rows = []
    for one in made:
        row = msgspec.structs.asdict(one) | {"id": id_of(organisation, one)}
        row["link"] = f"/v1/{organisation}/{one.link}"
        follows = row.pop("follows")
        if follows is not None:
            row |= {"follows_rule": follows.rule, "follows": list(follows.windows)}
        rows.append(row)
    return _encode(rows).decode()


def _pattern(cleared: Cleared) -> dict[str, Any]:
    """How SQL knows the windows: one by its name, or all by how they begin."""
    several = cleared.window.endswith(EVERY_WINDOW)
    begins = cleared.window.removesuffix(EVERY_WINDOW) if several else None
    return {"rule": cleared.rule, "subject": cleared.subject, "window": cleared.window, "begins": begins} | {
        "by": cleared.by
    }
