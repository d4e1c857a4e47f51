"""The guides are true today: what they show to be run is run, in order, against a really running house.

A fenced block whose first line is followed by `run` (as in ```sh run) is run; a block marked `shows` right after it is
what it printed, where `…` stands for anything. Blocks of one guide share a directory and the shell's variables.
"""

import contextlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from events.log import keys
from projections.engine.ask import ROWS_MAX
from projections.engine.found import found
from services.api import cloudevents, json_text, when
from services.api.routes import asking, importing, reading
from services.settings import Settings, variable
from tests.patience import ENDS_WITHIN_S, wait_until
from tests.services.api.conftest import NODE

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CLIENT = ROOT / "clients" / "python" / "src"
BLOCK_WITHIN_S = 100
BEHIND_A_SERVER = """
import { createServer } from "node:http";
import { Readable } from "node:stream";

const { QILEDGER_URL: ledger, QILEDGER_API_KEY: key } = process.env;
const server = createServer(async (request, response) => {
  const answer = await fetch(`${ledger}/v1/RWK/live?after=0`, { headers: { authorization: `Bearer ${key}` } });
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  Readable.fromWeb(answer.body).pipe(response);
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const here = `http://127.0.0.1:${server.address().port}`;
const Real = globalThis.EventSource;
globalThis.EventSource = class extends Real {
  constructor(path) { super(here + path); }  // a page knows where it came from
};
const show = (event) => { console.log(JSON.stringify(event)); process.exit(0); };
/* the block */
"""
_FENCE = re.compile(r"^```(\w+) (run|shows)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Step(msgspec.Struct, frozen=True):
    """A block to run, and what it is shown to print."""

    language: str
    code: str
    shows: str | None
    line: int


def steps_of(guide: Path) -> list[Step]:
    """The blocks of a guide in order."""
    text = guide.read_text(encoding="utf-8")
    steps: list[Step] = []
    for block in _FENCE.finditer(text):
        language, mark, code = block.groups()
        if mark == "run":
            steps.append(Step(language, code, None, text.count("\n", 0, block.start()) + 1))
        else:
            assert steps, f"{guide.name} shows what nothing printed"
            assert steps[-1].shows is None, f"{guide.name} shows twice what one block printed"
            steps[-1] = msgspec.structs.replace(steps[-1], shows=code)
    return steps


def looks_like(printed: str, shown: str) -> bool:
    """Whether what was printed is what is shown; `…` stands for anything."""
    pattern = ".*?".join(re.escape(part) for part in shown.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


class Reader:
    """Somebody who follows a guide to the letter."""

    def __init__(self, desk: Path, env: dict[str, str]) -> None:
        self.desk = desk
        self._variables = desk / ".variables"
        self._variables.write_text("\n".join(f"export {n}={shlex.quote(v)}" for n, v in env.items()) + "\n")
        self._env = env

    def follow(self, step: Step) -> str:
        """What the block printed. Fails if it ended badly."""
        if step.language == "sql":
            return self._ask(step.code)
        if step.language == "python":
            (self.desk / ".block.py").write_text(step.code)
            code = f"{shlex.quote(sys.executable)} .block.py"
        else:
            code = step.code
        kept = "declare -p | grep -v '^declare -[A-Za-z]*r'"
        script = f"set -euo pipefail\n. ./.variables\n{code}\nset +x; {kept} > .variables\n"
        ran = subprocess.run(
            ["bash", "-c", script],
            cwd=self.desk,
            env=bare_environment(),
            capture_output=True,
            text=True,
            timeout=BLOCK_WITHIN_S,
            check=False,
        )
        assert ran.returncode == 0, f"{step.code}\nended with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
        return ran.stdout

    def _ask(self, statements: str) -> str:
        """What the database answers to an auditor, one row a line; a refusal is an answer too."""
        with psycopg.connect(self._env["AUDITOR_URL"], autocommit=True) as conn:
            conn.execute("SELECT set_config('qiledger.organisation', 'RWK', false)")
            try:
                rows: Sequence[Any] = conn.execute(statements.encode()).fetchall()
            except psycopg.Error as refused:
                return f"ERROR: {refused.diag.message_primary}"
            return "\n".join(" | ".join(str(value) for value in row) for row in rows)


def bare_environment() -> dict[str, str]:
    """Ours, with the commands of this environment first, and without what would lead elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QILEDGER_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return kept | {
        "PATH": path,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{CLIENT}",
        "NO_PROXY": "*",
        "COLUMNS": "120",
    }


@contextlib.contextmanager
def at_work(directory: Path, *words: str, until: str, **settings: str) -> Iterator[str]:
    """A `qiledger` command of the house while it runs, and what it said until it was ready."""
    said = directory / f"{words[0]}.said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.cli", *words],
            env=bare_environment() | {"TMPDIR": str(directory), "COLUMNS": "200"} | settings,
            stdout=out,
            stderr=out,
        )
    try:
        wait_until(
            lambda: process.poll() is not None or until in said.read_text(), within_s=100, what=f"{until!r}"
        )
        assert process.poll() is None, said.read_text()
        yield said.read_text()
    finally:
        process.terminate()
        assert process.wait(ENDS_WITHIN_S) == 0, said.read_text()


def read_env(file: Path) -> dict[str, str]:
    words = shlex.split(file.read_text())
    return dict(word.split("=", 1) for word in words if word != "export")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The demo with real history, as `make demo` shows it: its address, its keys, and an auditor's way in."""
    from services.embedded.places import throwaway_directory

    with throwaway_directory("qiledger-guides-") as directory:
        file = directory / "demo.env"
        words = ("demo", "--port", "0", "--synthetic-projects", "2", "--env-file", str(file))
        with at_work(directory, *words, until="All is loaded"):
            (placard,) = directory.glob("qiledger-demo-*/house.env")
            house = read_env(placard)
            with psycopg.connect(house["QILEDGER_DATABASE_URL"]) as conn:
                conn.execute("ALTER ROLE qiledger_auditor LOGIN")
            auditor = house["QILEDGER_DATABASE_URL"].replace("//postgres@", "//qiledger_auditor@")
            yield read_env(file) | {"AUDITOR_URL": auditor, "QILEDGER_DATA_DIRECTORY": str(placard.parent)}


@pytest.mark.parametrize("name", ["integrators", "dashboards", "auditors", "proof", "live"])
def test_what_a_guide_says_to_do_works_as_it_stands(name: str, demo: dict[str, str], tmp_path: Path):
    reader = Reader(tmp_path, demo)
    steps = steps_of(DOCS / f"{name}.md")
    assert len(steps) > 3
    for step in steps:
        printed = reader.follow(step)
        if step.shows is not None:
            assert looks_like(printed, step.shows), f"{name}.md:{step.line} printed\n{printed}"


def test_the_page_in_the_guide_to_live_streams_hears_what_is_told(demo: dict[str, str], tmp_path: Path):
    """The block for browsers, run by Node with its EventSource, behind a server that adds the key."""
    (block,) = re.findall(
        r"^```javascript\n(.*?)^```$", (DOCS / "live.md").read_text(), re.DOTALL | re.MULTILINE
    )
    (tmp_path / "page.mjs").write_text(BEHIND_A_SERVER.replace("/* the block */", block))
    heard = subprocess.run(
        [NODE, "--experimental-eventsource", "page.mjs"],
        cwd=tmp_path,
        env=bare_environment() | demo,
        capture_output=True,
        text=True,
        timeout=BLOCK_WITHIN_S,
        check=False,
    )
    assert heard.returncode == 0, heard.stderr
    assert re.search(r'"sequence": ?"1"', heard.stdout), heard.stdout


@pytest.mark.parametrize("name", ["operators", "privacy"])
def test_a_guide_for_operators_works_on_a_house_of_its_own(name: str, throwaway: Path, tmp_path: Path):
    home = throwaway / "home"
    with at_work(throwaway, "up", "--port", "0", "--data-directory", str(home), until="is up"):
        reader = Reader(tmp_path, {"QILEDGER_DATA_DIRECTORY": str(home)})
        for step in steps_of(DOCS / f"{name}.md"):
            printed = reader.follow(step)
            if step.shows is not None:
                assert looks_like(printed, step.shows), f"{name}.md:{step.line} printed\n{printed}"


def test_a_wrong_answer_would_be_seen():
    assert looks_like('{"a":1,"b":"x"}\n', '{"a":1,…}')
    assert not looks_like('{"a":2,"b":"x"}', '{"a":1,…}')
    assert not looks_like("201\n200", "201")


def test_the_limits_that_integrators_are_told_are_those_of_the_code():
    told = (DOCS / "integrators.md").read_text()
    limits = told[told.index("## Limits") :]
    for figure in (
        cloudevents.EVENT_BYTES_MAX,
        json_text.DEPTH_MAX,
        cloudevents.BATCH_EVENTS_MAX,
        cloudevents.BATCH_BYTES_MAX,
        importing.LINE_BYTES_MAX,
        reading.LIMIT_MAX,
        reading.WAIT_S_MAX,
    ):
        assert re.search(rf"\b{figure:,}\b", limits), f"{figure:,} is not told"


def test_the_limits_that_dashboards_are_told_are_those_of_the_code():
    told = (DOCS / "dashboards.md").read_text()
    for figure in (ROWS_MAX, asking.LIMIT, int(when.WAIT_S_MAX)):
        assert re.search(rf"\b{figure:,}\b", told), f"{figure:,} is not told"


def test_every_question_that_dashboards_are_told_of_can_be_asked():
    told = re.findall(r"`(\w+)/(\w+)`", (DOCS / "dashboards.md").read_text())
    assert len(told) > 10
    for projection, question in told:
        assert question in found()[projection].questions, f"{projection}/{question}"


def test_operators_are_told_every_setting_and_no_other():
    told = (DOCS / "operators.md").read_text()
    rows = set(re.findall(r"^\| `(QILEDGER_\w+)` \|", told, flags=re.MULTILINE))
    assert rows == {variable(field.name) for field in msgspec.structs.fields(Settings)}


def test_every_scope_of_a_key_is_told():
    told = (DOCS / "operators.md").read_text()
    for scope in (keys.WRITE, keys.READ, keys.ASK):
        assert f"`{scope}`" in told
