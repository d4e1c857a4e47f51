"""Every reference case, handed over by independent implementations, gets the answer it expects."""

import json
from pathlib import Path
from typing import Any

import pytest

from projections.charts.reference_answers import answer, medians
from projections.charts.rules.runs import crossings_least, longest_run_max, run_count_limits

ORACLE = Path(__file__).parent / "oracle"


def collection(name: str) -> Any:
    return json.loads((ORACLE / f"{name}.json").read_text(encoding="utf-8"))


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in collection(name)["cases"]]


def same(found: Any, expected: Any, where: str = "", *, decimals: int | None = None) -> None:
    """Numbers agree to 1e-9 relative (or to the decimals recorded), all else exactly."""
    if isinstance(expected, dict):
        for key, part in expected.items():
            same(found[key], part, f"{where}.{key}", decimals=decimals)
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for place, (one, other) in enumerate(zip(found, expected, strict=True)):
            same(one, other, f"{where}[{place}]", decimals=decimals)
    elif isinstance(expected, float) or (isinstance(expected, int) and not isinstance(expected, bool)):
        assert isinstance(found, int | float), f"{where}: {found} is not {expected}"
        near = {"rel": 1e-9, "abs": 1e-12} if decimals is None else {"abs": 0.5001 * 10**-decimals, "rel": 0}
        assert found == pytest.approx(expected, **near), where
    else:
        assert found == expected, where


@pytest.mark.parametrize("case", cases("making-data-count"))
def test_xmr_charts_are_those_of_making_data_count(case: Any) -> None:
    same(answer(case), case["expected"])


@pytest.mark.parametrize("case", cases("shewhart-and-anhoej"))
def test_shewhart_charts_and_runs_are_those_of_qicharts2(case: Any) -> None:
    same(answer(case), case["expected"])


@pytest.mark.parametrize("case", cases("adversarial"))
def test_series_at_the_edges_are_charted_as_both_packages_do(case: Any) -> None:
    same(answer(case), case["expected"])


@pytest.mark.parametrize("case", cases("ihi-run-chart-rules"))
def test_run_charts_follow_the_ihi_rules(case: Any) -> None:
    found = answer(case)
    same(found, case["expected"])
    assert set(found) == set(case["expected"])


@pytest.mark.parametrize("case", cases("powerbi-spc-flags"))
def test_flags_are_those_of_powerbi_spc(case: Any) -> None:
    same(answer(case), case["expected"])


@pytest.mark.parametrize("case", cases("powerbi-spc-limits"))
def test_limits_are_those_of_powerbi_spc(case: Any) -> None:
    same(answer(case), case["expected"], decimals=case["decimals"])


@pytest.mark.parametrize("case", cases("clinical-qikit"))
def test_spot_checks_of_clinical_qikit_hold(case: Any) -> None:
    found = answer(case)
    for name, expected in case["check"].items():
        if isinstance(expected, list):
            assert found[name] == pytest.approx(expected[0], abs=expected[1], rel=0), name
        else:
            assert found[name] == expected, name


REBASES = collection("runcharter-rebase")


@pytest.mark.parametrize("number", range(len(REBASES["cases"])))
def test_sustained_runs_propose_the_medians_of_runcharter(number: int) -> None:
    case = REBASES["cases"][number]

    def in_order(found: list[Any]) -> list[Any]:
        return sorted(found, key=lambda one: (one["grp"], one["start_date"]))

    same(in_order(medians(REBASES["input"], case["options"])), in_order(case["expected"]))


@pytest.mark.parametrize("row", collection("anhoej-limits")["rows"], ids=lambda row: str(row["n_useful"]))
def test_anhoej_limits_are_those_of_the_paper(row: dict[str, int]) -> None:
    assert longest_run_max(row["n_useful"]) == row["longest_run_max"]
    assert crossings_least(row["n_useful"]) == row["n_crossings_min"]


@pytest.mark.parametrize("row", collection("run-count-limits")["rows"], ids=lambda row: str(row["n_useful"]))
def test_run_counts_are_limited_by_the_exact_runs_test(row: dict[str, int]) -> None:
    assert run_count_limits(row["n_useful"]) == (row["exact_lower"], row["exact_upper"])
