"""Declaring: what a projection may be, and what is refused when its file is imported."""

import datetime
from typing import Any

import msgspec
import pytest

from events.aims import AimSet
from events.vocabulary import vocabulary
from projections.engine.columns import columns_of
from projections.engine.found import called, found
from projections.engine.projection import Projection
from projections.engine.question import NoParameters
from projections.engine.tables import Tables
from tests.projections.engine.huddles import Count, HuddleClosed, HuddleNoted, boards, huddles, timeline


def nothing(*_: Any) -> None:
    return None


@pytest.mark.parametrize("name", ["", "Forum", "forum-portfolio", "1st", "x" * 41, "a b"])
def test_a_name_that_could_not_be_a_tables_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="small letters"):
        Projection(name, revision=1, row=Count)


def test_the_shape_of_a_projection_is_told_by_its_folds() -> None:
    assert (huddles().shape, boards().shape, timeline().shape) == ("rows", "parts", "lines")


def test_a_projection_has_one_shape() -> None:
    with pytest.raises(ValueError, match=r"huddles makes rows; .* would make lines"):
        huddles().line(HuddleNoted)(nothing)
    with pytest.raises(ValueError, match=r"huddles makes rows; .* would make parts"):
        huddles().on(HuddleNoted, part=lambda _: "x")(nothing)


def test_an_event_is_folded_once() -> None:
    with pytest.raises(ValueError, match="huddles folds huddle_closed twice"):
        huddles().on(HuddleClosed)(nothing)


def test_a_question_has_a_name_of_its_own() -> None:
    with pytest.raises(ValueError, match="two questions called by_size"):
        huddles().question("by_size", "", asks=NoParameters, answers=Count, order=("key",))


def test_a_question_selects_something() -> None:
    with pytest.raises(ValueError, match=r"huddles\.none selects nothing"):
        huddles().question("none", asks=NoParameters, answers=Count, order=("key",))


def test_a_projection_that_folds_nothing_has_no_tables() -> None:
    with pytest.raises(ValueError, match="folds nothing"):
        Tables(Projection("idle", revision=1, row=Count), 1)


def test_only_what_matters_is_read() -> None:
    aims = Projection("aims", revision=1, row=Count)
    aims.on(AimSet)(nothing)
    assert "aim.set" in aims.ways
    assert {"event.retracted", "event.corrected"} <= aims.ways.keys()
    assert aims.passed_over == vocabulary().keys() - aims.ways.keys()
    assert "story.shared" in aims.passed_over
    assert (aims.follows("project/P-1"), aims.follows("story/S-1")) == (True, False)


def test_each_kind_of_field_has_its_column() -> None:
    class Row(msgspec.Struct):
        text: str
        number: int
        share: float
        flag: bool
        day: datetime.date
        moment: datetime.datetime
        maybe: str | None
        several: tuple[str, ...]
        named: dict[str, int]
        either: int | list[int]

    found_columns = {c.name: (c.type, c.nullable) for c in columns_of(Row)}
    assert found_columns == {
        "text": ("text", False),
        "number": ("bigint", False),
        "share": ("double precision", False),
        "flag": ("boolean", False),
        "day": ("date", False),
        "moment": ("timestamptz", False),
        "maybe": ("text", True),
        "several": ("jsonb", False),
        "named": ("jsonb", False),
        "either": ("jsonb", False),
    }


def test_a_row_that_no_table_could_hold_is_refused() -> None:
    class Tagged(msgspec.Struct, tag="x"):
        text: str

    class Brief(msgspec.Struct, omit_defaults=True):
        text: str | None = "none of None"

    class Reserved(msgspec.Struct):
        folded_at: str

    class Renamed(msgspec.Struct, rename="camel"):
        two_words: str

    class Bytes(msgspec.Struct):
        raw: bytes

    for row in (Tagged, Brief, Reserved, Renamed, Bytes):
        with pytest.raises(TypeError):
            columns_of(row)


def test_a_row_may_leave_out_its_defaults_and_the_database_puts_them_in() -> None:
    class Lean(msgspec.Struct, omit_defaults=True):
        name: str
        kind: str = "project"
        told: int = 0
        held: bool = False
        spans: tuple[str, ...] = ()
        ended: datetime.date | None = None

    plainly = {column.name: column.plainly for column in columns_of(Lean)}
    assert plainly == {
        "name": None,
        "kind": "project",
        "told": "0",
        "held": "false",
        "spans": "[]",
        "ended": None,
    }


def test_an_answer_that_would_leave_out_a_field_is_refused() -> None:
    class Lean(msgspec.Struct, omit_defaults=True):
        ended: str | None = None

    with pytest.raises(TypeError, match="promised null"):
        huddles().question("lean", "", asks=NoParameters, answers=Lean, order=("ended",))


def test_projections_are_found_in_their_room() -> None:
    for name, projection in found().items():
        assert projection.name == name
    assert list(found()) == sorted(found())
    assert "huddles" not in found()


def test_a_projection_is_found_by_its_name_alone() -> None:
    assert {name: called(name) for name in found()} == found()
    for name in ("huddles", "engine", "moments", "no_such_file"):
        with pytest.raises(KeyError):
            called(name)
