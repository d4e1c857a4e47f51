"""The list of commands: each is there by its name, and none waits for what another needs."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from services.cli import COMMANDS, main

HEAVY = ("granian", "rq", "litestar", "services.whole_house", "projections.engine", "cryptography")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_listed_is_there_by_its_name(name: str) -> None:
    assert main.commands[name].name == name


def test_the_page_of_commands_has_them_all() -> None:
    page = CliRunner().invoke(main, ["--help"]).output
    assert [name for name in COMMANDS if f" {name} " not in page] == []


def test_a_slip_of_the_pen_is_answered_with_what_was_meant() -> None:
    answer = CliRunner().invoke(main, ["exprot"])
    assert answer.exit_code == 2
    assert "Did you mean 'export'?" in answer.stderr


@pytest.mark.parametrize(
    "words",
    [["up", "--port", "0", "--data-directory", "/dev/null/home"], ["sealing-key", "new", "/dev/null/key"]],
)
def test_a_place_that_cannot_be_written_to_is_named(words: list[str]) -> None:
    said = CliRunner().invoke(main, words)
    assert (said.exit_code, "Error" in said.output, "/dev/null/" in said.output) == (1, True, True), said


def test_what_no_command_was_called_for_is_not_loaded() -> None:
    code = f"import services.cli, sys; print([name for name in {HEAVY} if name in sys.modules])"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout.strip() == "[]"
