from datetime import date, timedelta
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import fields
from events.fields import Address, Id, PersonRef, Subject, Text, Title, WrittenDate, first_day
from events.vocabulary import read_body


def allowed(kind: Any, value: object) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_every_day_of_the_calendar_can_be_written(day: date) -> None:
    assert allowed(WrittenDate, day.isoformat())
    assert first_day(day.isoformat()) == day


def test_every_end_of_february_is_that_of_the_calendar() -> None:
    for year in range(1900, 2200):
        leap = (date(year, 3, 1) - timedelta(days=1)).day == 29
        assert allowed(WrittenDate, f"{year}-02-29") is leap


@given(st.from_regex(r"\A(19|20|21)[0-9]{2}(-[0-9]{2}(-[0-9]{2})?)?\Z"))
def test_whatever_can_be_written_begins_on_a_day(written: str) -> None:
    if allowed(WrittenDate, written):
        assert first_day(written).isoformat().startswith(written)


@pytest.mark.parametrize(
    "wrong",
    ["2022-02-30", "2022-04-31", "2022-13", "2022-00", "2022-5", "1899", "2022-05-20\n", "20/05/2022", ""],
)
def test_what_is_no_day_is_refused(wrong: str) -> None:
    assert not allowed(WrittenDate, wrong)


def test_a_month_begins_on_its_first_day_and_a_year_on_new_years_day() -> None:
    assert first_day("2022-05") == date(2022, 5, 1)
    assert first_day("2022") == date(2022, 1, 1)


@pytest.mark.parametrize("kind", [Title, Text])
@pytest.mark.parametrize("character", ["\x00", "\x08", "\x1b", "\x7f"])
def test_text_that_postgres_or_a_page_cannot_hold_is_refused(kind: Any, character: str) -> None:
    assert not allowed(kind, f"before{character}after")


def test_a_title_is_one_line_and_a_text_may_be_several() -> None:
    assert not allowed(Title, "one\ntwo")
    assert allowed(Text, "one\r\n\ttwo")
    assert allowed(Title, "Ein Titel – ‘με’ 标题 😀")


@pytest.mark.parametrize("wrong", ["", "-a", "a/b", "a b", "a\n", "é", "a" * 65])
def test_an_id_fits_into_a_stream_and_an_address(wrong: str) -> None:
    assert not allowed(Id, wrong)
    assert not allowed(Subject, f"project/{wrong}")


@pytest.mark.parametrize(
    "wrong", ["someone@example.org", "person/", "person/a b", "person/a\n", "Person/a", "943 476 5919"]
)
def test_a_person_is_named_by_an_opaque_reference_only(wrong: str) -> None:
    assert not allowed(PersonRef, wrong)


@pytest.mark.parametrize(
    "wrong", ["javascript:alert(1)", "//example.org", "https://", 'https://a"b', "https://a b"]
)
def test_an_address_is_one_of_the_web(wrong: str) -> None:
    assert not allowed(Address, wrong)


def test_no_pattern_lets_a_line_break_follow() -> None:
    patterns = [
        meta.pattern
        for kind in vars(fields).values()
        for meta in get_args(kind)[1:]
        if isinstance(meta, msgspec.Meta) and meta.pattern
    ]
    assert len(patterns) > 20
    assert [pattern for pattern in patterns if not pattern.endswith(fields.END)] == []


@pytest.mark.parametrize("score", [0.5, 1, 2.5, 5])
def test_a_score_is_a_half_or_a_whole_of_its_scale(score: float) -> None:
    assert read_body(
        "progress.scored", msgspec.json.encode({"score": score, "scale": "life_qi", "assessor": "self"})
    )


@pytest.mark.parametrize("score", [0, 2.6, 5.5, -1, "3"])
def test_a_score_between_halves_or_beyond_its_scale_is_refused(score: object) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.score"):
        read_body(
            "progress.scored", msgspec.json.encode({"score": score, "scale": "life_qi", "assessor": "self"})
        )


def test_an_improvement_outside_projects_needs_no_project_aim_measure_or_approval() -> None:
    assert read_body(
        "improvement.reported", b'{"what_changed":"We start with what went well.","level":"team"}'
    )
