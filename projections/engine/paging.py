"""A page of an answer: a question's SQL, ordered, bounded, begun after a row, and with what is looked up for its rows.

Where an order is of columns that are always known, it is written so that an index in that order gives a page by itself:
from where it begins, and no more rows than it has.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from psycopg import sql

from projections.engine.columns import Column, columns_of
from projections.engine.cursor import Ordering, orderings
from projections.engine.projection import Projection
from projections.engine.question import Question

_PAGE = """
    SELECT {columns}
      FROM ({rows}) AS answered
     WHERE {after}
     ORDER BY {order}
     LIMIT %(limit)s
"""
_OF_PAGE = """
      WITH page AS ({page})
    SELECT {columns}
      FROM ({of_page}) AS answered
     ORDER BY {order}
"""
_ALL = sql.SQL("answered.*")
_ANY = sql.SQL("true")


@cache
def paged(
    projection: Projection[Any], question: Question[Any, Any], unknown: tuple[bool, ...] | None
) -> bytes:
    """The statement for a page after a row, or for the first. `unknown` says which values of that row are NULL."""
    order = orderings(projection, question)
    shown = _list([*map(_shown, columns_of(question.answers, reserved=())), *map(_column, order)])
    after = _ANY if unknown is None else _after(order, unknown)
    if not question.of_page:
        return _page(question, shown, order, after).as_bytes()
    page, of_page = _page(question, _ALL, order, after), sql.SQL(question.of_page)
    return (
        sql.SQL(_OF_PAGE).format(page=page, of_page=of_page, columns=shown, order=_listed(order)).as_bytes()
    )


def _page(
    question: Question[Any, Any], columns: sql.Composable, order: tuple[Ordering, ...], after: sql.Composable
) -> sql.Composed:
    """The first rows after a row; where several selects make the answer, the first of the first rows of each."""
    if len(question.selects) == 1:
        (rows,) = map(sql.SQL, question.selects)
        return sql.SQL(_PAGE).format(columns=columns, rows=rows, after=after, order=_listed(order))
    pages = (
        sql.SQL(_PAGE).format(columns=_ALL, rows=sql.SQL(one), after=after, order=_listed(order))
        for one in question.selects
    )
    together = sql.SQL(" UNION ALL ").join([sql.SQL("({})").format(page) for page in pages])
    return sql.SQL(_PAGE).format(columns=columns, rows=together, after=_ANY, order=_listed(order))


def _shown(column: Column) -> sql.Composable:
    """A column of the answer, of the type it was promised in; JSON as text, for msgspec to read."""
    cast = "text" if column.type == "jsonb" else column.type
    return sql.SQL("answered.{}::{}").format(sql.Identifier(column.name), sql.SQL(cast))


def _listed(order: tuple[Ordering, ...]) -> sql.Composed:
    return _list(map(_ordered, order))


def _ordered(one: Ordering) -> sql.Composable:
    way = sql.SQL("DESC" if one.descends else "ASC")
    last = sql.SQL("" if one.known else " NULLS LAST")
    return sql.SQL("{} {}{}").format(_column(one), way, last)


def _after(order: tuple[Ordering, ...], unknown: tuple[bool, ...]) -> sql.Composable:
    """What comes after a row: later in one column, and the same in every column before that."""
    if all(one.known for one in order) and not any(unknown) and len({one.descends for one in order}) == 1:
        return sql.SQL("({}) {} ({})").format(
            _list(map(_column, order)),
            sql.SQL(order[0].beyond),
            _list([_value(n, one) for n, one in enumerate(order)]),
        )
    ways = []
    for n, one in enumerate(order):
        if unknown[n]:
            continue  # the unknown come last, so none is later in this column
        same = [_same(m, order[m], unknown[m]) for m in range(n)]
        ways.append(sql.SQL("({})").format(sql.SQL(" AND ").join([*same, _later(n, one)])))
    return sql.SQL("({})").format(sql.SQL(" OR ").join(ways)) if ways else sql.SQL("false")


def _later(n: int, one: Ordering) -> sql.Composable:
    later = sql.SQL("{} {} {}").format(_column(one), sql.SQL(one.beyond), _value(n, one))
    return later if one.known else sql.SQL("({} OR {} IS NULL)").format(later, _column(one))


def _same(n: int, one: Ordering, unknown: bool) -> sql.Composable:
    if unknown:
        return sql.SQL("{} IS NULL").format(_column(one))
    return sql.SQL("{} = {}").format(_column(one), _value(n, one))


def _column(one: Ordering) -> sql.Composable:
    return sql.Identifier("answered", one.column)


def _value(n: int, one: Ordering) -> sql.Composable:
    return sql.SQL("{}::{}").format(sql.Placeholder(f"after_{n}"), sql.SQL(one.type))


def _list(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
