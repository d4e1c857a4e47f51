"""Numbers and days as people write them, and what is refused because it can mean two things."""

import pytest

from projections.charts.series import CannotDraw
from projections.charts.written import labels, moment, numbers


def told(*cells: str) -> list[tuple[int, str]]:
    return list(enumerate(cells, 2))


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1,234", 1234),
        ("12,345,678.5", 12345678.5),
        ("1\u00a0234", 1234),
        ("1 234 567", 1234567),
        ("-1,234.5", -1234.5),
        ("\u22123.5", -3.5),
        ("£1,200", 1200),
        ("45 %", 45),
        ("1e3", 1000),
        ("n/a", None),
        ("–", None),
        ("NaN", None),
    ],
)
def test_a_number_is_understood_as_people_write_it(cell: str, number: float | None) -> None:
    assert numbers(told(cell)) == [number]


@pytest.mark.parametrize("cell", ["three", "<5", "1_000", "(3)", "1,23", "1 2", "12 3456", "0x10", "1,2345"])
def test_what_is_no_number_is_named_with_its_line(cell: str) -> None:
    with pytest.raises(CannotDraw, match="Line 3 has"):
        numbers(told("5", cell))


def test_a_comma_is_a_decimal_point_where_semicolons_part_the_cells_and_it_can_be_nothing_else() -> None:
    assert numbers(told("3,5", "1.234,25", "1,250", "7"), decimal_comma=True) == [3.5, 1234.25, 1.25, 7]


def test_what_may_be_thousands_or_a_fraction_is_not_guessed() -> None:
    with pytest.raises(CannotDraw, match=r"may be 1234 or 1\.234"):
        numbers(told("1,234", "5"), decimal_comma=True)


def test_per_cent_stands_after_all_or_after_none() -> None:
    assert numbers(told("45%", "", "0", "50%")) == [45, None, 0, 50]
    with pytest.raises(CannotDraw, match=r"Line 2 has '45%' and line 3 has '0\.5'"):
        numbers(told("45%", "0.5"))


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("2024-01-31", "2024-01-31"),
        ("31/01/2024", "2024-01-31"),
        ("1/2/2024", "2024-02-01"),
        ("31/01/24", "2024-01-31"),
        ("31-Jan-24", "2024-01-31"),
        ("31 January 2024", "2024-01-31"),
        ("Jan 2024", "2024-01"),
        ("Jan-24", "2024-01"),
        ("2024-02-01 00:00:00", "2024-02-01"),
        ("2024-02-01T09:30Z", "2024-02-01T09:30:00"),
        ("30/02/2024", None),
        ("01/31/2024", None),
        ("week 3", None),
        ("12", None),
        ("", None),
    ],
)
def test_a_day_is_understood_the_british_way(written: str, iso: str | None) -> None:
    assert moment(written) == iso


def test_days_are_labels_that_can_be_put_in_order_and_other_labels_stay_as_they_are() -> None:
    assert labels(told("Feb-24", "Dec-23")) == ["2024-02", "2023-12"]
    assert labels(told("ward A", "ward B")) == ["ward A", "ward B"]
    assert labels(told("1/4", "2/4")) == ["1/4", "2/4"]
    assert labels(told("2024-02-01 00:00:00", "2024-02-01 09:30:00")) == [
        "2024-02-01T00:00:00",
        "2024-02-01T09:30:00",
    ]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (("01/01/2024", "01/02/2024", "Total"), "Line 4 is labelled 'Total' among days"),
        (("2024-01-01", ""), "Line 3 has no date"),
        (("01/02/2024", "01/31/2024"), "'01/31/2024' among days"),
        (("01/31/2024", "02/29/2024"), "the day '01/31/2024', which there is not"),
    ],
)
def test_what_is_no_day_among_days_is_not_drawn_as_one(cells: tuple[str, ...], said: str) -> None:
    with pytest.raises(CannotDraw, match=said):
        labels(told(*cells))
