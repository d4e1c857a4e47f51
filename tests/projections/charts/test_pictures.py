"""What is shown says the same to those who see it, hear it, print it or open it in a spreadsheet."""

import csv
from io import StringIO
from itertools import combinations
from xml.etree import ElementTree

import pytest
from rich.console import Console

from projections.charts.axes import apart, cut_short, labelled
from projections.charts.baseline import Baseline, Rebase
from projections.charts.chart import draw
from projections.charts.drawn import Chart
from projections.charts.message import description, message, number_in_words
from projections.charts.report import report
from projections.charts.series import Annotation, CannotDraw, CycleMark, Series, series_of
from projections.charts.svg import svg
from projections.charts.table import csv_table, harmless, html_table
from projections.charts.terminal import in_ascii, terminal

SVG = "{http://www.w3.org/2000/svg}"
MONTHS = [f"2024-{month:02}" for month in range(1, 13)] + [f"2025-{month:02}" for month in range(1, 13)]
FALLING = [9.0, 8, 11, 9, 19, 8, 9, 11, 9, 12, 8, 9, 5, 6, 4, 6, 5, 6, 4, 6, 5, 4, 6, 5]


def falls(**changes: object) -> Chart:
    series = series_of(
        FALLING,
        labels=MONTHS,
        title="Falls <on> A & B ward",
        unit="per 1,000 bed days",
        annotations=[Annotation(6, 'New "beds"')],
        cycles=[CycleMark(12, "Call bells within reach", "adopt")],
    )
    return draw(series, chart="xmr", direction="decrease", target=2.5, **changes)  # type: ignore[arg-type]


def rebased() -> Chart:
    return falls(baseline=Baseline(rebases=(Rebase(12, "call bells"),), exclude=frozenset({4})))


def text_of(picture: str) -> str:
    return " ".join(ElementTree.fromstring(picture).itertext())


def printed(chart: Chart, width: int = 100) -> str:
    console = Console(width=width, record=True, file=StringIO(), force_terminal=True)
    console.print(terminal(chart, width=width))
    return console.export_text()


def test_the_title_carries_the_message_and_the_description_the_lines_and_signals() -> None:
    chart = falls()
    root = ElementTree.fromstring(svg(chart, name="falls"))
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert desc is not None
    assert (
        title.text
        == message(chart)
        == ("Falls <on> A & B ward: improving (lower) — 7 or more below the mean, 2025-01 to 2025-12")
    )
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == f"{title.attrib['id']} {desc.attrib['id']}"
    for said in (
        "XmR chart of 24 points",
        "limits",
        "Target 2.5",
        "making-data-count-1",
        "improvement, lower values",
    ):
        assert said in str(desc.text)


def test_a_long_name_is_cut_short_and_what_is_said_of_it_never() -> None:
    chart = draw(series_of(FALLING, title="Falls " * 60), chart="xmr", direction="decrease")
    headline = " ".join(text_of(svg(chart)).split("XmR chart")[-2].split())
    assert headline.endswith("…: improving (lower) — 7 or more below the mean, 13 to 24")


def test_a_picture_holds_no_script_and_no_markup_from_its_words() -> None:
    series = series_of(
        [1, 2],
        labels=["<script>x</script>", "\x00\x1b[2J"],
        title='"><script>alert(1)</script>',
        annotations=[Annotation(0, "<img src=x onerror=y>")],
        cycles=[CycleMark(1, "]]><a>", "&")],
    )
    picture = svg(draw(series, chart="run"), name='"><script>')
    tags = {element.tag for element in ElementTree.fromstring(picture).iter()}
    assert tags == {SVG + name for name in ("svg", "title", "desc", "rect", "path", "text", "g", "circle")}
    assert "\x1b" not in picture


def test_signals_have_shapes_and_words_of_their_own() -> None:
    picture = svg(falls())
    legend = {element.text for element in ElementTree.fromstring(picture).iter(f"{SVG}text")}
    assert {"improvement", "concern"} <= legend
    shapes = {
        mark.attrib["d"]
        for mark in ElementTree.fromstring(picture).iter(f"{SVG}path")
        if "stroke" in mark.attrib and mark.attrib["fill"] != "none"
    }
    assert len(shapes) == 2
    assert "2025-12: 5, 7 or more below the mean" in text_of(picture)


def test_icons_are_told_by_letter_and_words() -> None:
    words = text_of(svg(falls()))
    assert "Special cause variation: improvement, lower values" in words
    assert "The process will consistently miss the target" in words


def test_cycles_notes_phases_and_targets_stand_on_the_series_and_in_words() -> None:
    words = text_of(svg(rebased()))
    for said in (
        "P1",
        "PDSA cycle at 2025-01: Call bells within reach — adopt",
        'N1  2024-07: New "beds"',
        "Phase 2: call bells",
        "Target",
        "hollow: left out of the lines",
        "no significant change since 2025-01; mean 5.167, 9.364 before",
    ):
        assert said in words


def test_every_chart_of_nothing_or_little_is_still_a_picture() -> None:
    for values in ([], [None], [5], [0, 0, 0], [-1e-9, 1e9], [0, 5e-324]):
        chart = draw(series_of(values), chart="xmr", direction="increase", target=1)
        ElementTree.fromstring(svg(chart))
        assert printed(chart)
        assert csv_table(chart).count("\n") == len(values) + 1
        assert html_table(chart)
        assert report(chart).points == [] or values


def test_a_chart_of_many_points_keeps_its_labels_apart() -> None:
    labels = [f"2024-01-{i}" for i in range(500)]
    assert len(labelled(labels, room=600, letter_width=6)) <= 12
    assert apart([10, 10, 10], least=5) == pytest.approx([5, 10, 15], abs=0.1)
    assert apart([10, 10, 10], least=5, most=12) == pytest.approx([2, 7, 12], abs=0.1)


@pytest.mark.parametrize(
    ("points", "written"), [(0, []), (5, [0, 1, 2, 3, 4]), (24, [*range(0, 24, 2)]), (25, [*range(0, 25, 3)])]
)
def test_as_many_labels_are_written_as_there_is_room_for(points: int, written: list[int]) -> None:
    assert labelled(["12"] * points, room=1_000, letter_width=7) == written


def test_where_there_is_little_room_few_labels_are_written() -> None:
    assert labelled(["2024-01"] * 10, room=200, letter_width=7) == [0, 4, 8]


def test_flags_stand_below_every_value_and_touch_no_other() -> None:
    notes = [Annotation(i, "x") for i in (0, 0, 0, 1, 2, 3, 23)]
    chart = draw(series_of(FALLING, annotations=notes, cycles=[CycleMark(0, "C-1")]), chart="xmr")
    root = ElementTree.fromstring(svg(chart))
    boxes = [
        (float(box.attrib["x"]), float(box.attrib["y"]))
        for box in root.iter(f"{SVG}rect")
        if box.attrib["width"] == "22"
    ]
    assert len(boxes) == 8
    for (x, y), (u, v) in combinations(boxes, 2):
        assert abs(x - u) >= 22 or abs(y - v) >= 13
    marks = [
        float(mark.attrib["transform"].split(",")[1].split(")")[0])
        for mark in root.iter(f"{SVG}g")
        if "transform" in mark.attrib
    ]
    assert max(marks) < min(y for _, y in boxes)


def test_a_frozen_baseline_is_said_wherever_the_chart_is_shown() -> None:
    chart = falls(baseline=Baseline(freeze=12))
    assert "lines from 2024-01 to 2024-12" in text_of(svg(chart))
    assert "lines from 2024-01 to 2024-12" in printed(chart)
    assert "Lines from 2024-01 to 2024-12." in description(chart)
    assert "ines from" not in description(falls())


def test_numbers_that_lie_close_on_an_axis_are_told_apart() -> None:
    values = [100 + i % 3 / 100 for i in range(20)]
    words = text_of(svg(draw(series_of(values), chart="xmr", target=100.001, direction="increase")))
    assert "100.001" in words


def test_a_long_label_keeps_its_beginning_and_its_end() -> None:
    assert cut_short("Week commencing Monday 10 of the month", 24) == "Week commencing…he month"
    assert cut_short("2024-01-31", 24) == "2024-01-31"


def test_a_terminal_that_knows_ascii_alone_is_given_plainer_marks() -> None:
    shown = in_ascii(printed(rebased()))
    assert shown.isascii()
    assert "?" not in shown.replace("hit and miss", "")
    for said in ("o", "O left out", "--", ":", "CL 5.167"):
        assert said in shown


def test_numbers_are_written_as_people_write_them() -> None:
    found = [
        number_in_words(v) for v in (0, 0.0952381, 3.14159, 42.5, 6000.4, -0.00001, 1234567.0, 5e9, None)
    ]
    assert [number_in_words(v) for v in (9.9999e-5, 1e20)] == ["1×10⁻⁴", "1×10²⁰"]
    assert found == ["0", "0.0952", "3.142", "42.5", "6,000", "-1×10⁻⁵", "1,234,567", "5,000m", "none"]


def test_the_terminal_shows_marks_lines_and_words_without_colour() -> None:
    shown = printed(rebased())
    for said in ("●", "○", "╌", "─", "┆", "CL 5.167", "target 2.5", "2024-01", "PDSA cycle at 2025-01"):
        assert said in shown
    assert "■ improvement" in printed(falls())
    assert all(len(line) <= 80 for line in printed(falls(), width=80).splitlines())


def test_no_number_and_no_date_is_cut_off_in_a_narrow_terminal() -> None:
    values = [100 + i % 3 / 1000 for i in range(20)]
    labels = [f"2024-01-{day:02}" for day in range(1, 21)]
    chart = draw(series_of(values, labels=labels), chart="xmr", target=100.0016, direction="increase")
    for width in (60, 80, 140):
        shown = printed(chart, width=width)
        assert all(len(line) <= width for line in shown.splitlines())
        assert "target 100.0016" in shown
        dates = next(line for line in shown.splitlines() if line.strip().startswith("2024-01-01")).split()
        assert set(dates) <= set(labels)


def test_words_cannot_steer_the_terminal() -> None:
    series = series_of([1, 2], title="a\x1b[2Jb[red]c", labels=["\x1b]0;x\x07", "2"])
    shown = printed(draw(series, chart="run"))
    assert "\x1b" not in shown.replace("\x1b[1m", "")
    assert "[red]" in shown


def test_the_csv_holds_exact_numbers_and_no_formula() -> None:
    series = series_of([-0.1, 0.2, None], labels=["=1+1", "-5", "@x"])
    rows = list(csv.reader(StringIO(csv_table(draw(series, chart="run")))))
    assert [row[0] for row in rows[1:]] == ["'=1+1", "-5", "'@x"]
    assert [row[1] for row in rows[1:]] == ["-0.1", "0.2", ""]
    assert harmless("+x") == "'+x"
    assert harmless("a=b") == "a=b"


def test_the_table_has_a_caption_and_headers_and_escapes_its_words() -> None:
    table = html_table(falls())
    assert "<caption>Falls &lt;on&gt; A &amp; B ward: improving" in table
    assert table.count('<th scope="col">') == 6
    assert table.count('<th scope="row">') == 24
    ElementTree.fromstring(table)


def test_a_chart_whose_signal_has_no_direction_says_so_in_its_message() -> None:
    values = [1.0, 1, 1, 1, 9, 9, 9, 9] * 3
    chart = draw(series_of(values, title="Waits"), chart="run", direction="increase")
    assert message(chart) == "Waits: special cause variation — unusually few crossings, 1 to 24"


def test_too_few_points_are_said_to_be_too_few() -> None:
    chart = draw(series_of([5.0, 5.0, 5.0], title="Waits"), chart="xmr")
    assert message(chart) == "Waits: too few points, or too little variation, to say"
    assert "No limits could be calculated" in description(chart)
    assert message(draw(series_of([], title="Waits"), chart="xmr")) == "Waits: no measurements yet"


def test_notes_stand_at_points_and_columns_have_one_length() -> None:
    with pytest.raises(CannotDraw, match="point 3 of 2"):
        series_of([1, 2], annotations=[Annotation(2, "late")])
    with pytest.raises(CannotDraw, match="2 values and 1 denominators"):
        series_of([1, 2], [3])
    with pytest.raises(CannotDraw, match="more than 20000"):
        Series(labels=("1",) * 20_001, values=(1.0,) * 20_001)
