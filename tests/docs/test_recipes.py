"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the house: one new file each.

Of `make test` those tests are run that look at everything of a kind, for the new one.
"""

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
COPIED = ("events", "projections", "services", "clients", "tests", "docs")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LEFT = ("oracle", "node_modules")
WITHIN_S = 110


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the house as it stands, with what is compiled of it, to write in."""
    for room in COPIED:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns(*LEFT))
    for file in ("pyproject.toml", "README.md", "Makefile"):
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def recipe(name: str) -> tuple[str, str]:
    """The file that a recipe has one write, and what it has one write into it."""
    text = CONTRIBUTING[CONTRIBUTING.index(f"## Recipe: {name}") :]
    found = re.search(r"say `([\w/]+\.py)`:\n\n( *)```python\n(.*?)\n *```\n", text, re.DOTALL)
    assert found is not None
    path, _, code = found.groups()
    return path, dedent(code) + "\n"


def run(house: Path, *command: str | Path) -> "subprocess.CompletedProcess[str]":
    """A command in the copy, which knows nothing of the house it was copied from."""
    left_out = ("PYTEST_", "COV_", "MAKE", "MFLAGS")
    env = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return subprocess.run(
        command,
        cwd=house,
        env=env | {"PYTHONPATH": str(house), "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


def make(house: Path, target: str, *variables: str) -> "subprocess.CompletedProcess[str]":
    """`make` in the copy, in the environment of these tests, which is as the lock has it."""
    return run(house, "make", "-o", f"{sys.prefix}/.installed", f"VENV={sys.prefix}", target, *variables)


def make_test(house: Path, *tests: str, of: str) -> "subprocess.CompletedProcess[str]":
    """`make test`, of what looks at one thing, in one process, on the servers of this run."""
    return make(house, "test", f"ARGS=-n 0 -q -p no:cacheprovider {' '.join(tests)} -k '{of}'")


def contents(house: Path) -> dict[str, bytes]:
    files: Sequence[Path] = [path for room in COPIED for path in (house / room).rglob("*")]
    return {
        str(path.relative_to(house)): path.read_bytes()
        for path in files
        if path.is_file() and path.parent.name != "__pycache__"
    }


def followed(house: Path, name: str) -> str:
    """The recipe's new file, written. Its path."""
    path, code = recipe(name)
    assert not (house / path).exists()
    (house / path).write_text(code, encoding="utf-8")
    return path


def changed(house: Path, before: dict[str, bytes]) -> set[str]:
    after = contents(house)
    assert before.keys() <= after.keys()
    return {name for name in after if after[name] != before.get(name)}


@pytest.fixture(autouse=True)
def _on_the_postgres_of_this_run(monkeypatch: pytest.MonkeyPatch, postgres_url: str) -> None:
    """A Valkey each run starts for itself: what is given it would empty, and others work on that."""
    monkeypatch.setenv("QILEDGER_TEST_DATABASE_URL", postgres_url)


def test_a_new_event_type_is_one_new_file(house: Path):
    before = contents(house)
    path = followed(house, "add an event type")
    looking = ("tests/laws/test_events.py", "tests/clients/test_distribution.py")
    what = "cycle.repeated or golden or published_page or no_two or typed_events"
    lacking = make_test(house, *looking, of=what)
    assert lacking.returncode != 0
    assert "python -m tests.events.golden_bytes" in lacking.stdout
    assert "write them anew: make renew" in lacking.stdout

    renewed = make(house, "renew")
    assert renewed.returncode == 0, renewed.stdout + renewed.stderr
    held = make_test(house, *looking, of=what)
    assert held.returncode == 0, held.stdout + held.stderr
    assert "### cycle.repeated" in (house / "docs" / "events.md").read_text(encoding="utf-8")
    client = "clients/python/src/qiledger_client/events.py"
    assert "class CycleRepeated(Event):" in (house / client).read_text(encoding="utf-8")
    assert changed(house, before) == {
        path,
        "tests/events/golden/cycle.repeated.json",
        "docs/events.md",
        client,
    }


def test_a_new_projection_is_one_new_file(house: Path):
    before = contents(house)
    path = followed(house, "add a projection")
    held = make_test(
        house,
        "tests/laws/test_projections.py",
        "tests/services/api/test_every_question.py",
        of="forum_attendance or something_to_see",
    )
    assert held.returncode == 0, held.stdout + held.stderr
    assert re.search(r"\b([1-9]\d+) passed", held.stdout)
    assert changed(house, before) == {path}
    assert make(house, "renew").returncode == 0
    assert changed(house, before) == {path}, "nothing else is made from it"


def test_a_new_notice_rule_is_one_new_file(house: Path):
    before = contents(house)
    path = followed(house, "add a notice rule")
    renewed = make(house, "renew")
    assert renewed.returncode == 0, renewed.stdout + renewed.stderr
    held = make_test(house, "tests/laws/test_notices.py", of="aim_revised or published_page or any_batch")
    assert held.returncode == 0, held.stdout + held.stderr
    assert "### Aim revised" in (house / "docs" / "notices.md").read_text(encoding="utf-8")
    assert changed(house, before) == {path, "docs/notices.md"}


def test_what_the_recipes_have_one_write_is_in_the_style_of_the_house(house: Path):
    for name in ("add an event type", "add a projection", "add a notice rule"):
        path, code = recipe(name)
        (house / path).write_text(code, encoding="utf-8")
        for words in (
            ("ruff", "check", path),
            ("ruff", "format", "--check", path),
            ("mypy", "--strict", path),
        ):
            said = run(house, sys.executable, "-m", *words)
            assert said.returncode == 0, said.stdout + said.stderr
