"""Who is shown what: a wider audience's things are shown to a narrower one's readers, and never the other way round."""

import psycopg
import pytest
from psycopg import sql

from projections.audience import shown_to_reader
from projections.engine.found import found


@pytest.mark.parametrize(
    ("reader", "sees"),
    [
        ("public", ["public"]),
        ("organisation", ["public", "organisation"]),
        ("forum", ["public", "organisation", "forum"]),
        ("team", ["public", "organisation", "forum", "team"]),
    ],
)
def test_a_reader_sees_what_is_for_them_and_for_wider_audiences(
    database_url: str, reader: str, sees: list[str]
):
    query = sql.SQL(
        "SELECT audience FROM (VALUES (1, 'public'), (2, 'organisation'), (3, 'forum'), (4, 'team'), (5, NULL))"
        " AS rows (n, audience) WHERE {seen} ORDER BY n"
    ).format(seen=shown_to_reader("audience"))
    with psycopg.connect(database_url) as conn:
        assert [audience for (audience,) in conn.execute(query, {"reader": reader})] == sees


def test_every_question_that_takes_a_reader_holds_by_it():
    taking = [
        question
        for projection in found().values()
        for question in projection.questions.values()
        if "reader" in question.asks.__struct_fields__
    ]
    assert taking
    whose, asked = shown_to_reader("{whose}").as_string().split("{whose}")
    selects = [(question.name, one) for question in taking for one in question.selects]
    assert [name for name, one in selects if asked not in one.partition(whose)[2]] == []
