"""Which chat rooms are told of notices, and what they have been told: one post for each thing and room.

A person chooses whether the room hears of it, and how soon; whoever is the first decides for all, for a room hears of a
thing once. Its room is that of the forum which the work belongs to. What the whole organisation may not see is posted
nowhere, nor what is about one person: who reads a room is not for us to know.

The caller's transaction has said for which organisation.
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from psycopg import Connection, sql

from events.fields import Audience
from projections.duties import duties
from projections.engine.builds import active_build
from projections.engine.projection import Projection
from projections.idea_tracker import ideas
from projections.story_wall import wall

NO_FORUM = "forum/*"
NOWHERE = ""
WHY = "this room is told of such things."  # to whoever reads it there, as a person reads why they are told
ROWS: Mapping[str, Projection[Any]] = {"project": duties, "idea": ideas, "story": wall}
FOR_ALL: tuple[Audience, ...] = ("public", "organisation")

_FED_TO = """
    SELECT position
      FROM projections.checkpoints
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s
"""
_OF = """
    SELECT key, audience, {forum}
      FROM {shown}
     WHERE organisation = %(organisation)s AND key = ANY (%(subjects)s)
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


class Seen(msgspec.Struct, frozen=True):
    """What is known of a piece of work."""

    audience: Audience
    forum: str | None


class Rooms:
    """Whose the work is and who may see it, as far as that is known now."""

    def __init__(self) -> None:
        self._known: dict[str, Seen] = {}
        self._fed_to: dict[str, int] = {}

    def note(self, kind: str, known: Mapping[str, Seen], *, fed_to: int) -> None:
        """What is known of one kind of work, from the records up to a position."""
        self._known |= known
        self._fed_to[kind] = fed_to

    def of(self, subject: str, position: int | None) -> str | None:
        """Whose room is told of what a record told of a subject, or NOWHERE; None if that is not known yet."""
        kind, _, _ = subject.partition("/")
        if kind in ("forum", "person"):
            return subject if kind == "forum" else NOWHERE
        if kind not in ROWS:
            return NO_FORUM
        known = self._known.get(subject)
        if self._fed_to.get(kind, 0) < (position or 1):
            return None
        if known is None or known.audience not in FOR_ALL:
            return NOWHERE
        return NO_FORUM if known.forum is None else f"forum/{known.forum}"


def rooms_of(conn: Connection[Any], organisation: str, subjects: Collection[str]) -> Rooms:
    """The rooms of these subjects. Of a kind whose rows are being built anew nothing is known."""
    rooms = Rooms()
    for kind, projection in ROWS.items():
        of_kind = [one for one in subjects if one.startswith(f"{kind}/")]
        build = active_build(conn, projection, organisation) if of_kind else None
        if build is None or build.revision != projection.revision:
            continue
        asked = {"organisation": organisation, "subjects": of_kind, "limit": len(of_kind)}
        place = conn.execute(
            _FED_TO, asked | {"projection": projection.name, "build": build.build}
        ).fetchone()
        query = sql.SQL(_OF).format(
            forum=sql.Identifier("forum") if projection is duties else sql.NULL,
            shown=sql.Identifier(build.schema, projection.name),
        )
        rows = conn.execute(query, asked).fetchall()
        known = {key: Seen(audience, forum) for key, audience, forum in rows}
        rooms.note(kind, known, fed_to=0 if place is None else place[0])
    return rooms


def posted(conn: Connection[Any], organisation: str, notices: Collection[str]) -> Mapping[str, str]:
    """By which message a room has been told already what these notices tell somebody else."""
    asked = {"organisation": organisation, "notices": list(notices), "limit": len(notices)}
    return dict(conn.execute(_POSTED, asked).fetchall())
