"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the house: one new file each."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("events", "projections", "services", "tests", "docs")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LEFT = ("oracle", "node_modules")
WITHIN_S = 110


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the house as it stands, with what is compiled of it, to write in."""
    for room in COPIED:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns(*LEFT))
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def recipe(name: str) -> tuple[str, str]:
    """The file that a recipe has one write, and what it has one write into it."""
    text = CONTRIBUTING[CONTRIBUTING.index(f"## Recipe: {name}") :]
    found = re.search(r"say `([\w/]+\.py)`:\n\n( *)```python\n(.*?)\n *```\n", text, re.DOTALL)
    assert found is not None
    path, _, code = found.groups()
    return path, dedent(code) + "\n"


def run(house: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """A command of Python in the copy, which knows nothing of the house it was copied from."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    return subprocess.run(
        [sys.executable, *words],
        cwd=house,
        env=env | {"PYTHONPATH": str(house), "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


def laws(house: Path, *tests: str, of: str) -> "subprocess.CompletedProcess[str]":
    """The laws for one thing, on the servers of this run."""
    return run(house, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", of)


def contents(house: Path) -> dict[str, bytes]:
    files: Sequence[Path] = [path for room in COPIED for path in (house / room).rglob("*")]
    return {
        str(path.relative_to(house)): path.read_bytes()
        for path in files
        if path.is_file() and path.parent.name != "__pycache__"
    }


def test_a_new_event_type_is_one_new_file(house: Path):
    before = contents(house)
    path, code = recipe("add an event type")
    assert not (house / path).exists()
    (house / path).write_text(code, encoding="utf-8")
    lacking = laws(house, "tests/laws/test_events.py", of="golden or published_page")
    assert lacking.returncode == 1
    assert "python -m tests.events.golden_bytes" in lacking.stdout

    assert run(house, "-m", "tests.events.golden_bytes").returncode == 0
    (house / "docs" / "events.md").write_text(run(house, "-m", "events.catalogue").stdout, encoding="utf-8")
    held = laws(house, "tests/laws/test_events.py", of="cycle.repeated or golden or published_page or no_two")
    assert held.returncode == 0, held.stdout + held.stderr
    assert "### cycle.repeated" in (house / "docs" / "events.md").read_text()
    after = contents(house)
    touched = {name for name in after if after[name] != before.get(name)}
    assert touched == {path, "tests/events/golden/cycle.repeated.json", "docs/events.md"}


def test_a_new_projection_is_one_new_file(house: Path, postgres_url: str):
    before = contents(house)
    path, code = recipe("add a projection")
    assert not (house / path).exists()
    (house / path).write_text(code, encoding="utf-8")
    with pytest.MonkeyPatch.context() as given:
        given.setenv("QILEDGER_TEST_DATABASE_URL", postgres_url)
        held = laws(house, "tests/laws/test_projections.py", of="forum_attendance")
    assert held.returncode == 0, held.stdout + held.stderr
    assert re.search(r"\b[1-9]\d* passed", held.stdout)
    assert [name for name in contents(house) if name not in before] == [path]


def test_a_new_notice_rule_is_one_new_file(house: Path, postgres_url: str):
    before = contents(house)
    path, code = recipe("add a notice rule")
    assert not (house / path).exists()
    (house / path).write_text(code, encoding="utf-8")
    page = house / "docs" / "notices.md"
    page.write_text(run(house, "-m", "projections.notices.engine.catalogue").stdout, encoding="utf-8")
    with pytest.MonkeyPatch.context() as given:
        given.setenv("QILEDGER_TEST_DATABASE_URL", postgres_url)
        held = laws(house, "tests/laws/test_notices.py", of="aim_revised or published_page or any_batch")
    assert held.returncode == 0, held.stdout + held.stderr
    assert "### Aim revised" in page.read_text(encoding="utf-8")
    after = contents(house)
    assert {name for name in after if after[name] != before.get(name)} == {path, "docs/notices.md"}


def test_what_the_recipes_have_one_write_is_in_the_style_of_the_house(house: Path):
    for name in ("add an event type", "add a projection", "add a notice rule"):
        path, code = recipe(name)
        (house / path).write_text(code, encoding="utf-8")
        for words in (
            ("ruff", "check", path),
            ("ruff", "format", "--check", path),
            ("mypy", "--strict", path),
        ):
            said = run(house, "-m", *words)
            assert said.returncode == 0, said.stdout + said.stderr
