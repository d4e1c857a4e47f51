"""A question: what a page or an API asks of a projection's rows, as SQL in the projection's own file.

    FORUM = '''
        SELECT key, title, score, last_sign_of_life
          FROM forum_portfolio
         WHERE organisation = %(organisation)s AND forum = %(forum)s
    '''
    portfolio.question("of_a_forum", FORUM, asks=OfAForum, answers=ForumLine, order=("-last_sign_of_life", "key"))

Table names are unqualified: the same SQL answers live, rebuilt and as-at. The parameters are the fields of `asks`, and
`organisation`. The SQL selects every field of `answers` and every column of `order`; order, paging and bound are added
(`paging.py`). `order` must end in something unique; `-` means descending; what may be unknown, as the type of the
answer says, comes last either way.

Where rows are found in several ways, each by an index of its own, each way is a SELECT of its own: the first rows of
each are read, and never all of one. What is looked up in other tables for each row is said apart, in `of_page`: SQL
over `page`, which has what the SELECTs give for the rows of one page, in place of looking it up for every row.
"""

import re
from typing import Generic, TypeVar

import msgspec

A = TypeVar("A", bound=msgspec.Struct)
B = TypeVar("B", bound=msgspec.Struct)


class Question(msgspec.Struct, Generic[A, B], frozen=True, kw_only=True):
    """What one may ask of a projection."""

    name: str
    selects: tuple[str, ...]
    asks: type[A]
    answers: type[B]
    order: tuple[str, ...]
    doc: str = ""
    of_page: str = ""
    of_persons: bool = False  # its answers are about single persons: not for every key

    @property
    def ordered_by(self) -> tuple[tuple[str, bool], ...]:
        """The columns of the order, and whether each descends."""
        return tuple((column.lstrip("-"), column.startswith("-")) for column in self.order)

    def asked_of_a_person(self, asks: A) -> bool:
        """Whether the answer is about a single person: always, or where what is asked of is a person's stream."""
        told = msgspec.structs.asdict(asks).values()
        return self.of_persons or any(isinstance(one, str) and _PERSON.fullmatch(one) for one in told)


_PERSON = re.compile(r"person/\S+")


class NoParameters(msgspec.Struct, frozen=True):
    """For a question that needs to be told nothing."""
