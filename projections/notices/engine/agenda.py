"""What an agenda pack holds: the answers of `agenda_pack` for the meeting's day, in groups, as lines to read."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from psycopg import Connection, sql

from projections.agenda_pack import AGENDA, ForMeeting, pack
from projections.engine.builds import active_build
from projections.forum_calendar import calendar

LINES_MAX = 200

TITLES: Mapping[str, str] = {
    "to_approve": "To approve",
    "to_review": "To review",
    "stuck": "Stuck",
    "paused": "Paused",
    "missing": "Missing somebody",
    "to_celebrate": "To celebrate",
}

_ORDERED = """
    SELECT section, project, title, says, since
      FROM ({agenda}) AS line
     ORDER BY place, since, project, says
     LIMIT {limit}
"""
_NAME = """
    SELECT name
      FROM forum_calendar
     WHERE organisation = %(organisation)s AND key = 'forum/' || %(forum)s::text
"""


def agenda_of(conn: Connection[Any], organisation: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a pack's message. The caller's transaction has said for which organisation."""
    on = date.fromisoformat(facts["on"])
    lines = _asked(conn, organisation, facts["forum"], on)
    groups = [
        {"title": title, "lines": [_line(*rest) for section, *rest in lines if section == name]}
        for name, title in TITLES.items()
    ]
    return {
        **facts,
        "forum": _name(conn, organisation, facts["forum"]) or facts["forum"],
        "meeting": f"{on.day} {on:%B %Y}",
        "groups": [group for group in groups if group["lines"]],
    }


def _asked(conn: Connection[Any], organisation: str, forum: str, on: date) -> Sequence[tuple[Any, ...]]:
    """The lines of the agenda; none before the projection is built."""
    build = active_build(conn, pack, organisation)
    if build is None or build.revision != pack.revision:
        return []
    conn.execute("SELECT set_config('search_path', %s, true)", (build.schema,))
    asked = ForMeeting(forum=forum, on=on)
    params = {name: getattr(asked, name) for name in ForMeeting.__struct_fields__}
    query = sql.SQL(_ORDERED).format(agenda=AGENDA, limit=sql.Literal(LINES_MAX))
    return conn.execute(query, params | {"organisation": organisation}).fetchall()


def _name(conn: Connection[Any], organisation: str, forum: str) -> str | None:
    build = active_build(conn, calendar, organisation)
    if build is None or build.revision != calendar.revision:
        return None
    conn.execute("SELECT set_config('search_path', %s, true)", (build.schema,))
    row = conn.execute(_NAME, {"organisation": organisation, "forum": forum}).fetchone()
    return None if row is None else row[0]


def _line(project: str, title: str | None, says: str, since: str | None) -> str:
    since_when = f" (since {since})" if since and since not in says else ""
    return f"{title or f'Project {project}'}: {says}{since_when}"
