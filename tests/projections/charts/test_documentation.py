"""What the page about charts shows is what happens."""

import re
from pathlib import Path
from typing import Any

import pytest

from projections.charts.chart_type import ChartType
from projections.charts.rules import rule_sets

PAGE = (Path(__file__).parents[3] / "docs" / "charts.md").read_text(encoding="utf-8")


def test_the_code_on_the_page_runs() -> None:
    told: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, told)


@pytest.mark.parametrize("name", [*rule_sets(), *(kind.value for kind in ChartType)])
def test_every_chart_and_rule_set_is_on_the_page(name: str) -> None:
    assert f"| `{name}`" in PAGE
