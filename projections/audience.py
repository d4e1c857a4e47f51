"""Who is shown what. A reader sees what is for readers of their own kind, and for every wider audience.

Questions that take a `reader` hold by it; whether somebody may ask as such a reader is for the door to know.
"""

from typing import LiteralString, get_args

from psycopg import sql

from events.fields import Audience

_WIDEST_FIRST = sql.Literal(f"{{{','.join(get_args(Audience))}}}")


def narrower(one: Audience, other: Audience) -> Audience:
    """Of two audiences the one with fewer readers."""
    widest_first: tuple[Audience, ...] = get_args(Audience)
    return max(one, other, key=widest_first.index)


def shown_to_reader(audience: LiteralString) -> sql.Composed:
    """SQL that is true where `%(reader)s` may see what is for that audience: a column, or SQL that makes an audience.

    What is for no audience is shown to nobody.
    """
    return sql.SQL(
        "array_position({widest_first}, {audience}) <= array_position({widest_first}, %(reader)s::text)"
    ).format(widest_first=_WIDEST_FIRST, audience=sql.SQL(audience))
