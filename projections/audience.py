"""Who is shown what. A reader sees what is for readers of their own kind, and for every wider audience.

Questions that take a `reader` hold by it; whether somebody may ask as such a reader is for the door to know.

What takes a right away is believed over what gives one: of all that may have been said last, the fewest readers count.
So what is given to the team "on 2 March" stays with the team, whatever hour of that day it was made public at.
"""

from datetime import datetime
from typing import LiteralString, TypeAlias, get_args

import msgspec
from psycopg import sql

from events.fields import Audience
from events.log.record import Record
from projections.moments import last_moment_of, latest, may_precede


class ForWhom(msgspec.Struct, frozen=True, gc=False):
    """An audience that a thing was given to, and nothing said since has surely come later."""

    audience: Audience
    until: datetime  # the last moment at which that may have been said


SaidFor: TypeAlias = tuple[ForWhom, ...]  # each audience once

_WIDEST_FIRST = sql.Literal(f"{{{','.join(get_args(Audience))}}}")


def narrower(one: Audience, other: Audience) -> Audience:
    """Of two audiences the one with fewer readers."""
    widest_first: tuple[Audience, ...] = get_args(Audience)
    return max(one, other, key=widest_first.index)


def said_after(said_for: SaidFor, audience: Audience, record: Record) -> SaidFor:
    """All that may have been said last, after a record that gives a thing to an audience."""
    still = [one for one in said_for if may_precede(record, one.until)]
    before = next((one.until for one in still if one.audience == audience), None)
    new = ForWhom(audience, latest(before, last_moment_of(record)))
    return (*(one for one in still if one.audience != audience), new)


def narrowest(said_for: SaidFor) -> Audience:
    """Of all that may have been said last, and is not nothing, the audience with the fewest readers."""
    return max((one.audience for one in said_for), key=get_args(Audience).index)


def fewest_readers_first(audience: LiteralString) -> sql.Composed:
    """SQL to order by: the audience with the fewest readers comes first."""
    return sql.SQL("array_position({widest_first}, {audience}) DESC").format(
        widest_first=_WIDEST_FIRST, audience=sql.SQL(audience)
    )


def shown_to_reader(audience: LiteralString | sql.Composable) -> sql.Composed:
    """SQL that is true where `%(reader)s` may see what is for that audience: a column, or SQL that makes an audience.

    What is for no audience is shown to nobody.
    """
    whose = audience if isinstance(audience, sql.Composable) else sql.SQL(audience)
    return sql.SQL(
        "array_position({widest_first}, {audience}) <= array_position({widest_first}, %(reader)s::text)"
    ).format(widest_first=_WIDEST_FIRST, audience=whose)
