"""What may have been meant by a name of which nothing is known: the projects, forums and programmes most like it.

It names nothing that the reader would not be shown by the other questions: a project that is shown to fewer is as
unknown here as one that nobody told of. A programme is known by its id, under which its counts are shown to everybody,
and suggested only to those who may see what it is called.
"""

from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from typing import Any

import msgspec
from psycopg import sql

from events.fields import Audience
from projections.audience import shown_to_reader
from projections.engine.ask import ROWS_MAX, Snapshot
from projections.engine.projection import Projection
from projections.engine.question import Question
from projections.forum_portfolio import Forums, portfolio
from projections.programmes import taking_part
from projections.projects import projects

NEAR_MAX = 5
LIKE_ENOUGH = 0.6
NAME_MAX = 64  # characters of a name; what is longer is none
CANDIDATES_MAX = 200
ANY_DAY = date(2000, 1, 1)  # of forums only their names are wanted


class Names(msgspec.Struct, frozen=True):
    """Whether a name is known to a reader, and if not, those most like it."""

    known: bool
    near: list[str]


class Like(msgspec.Struct, frozen=True, kw_only=True):
    """A name that was asked for, as given and in small letters, and what one like it begins or ends with.

    What it ends with is written backwards. The beginnings and endings are all that it has, a letter longer each.
    """

    given: str
    whole: str
    begins: str
    ends: str
    beginnings: list[str]
    endings: list[str]
    reader: Audience


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A project that a reader may see, with what it may have been called."""

    project: str
    title: str | None
    exact: bool
    alike: (
        int  # letters that it begins and ends with as what was asked for does, less those that it is longer
    )


# The project itself comes first, and then those most alike, so that no number of others can push them off the page.
LIKE = sql.SQL(
    """
    SELECT project, title, project = %(given)s AS exact,
           greatest(
               CASE WHEN strpos(lower(title), %(whole)s) > 0 THEN length(%(whole)s) - 1 END,
               (SELECT count(*) FROM unnest(%(beginnings)s::text[]) AS one WHERE starts_with(name, one))
               + (SELECT count(*) FROM unnest(%(endings)s::text[]) AS one WHERE starts_with(turned, one))
               - abs(length(name) - length(%(whole)s)))::bigint AS alike
      FROM (SELECT split_part(key, '/', 2) AS project, lower(split_part(key, '/', 2)) AS name,
                   reverse(lower(split_part(key, '/', 2))) AS turned, title
              FROM projects
             WHERE organisation = %(organisation)s AND {seen}) AS named
     WHERE name = %(whole)s
        OR starts_with(name, %(begins)s)
        OR starts_with(turned, %(ends)s)
        OR strpos(lower(title), %(whole)s) > 0
"""
).format(seen=shown_to_reader("audience"))
_LIKE: Question[Like, Candidate] = Question(
    name="like",
    selects=(LIKE.as_string(),),
    asks=Like,
    answers=Candidate,
    order=("-exact", "-alike", "project"),
)


class AnyProgramme(msgspec.Struct, frozen=True, kw_only=True):
    reader: Audience


class NamedProgramme(msgspec.Struct, frozen=True, kw_only=True):
    """A programme that was told of, or that a project joined."""

    programme: str
    title: str | None
    suggested: bool  # whether the reader may see what it is called


PROGRAMMES = sql.SQL(
    """
    SELECT programme, title, coalesce({seen}, true) AS suggested
      FROM (SELECT split_part(key, '/', 2) AS programme, title, audience
              FROM programmes
             WHERE organisation = %(organisation)s AND what = 'programme') AS told
      FULL JOIN (SELECT DISTINCT joined.programme
                   FROM programmes
                  CROSS JOIN LATERAL jsonb_array_elements_text(programmes) AS joined (programme)
                  WHERE organisation = %(organisation)s AND what = 'project') AS named USING (programme)
"""
).format(seen=shown_to_reader("audience"))
_PROGRAMMES: Question[AnyProgramme, NamedProgramme] = Question(
    name="named",
    selects=(PROGRAMMES.as_string(),),
    asks=AnyProgramme,
    answers=NamedProgramme,
    order=("programme",),
)

ASKED_OF: dict[str, Projection[Any]] = {"project": projects, "forum": portfolio, "programme": taking_part}
"""Which projection knows the names that a parameter, or the kind of a stream, stands for."""


async def names(snap: Snapshot, kind: str, name: str, *, reader: Audience) -> Names:
    """What a reader may know of a project, forum or programme by this name. `snap` is of the kind's projection."""
    if len(name) > NAME_MAX:
        return Names(known=False, near=[])
    if kind == "project":
        return await _projects(snap, name, reader)
    if kind == "forum":
        answered = await snap.ask(portfolio.questions["forums"], Forums(on=ANY_DAY), limit=ROWS_MAX)
        return _named(name, ((row.forum, row.name) for row in answered.rows if row.forum))
    found = await snap.ask(_PROGRAMMES, AnyProgramme(reader=reader), limit=ROWS_MAX)
    if any(row.programme == name for row in found.rows):
        return Names(known=True, near=[])
    return _named(name, ((row.programme, row.title) for row in found.rows if row.suggested))


async def _projects(snap: Snapshot, name: str, reader: Audience) -> Names:
    whole = name.lower()
    half = max(2, len(whole) // 2)
    turned = whole[::-1]
    lengths = range(1, len(whole) + 1)
    asks = Like(
        given=name,
        whole=whole,
        begins=whole[:half],
        ends=turned[:half],
        beginnings=[whole[:length] for length in lengths],
        endings=[turned[:length] for length in lengths],
        reader=reader,
    )
    answered = await snap.ask(_LIKE, asks, limit=CANDIDATES_MAX)
    return _named(name, ((row.project, row.title) for row in answered.rows))


def _named(name: str, known: Iterable[tuple[str, str | None]]) -> Names:
    """Of names and what they are also called: whether this is one, else those most like it, the most alike first."""
    called: dict[str, str] = {}
    for one, title in known:
        if one == name:
            return Names(known=True, near=[])
        called.setdefault(one.lower(), one)
        if title:
            called.setdefault(title.lower(), one)
    near = get_close_matches(name.lower(), called, n=NEAR_MAX, cutoff=LIKE_ENOUGH)
    near += sorted(said for said in called if name.lower() in said and said not in near)
    return Names(known=False, near=list(dict.fromkeys(called[said] for said in near))[:NEAR_MAX])
