"""What Markdown names is there: every relative link, every heading it points at, every file and command."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import rich_click as click

from services.cli import main

ROOT = Path(__file__).parents[2]
SKIPPED = {".venv", ".git", "node_modules", ".pytest_cache", ".hypothesis"}
PAGES = sorted(page for page in ROOT.rglob("*.md") if not SKIPPED & set(page.relative_to(ROOT).parts))
NOT_OURS = {"services/data/README.md", "tests/projections/charts/oracle/README.md"}  # given with the data
ROOMS = ("events", "projections", "services", "tests", "bench", "docs", "deploy")

_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_TO_BE_WRITTEN = re.compile(r"\bsay `[^`\n]+`")  # a file that a recipe has one write
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_COMMAND = re.compile(r"(?:^|[\s`$(])qiledger ((?:[a-z]+(?:-[a-z]+)* ?)+)")
_MAKE = re.compile(r"\bmake ([a-z]+)\b")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def links(page: Path) -> Iterator[str]:
    yield from _LINK.findall(_FENCED.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """The headings as GitHub makes anchors of them."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_relative_link_leads_somewhere(page: Path):
    dead = []
    for link in links(page):
        if "://" in link or link.startswith("mailto:"):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def stands(path: str) -> bool:
    """Whether such a file is there; `*`, `NNNN` and `…` stand for anything."""
    pattern = re.sub(r"NNNN_\w+|<\w+>|…", "*", path).rstrip("/")
    return any(ROOT.glob(pattern))


@pytest.mark.parametrize("page", [p for p in PAGES if named(p) not in NOT_OURS], ids=named)
def test_every_file_that_is_named_is_there(page: Path):
    text = _TO_BE_WRITTEN.sub("", _FENCED.sub("", page.read_text(encoding="utf-8")))
    said = _CODE.findall(text)
    paths = [
        word.rstrip(".,:;")
        for code in said
        for word in code.split()
        if re.match(rf"^({'|'.join(ROOMS)})/[\w./*<>…-]*[\w*>/]$", word.rstrip(".,:;"))
    ]
    missing = [path for path in paths if not stands(path) and not stands(path.partition("::")[0])]
    assert missing == []


def commands() -> set[str]:
    """Every command and its subcommands, as they are typed."""
    found = set()
    for name, command in main.commands.items():
        found.add(name)
        if isinstance(command, click.Group):
            found |= {f"{name} {below}" for below in command.commands}
    return found


@pytest.mark.parametrize("page", [p for p in PAGES if named(p) not in NOT_OURS], ids=named)
def test_every_command_that_is_named_is_there(page: Path):
    text = page.read_text(encoding="utf-8")
    shown = "\n".join([*_CODE.findall(_FENCED.sub("", text)), *_FENCED.findall(text)])
    known = commands()
    for words in _COMMAND.findall(shown):
        first, *more = words.split()
        assert first in known, f"qiledger {first}"
        group = main.commands[first]
        if isinstance(group, click.Group) and more:
            assert f"{first} {more[0]}" in known, f"qiledger {first} {more[0]}"
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(_MAKE.findall(shown)) <= targets


def test_a_dead_link_would_be_seen(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("# One\n[there](#one) [gone](gone.md)\n")
    assert list(links(page)) == ["#one", "gone.md"]
    assert anchors(page) == {"one"}
    assert not stands("events/gone.py")
    assert stands("events/log/migrations/NNNN_name.sql")
