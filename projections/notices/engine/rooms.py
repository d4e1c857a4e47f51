"""Which chat rooms are told of notices, and what they have been told: one post for each thing and room.

A person chooses whether the room hears of it, and how soon; whoever is the first decides for all, for a room hears of a
thing once. Its room is that of the forum which the work belongs to. The caller's transaction has said for which
organisation.
"""

from collections.abc import Collection, Mapping
from typing import Any

from psycopg import Connection, sql

from projections.duties import duties
from projections.engine.builds import active_build

NO_FORUM = "forum/*"
WHY = "this room is told of such things."  # to whoever reads it there, as a person reads why they are told

_FED_TO = """
    SELECT position
      FROM projections.checkpoints
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s
"""
_FORUMS = """
    SELECT key, forum
      FROM {duties}
     WHERE organisation = %(organisation)s AND key = ANY (%(projects)s)
     ORDER BY key
     LIMIT %(limit)s
"""
_POSTED = """
    SELECT DISTINCT ON (n.id) n.id, c.message
      FROM notices.notices AS n
      JOIN notices.notices AS same ON same.organisation = n.organisation AND same.rule = n.rule
       AND same.subject = n.subject AND same."window" = n."window" AND same.id <> n.id
      JOIN notices.carried AS c ON c.organisation = same.organisation AND c.notice = same.id AND c.channel = 'chat'
      JOIN notices.messages AS m ON m.organisation = c.organisation AND m.id = c.message
     WHERE n.organisation = %(organisation)s AND n.id = ANY (%(notices)s) AND m.state <> 'withdrawn'
     ORDER BY n.id, c.message
     LIMIT %(limit)s
"""


class Rooms:
    """The forums of projects, as far as they are known now."""

    def __init__(self, forums: Mapping[str, str | None], fed_to: int) -> None:
        self._forums = forums
        self._fed_to = fed_to

    def of(self, subject: str, position: int | None) -> str | None:
        """Whose room is told of what happened to a subject; None if that is not known yet."""
        kind, _, _ = subject.partition("/")
        if kind == "forum":
            return subject
        if kind != "project":
            return NO_FORUM
        if subject not in self._forums and self._fed_to < (position or 1):
            return None
        forum = self._forums.get(subject)
        return NO_FORUM if forum is None else f"forum/{forum}"


def rooms_of(conn: Connection[Any], organisation: str, subjects: Collection[str]) -> Rooms:
    """The rooms of these subjects. Of projects nothing is known while their duties are being built anew."""
    projects = [one for one in subjects if one.startswith("project/")]
    build = active_build(conn, duties, organisation) if projects else None
    if build is None or build.revision != duties.revision:
        return Rooms({}, 0)
    asked = {"organisation": organisation, "projects": projects, "limit": len(projects)}
    place = conn.execute(_FED_TO, asked | {"projection": duties.name, "build": build.build}).fetchone()
    shown = sql.SQL(_FORUMS).format(duties=sql.Identifier(build.schema, duties.name))
    return Rooms(dict(conn.execute(shown, asked).fetchall()), 0 if place is None else place[0])


def posted(conn: Connection[Any], organisation: str, notices: Collection[str]) -> Mapping[str, str]:
    """By which message a room has been told already what these notices tell somebody else."""
    asked = {"organisation": organisation, "notices": list(notices), "limit": len(notices)}
    return dict(conn.execute(_POSTED, asked).fetchall())
