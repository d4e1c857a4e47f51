"""Decisions are numbered, each number once, and listed in their order under their own titles."""

import re
from pathlib import Path

DECISIONS = Path(__file__).parents[2] / "docs" / "decisions"


def listed() -> list[str]:
    page = (DECISIONS / "README.md").read_text(encoding="utf-8")
    return [line for line in page.splitlines() if re.match(r"\d+\. ", line)]


def as_listed(file: Path) -> str:
    number, title = re.match(r"# (\d+)\. (.+)", file.read_text(encoding="utf-8")).groups()
    assert file.name.startswith(f"{int(number):04}-"), file.name
    return f"{number}. [{title}]({file.name})"


def test_every_decision_is_listed_under_its_title():
    files = sorted(file for file in DECISIONS.glob("*.md") if file.name != "README.md")
    assert listed() == [as_listed(file) for file in files]


def test_no_number_is_used_twice_or_left_out():
    numbers = [int(line.partition(".")[0]) for line in listed()]
    assert numbers == list(range(1, len(numbers) + 1))
