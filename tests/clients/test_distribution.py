"""The client as a distribution: up to date with the vocabulary, and light."""

import ast
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from clients.python import typed_events
from events.vocabulary import canonical_body, example_of, vocabulary
from qiledger_client import events

CLIENT = Path(__file__).parents[2] / "clients" / "python"


def test_the_typed_events_are_those_of_the_vocabulary():
    assert typed_events.MADE.read_text() == typed_events.written(), "write them anew: make renew"
    assert set(events.TYPES) == set(vocabulary())


def test_it_needs_the_standard_library_and_httpx():
    needed = set()
    for file in (CLIENT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                needed |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                needed.add((node.module or "").partition(".")[0])
    assert needed - set(sys.stdlib_module_names) == {"httpx", "qiledger_client"}


def test_every_published_example_can_be_told_by_its_class():
    for tag, kind in vocabulary().items():
        told = example_of(kind)
        fields = {name: getattr(told, name) for name in kind.__struct_fields__}
        plain = events.TYPES[tag](**fields)
        assert plain.type == tag
        assert canonical_body(told)


@pytest.mark.parametrize("form", ["wheel", "sdist"])
def test_it_is_built_the_same_twice(tmp_path: Path, form: str):
    built = []
    for n in (1, 2):
        out = tmp_path / str(n)
        command = [sys.executable, "-m", "hatchling", "build", "-t", form, "-d", str(out)]
        subprocess.run(command, cwd=CLIENT, check=True, capture_output=True)
        (file,) = out.iterdir()
        built.append(file.read_bytes())
    assert built[0] == built[1]
    if form == "wheel":
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
        assert "qiledger_client/py.typed" in names
    else:
        with tarfile.open(file) as archive:
            names = archive.getnames()
    assert any(name.endswith("LICENSE") for name in names)
    assert any(name.endswith("qiledger_client/events.py") for name in names)
