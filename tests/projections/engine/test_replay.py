"""A replay that compares: rows that are missing, extra, twice, or no rows at all differ, and the records are named."""

import msgspec
import pytest

from events.log.lines import canonical, record_read_before
from projections.engine.found import found
from projections.engine.memory import data_of, fold_in_memory
from projections.engine.replay import Replay, Target
from projections.forum_portfolio import portfolio
from projections.projects import projects
from tests.exports import record, with_leaf

STARTED = [
    with_leaf(
        record(n, type="project.started", body='{"forum":"newham"}', stream=f"project/P-{n}", version=1)
    )
    for n in range(1, 4)
]
ROWS = {key: projects._encode(row) for key, row in fold_in_memory(projects, STARTED).items()}


def mismatches(*shown: tuple[str, bytes]) -> list[tuple[str, str, list[int]]]:
    with Replay([Target(projects, 3)], records=3) as replay:
        for one in STARTED:
            replay.add_line(one.stream, canonical(one))
        for key, row in shown:
            replay.add_row("projects", key, row)
        (compared,) = replay.compare()
    return [(each.key, each.what, each.positions) for each in compared.mismatches]


def test_the_rows_of_the_records_agree() -> None:
    assert mismatches(*ROWS.items()) == []


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ([], [(f"project/P-{n}", "missing", [n]) for n in (1, 2, 3)]),
        ([*ROWS.items(), ("project/P-9", ROWS["project/P-1"])], [("project/P-9", "extra", [])]),
        ([("project/P-2", b"{}"), *ROWS.items()], [("project/P-2", "different", [2])]),
        ([*ROWS.items(), ("project/P-2", ROWS["project/P-2"])], [("project/P-2", "different", [2])]),
        ([*list(ROWS.items())[:2], ("project/P-3", b"[1]")], [("project/P-3", "different", [3])]),
    ],
)
def test_what_is_not_as_the_records_make_it_is_named(
    shown: list[tuple[str, bytes]], found: list[tuple[str, str, list[int]]]
) -> None:
    assert mismatches(*shown) == found


def test_a_default_that_differs_is_named_with_what_was_shown_and_what_was_folded() -> None:
    paused = msgspec.structs.replace(fold_in_memory(projects, STARTED)["project/P-1"], state="paused")
    shown = {**ROWS, "project/P-1": projects._encode(paused)}
    with Replay([Target(projects, 3)], records=3) as replay:
        for one in STARTED:
            replay.add_line(one.stream, canonical(one))
        for key, row in shown.items():
            replay.add_row("projects", key, row)
        (compared,) = replay.compare()
    (field,) = compared.mismatches[0].fields
    assert (field.name, field.shown, field.folded) == ("state", "paused", "active")


def test_the_plain_data_of_a_row_have_every_field() -> None:
    for projection in (portfolio, projects):
        (row, *_) = fold_in_memory(projection, STARTED).values()
        assert list(data_of(row) or {}) == list(projection.row.__struct_fields__)


def test_each_line_is_read_once_for_all_projections(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []
    monkeypatch.setattr(
        "projections.engine.replay.record_read_before",
        lambda text: read.append(text) or record_read_before(text),  # type: ignore[func-returns-value]
    )
    with Replay([Target(each, 3) for each in found().values()], records=3) as replay:
        for one in STARTED:
            replay.add_line(one.stream, canonical(one))
        digests = replay.digests()
        assert len(read) == 3
    with Replay([Target(projects, 3)], records=3) as replay:
        for one in STARTED:
            replay.add_line(one.stream, canonical(one))
        assert replay.digests() == [one for one in digests if one.projection == "projects"]


def test_each_projection_is_compared_at_its_own_position() -> None:
    with Replay([Target(projects, 1), Target(portfolio, 3)], records=3) as replay:
        for one in STARTED:
            replay.add_line(one.stream, canonical(one))
        compared = {one.projection: one for one in replay.compare()}
    assert (compared["projects"].rows, compared["projects"].position) == (1, 1)
    assert (compared["forum_portfolio"].rows, compared["forum_portfolio"].position) == (3, 3)
    assert [len(one.mismatches) for one in compared.values()] == [1, 3]
