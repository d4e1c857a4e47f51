"""`qiledger chart`, on real files and pipes."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from services.cli.chart import chart

ORACLE = Path(__file__).parent / "oracle"
CSV = """date,value,denominator,note,pdsa
2024-03-01,4,40,,
2024-01-01,3,41,,
2024-02-01,,39,new lead,
2024-04-01,9,38,,huddle
"""


def run(*words: str, told: str | None = None) -> Result:
    return CliRunner().invoke(chart, list(words), input=told)


def answered(*words: str, told: str | None = None) -> Any:
    result = run(*words, told=told)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_a_csv_is_read_by_its_heading_and_put_in_order_of_date() -> None:
    found = answered("-", "--chart", "p", told=CSV)
    assert [p["label"] for p in found["points"]] == ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"]
    assert [p["value"] for p in found["points"]] == [3 / 41, None, 4 / 40, 9 / 38]
    assert found["points"][0]["centre"] == pytest.approx(16 / 119)
    assert found["points"][1]["upper"] is None
    assert found["rule_set"] == "anhoej-1"


def test_notes_and_cycles_follow_their_points_into_order() -> None:
    result = run("-", "--svg", "-", told=CSV)
    words = " ".join(ElementTree.fromstring(result.output).itertext())
    assert "N1  2024-02-01: new lead" in words
    assert "P1  PDSA cycle at 2024-04-01: huddle" in words


@pytest.mark.parametrize(
    "told",
    [
        "5\n7\n6\n",
        "1,5\n2,7\n3,6\n",
        "label\tvalue\n1\t5\n2\t7\n3\t6\n",
        "label;value\n1;5\n2;7\n3;6\n",
        "date,value\n31/01/2024,5\n01/03/2024,6\n29/02/2024,7\n",
        "date,value\n2024-01,5%\n2024-02,7%\n2024-03,6%\n",
        '{"x": [2, 10, 9], "y": [5, 6, 7]}',
        '{"values": [5, 7, 6]}',
        "[5, 7, 6]",
        '[{"date": "2024-01", "value": 5}, {"date": "2024-03", "value": 6}, {"date": "2024-02", "value": 7}]',
        "date,value\r31/01/24,5\r01/03/24,6\r29/02/24,7\r",
        'month,value\nJan-24,"5.0"\n\n"Mar 2024",6\nFeb-24,£7\n',
        '{"dates": ["31/01/2024", "1/3/2024", "29/02/2024"], "values": [5, 6, 7], "target": null, "freeze": 3.0}',
        '{"input": {"x": null, "y": [5, 7, 6], "n": null}, "options": null, "chart": "i"}',
    ],
)
def test_a_series_is_understood_in_many_shapes(told: str) -> None:
    assert [p["value"] for p in answered("-", told=told)["points"]] == [5, 7, 6]


def test_a_note_in_json_stands_at_a_point_by_its_number_or_its_label() -> None:
    told = {
        "dates": ["2024-03", "2024-01", "2024-02"],
        "values": [6, 5, 7],
        "annotations": [{"at": 1, "text": "March"}, {"at": "Jan 2024", "text": "January"}],
        "cycles": [{"at": "2024-02", "name": "C-1"}],
    }
    words = " ".join(ElementTree.fromstring(run("-", "--svg", "-", told=json.dumps(told)).output).itertext())
    for said in ("2024-03: March", "2024-01: January", "PDSA cycle at 2024-02: C-1"):
        assert said in words


def test_a_chart_may_be_named_as_a_measure_names_it() -> None:
    told = '{"values": [1, 2, 3], "n": [40, 50, 60], "chart": "%s"}'
    for name, short in (("p_prime", "pp"), ("U'", "up"), ("i_prime", "ip"), ("P", "p")):
        assert answered("-", told=told % name)["chart"] == short


def test_the_command_line_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "waits.json"
    file.write_text(
        '{"values": [5, 7, 6, 50, 8, 9], "target": 3, "chart": "run", "title": "Waits"}', encoding="utf-8"
    )
    told = ("--chart", "xmr", "--target", "6", "--direction", "decrease", "--exclude", "4", "--no-screening")
    found = answered(str(file), *told, "--title", "Days", "--rebase", "5=new clinic", "--multiply", "2")
    assert (found["chart"], found["target"], found["title"]) == ("xmr", 6, "Days")
    assert [(p["first"], p["last"], p["reason"], p["centre"]) for p in found["phases"]] == [
        (1, 4, "", 12),
        (5, 6, "new clinic", 17),
    ]
    assert found["points"][3]["included"] is False


def test_frozen_given_and_fixed_lines_are_kept() -> None:
    found = answered("-", "--freeze", "2", "--lower", "1", "--upper", "9", "--centre", "5", told="4\n6\n99\n")
    assert [(p["lower"], p["centre"], p["upper"]) for p in found["points"]] == [(1, 5, 9)] * 3
    assert [s["rule_set"] for s in found["signals"]] == ["making-data-count-1"]
    assert found["signals"][0]["points"] == [3]


@pytest.mark.parametrize(
    "file",
    [
        "making-data-count",
        "shewhart-and-anhoej",
        "ihi-run-chart-rules",
        "powerbi-spc-limits",
        "clinical-qikit",
    ],
)
def test_every_case_of_a_file_can_be_asked_one_by_one_or_all_at_once(file: str) -> None:
    whole = str(ORACLE / f"{file}.json")
    everyone = answered(whole, "--case", "all")
    cases = json.loads((ORACLE / f"{file}.json").read_text(encoding="utf-8"))["cases"]
    assert [one["id"] for one in everyone] == [case["id"] for case in cases]
    first = answered(whole, "--case", cases[0]["id"], "--expected")
    assert first == everyone[0]["expected"]
    assert answered(whole, "--case", "1")["points"]


def test_the_answer_can_be_had_in_the_shape_of_the_question() -> None:
    case = json.loads((ORACLE / "making-data-count.json").read_text(encoding="utf-8"))["cases"][0]
    told = json.dumps(case["input"])
    assert (
        answered("-", "--expected", told=told)["points"]["special_cause_type"]
        == case["expected"]["points"]["special_cause_type"]
    )
    flags = answered(str(ORACLE / "powerbi-spc-flags.json"), "--case", "pbi-shift-02")
    assert flags == ["none", "upper", "upper", "upper", "upper", "upper", "none"]
    medians = answered(str(ORACLE / "runcharter-rebase.json"), "--case", "1")
    assert {one["grp"] for one in medians} == {"WardV", "WardX", "WardY", "WardZ"}


def test_a_chart_is_drawn_in_the_terminal_or_written_as_svg_or_csv(tmp_path: Path) -> None:
    drawn = run("-", "--draw", "--title", "Falls", told=CSV)
    assert drawn.exit_code == 0
    assert "Falls" in drawn.output
    assert "●" in drawn.output
    place = tmp_path / "falls.svg"
    assert run("-", "--svg", str(place), told=CSV).output == ""
    assert ElementTree.parse(place).getroot().attrib["role"] == "img"
    assert run("-", "--csv", told=CSV).output.startswith("point,value,")


def test_raw_measurements_are_gathered_into_subgroups() -> None:
    found = answered("-", "--chart", "xbar", told="subgroup,value\na,1\na,3\nb,5\nb,9\n")
    assert [(p["label"], p["value"]) for p in found["points"]] == [("a", 2), ("b", 7)]


@pytest.mark.parametrize(
    ("words", "told", "said"),
    [
        (("nowhere.csv",), None, "Cannot read nowhere.csv"),
        (("-",), "date,value\n2024-01-01,many\n", "Line 2 has 'many'"),
        (("-",), "a,b\nc,d\n", "called value"),
        (("-",), '{"values": [1, ', "is no JSON"),
        (("-",), '{"values": [1, "x"]}', "'x' is no number"),
        (("-",), '{"other": 1}', "There are no values"),
        (("-",), '{"values": [1, 2], "n": [1]}', "2 values and 1 denominators"),
        (("-",), '{"values": [1, 2], "freeze": "two"}', "freeze is 'two'"),
        (("-",), '{"values": [1], "annotations": [{"at": 4}]}', "text"),
        (
            ("-",),
            '{"values": [1, 2], "annotations": [{"at": 0, "text": "x"}]}',
            "A note stands at point 0 of 2",
        ),
        (("-",), '{"values": [1], "annotations": [{"at": "soon", "text": "x"}]}', "which no point is"),
        (("-",), '{"values": [1], "chart": "pie"}', "There is no chart 'pie'"),
        (("-",), '{"rule": "shift", "input": {"val": [1]}}', "targets"),
        (("-",), '{"values": [1, true]}', "'True' is no number"),
        (("-",), '{"values": [1, 2], "targt": 3}', "Say 'target'"),
        (("-",), '{"values": [1, 2], "multiply": 0}', "multiplied by 0"),
        (("-",), '{"x": [1, null], "y": [1, 2]}', "Point 2 has no label"),
        (("-",), '{"values": [1, 2], "dates": ["2024-01", "2024-02"], "rebase_dates": "soon"}', "no date"),
        (("-",), 'date,value\n"2024-01-01,5\n', "The file is no CSV"),
        (("-", "--chart", "xbar"), "5\n7\n", "needs subgroups"),
        (("-", "--chart", "p", "--centre", "45"), "1,4,10\n", "Give 0.45 for 45%"),
        (("-", "--chart", "c", "--centre", "-1"), "1,4\n", "none below 0"),
        (("-", "--centre", "nan"), "1,4\n", "The given centre is nan"),
        (("-", "--case", "x"), "1\n2\n", "Leave --case away"),
        (("-", "--chart", "p"), "1,11,10\n", "counts 11 out of 10"),
        (("-", "--rebase", "9"), "1,1\n2,2\n", "No point is labelled '9'"),
        (("-", "--svg", "/nowhere/at/all.svg"), "1\n2\n", "Cannot write"),
        ((str(ORACLE / "ihi-run-chart-rules.json"),), None, "--case"),
        ((str(ORACLE / "ihi-run-chart-rules.json"), "--case", "no"), None, "none is called 'no'"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(words: tuple[str, ...], told: str | None, said: str) -> None:
    result = run(*words, told=told)
    assert result.exit_code == 1
    assert said in " ".join(result.output.replace("│", " ").split())
    assert "Traceback" not in result.output


def test_bytes_that_are_no_text_and_an_empty_file(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(b"\xff\xfe\x00")
    assert "Save it as CSV UTF-8" in " ".join(run(str(file)).output.split())
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF\x02\x01\x01\x00\xa3")
    assert "no text. Save it as CSV UTF-8" in " ".join(run(str(program)).output.replace("│", " ").split())
    assert answered("-", told="")["points"] == []
    wide = tmp_path / "wide.csv"
    wide.write_bytes("date,value\n2024-01-01,5\n".encode("utf-16"))
    assert answered(str(wide))["points"][0]["value"] == 5
    bom = tmp_path / "bom.csv"
    bom.write_bytes("\ufeffdate,value\n1,2\n".encode())
    assert answered(str(bom))["points"][0]["value"] == 2


def test_a_csv_as_excel_saves_it_on_windows_is_read_and_said_to_be_so(tmp_path: Path) -> None:
    file = tmp_path / "windows.csv"
    file.write_bytes("date,value,note\n2024-01-31,£1,café – reopened\n2024-02-29,£2,\n".encode("cp1252"))
    result = run(str(file), "--svg", "-")
    assert result.exit_code == 0
    assert "N1  2024-01-31: café – reopened" in result.stdout
    assert "read as Windows text (code page 1252)" in result.stderr
    file.write_text("date,value\n2024-01-31,£1\n", encoding="utf-8")
    assert run(str(file)).stderr == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--exclude", "5"], "no point 5"),
        (["--target", "nan"], "The target is nan"),
        (["--rebase", "2025"], "No point is labelled '2025'"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_cure(words: list[str], said: str) -> None:
    result = run("-", *words, told="5\n7\n6\n4\n")
    assert result.exit_code == 1
    assert said in " ".join(result.output.replace("│", " ").split())


def test_weeks_that_begin_again_stand_as_they_are_given() -> None:
    found = answered("-", told="week,value\n51,5\n52,7\n1,6\n")
    assert [p["label"] for p in found["points"]] == ["51", "52", "1"]


def test_a_count_whose_denominator_is_missing_leaves_the_other_counts_of_its_day_alone() -> None:
    """Several rows of a day are one point: of those rows that have both numbers."""
    found = answered(
        "-", "--chart", "p", told="date,value,n\n2024-01,3,10\n2024-01,,50\n2024-02,4,10\n2024-02,9,\n"
    )
    assert [p["value"] for p in found["points"]] == [0.3, 0.4]
    assert found["points"][0]["centre"] == 7 / 20


def test_a_date_to_begin_a_phase_is_written_as_in_the_file() -> None:
    found = answered(
        "-", "--rebase", "29/02/2024=why", told="date,value\n31/01/2024,5\n29/02/2024,7\n31/03/2024,6\n"
    )
    assert [(p["first"], p["reason"]) for p in found["phases"]] == [(1, ""), (2, "why")]
