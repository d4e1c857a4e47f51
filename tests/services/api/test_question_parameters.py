"""The parameters of questions: a text that sets no bound of its own has ours, to the character."""

from datetime import date

import pytest

from projections.forum_portfolio import OfForum
from services.api.problems import Problem
from services.api.question_parameters import TEXT_MAX, check_lengths

A_DAY = date(2024, 5, 20)


def test_a_text_is_as_long_as_is_allowed_and_no_longer() -> None:
    check_lengths(OfForum(on=A_DAY, forum="f" * TEXT_MAX))
    with pytest.raises(Problem) as refused:
        check_lengths(OfForum(on=A_DAY, forum="f" * (TEXT_MAX + 1)))
    assert refused.value.field == "forum"
