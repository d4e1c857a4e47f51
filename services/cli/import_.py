"""`qiledger import`: brings a file of history to an API, and says of each line what became of it."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import rich_click as click
from rich.console import Console

from services.cli.bars import INTERRUPTED
from services.importing import cloud_events, public_history
from services.importing.bringing import bring, lines_of
from services.importing.reading import Reader
from services.importing.sending import CannotTell, Ledger
from services.importing.showing import Report, checks_table, line_said, progress_on, report_to, summary_table

URL = "http://127.0.0.1:8080"


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", default=None, help=f"Where the API is; QILEDGER_URL, else {URL}.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    help="An API key; RWK=qi_live_… where the file tells of several organisations. "
    "QILEDGER_API_KEY_<organisation> and QILEDGER_API_KEY by default.",
)
@click.option("--organisation", help="Whose log, if the key is for one: needed for CloudEvents.")
@click.option(
    "--dry-run", is_flag=True, help="Check each line at the door, and keep nothing; the log is not asked."
)
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write each outcome as NDJSON."
)
@click.option("--quiet", is_flag=True, help="Print the summary only.")
def import_(
    file: Path,
    url: str | None,
    keys: tuple[str, ...],
    organisation: str | None,
    report: Path | None,
    *,
    dry_run: bool,
    quiet: bool,
) -> None:
    """Bring a history: published facts (see docs/published-history.md), or CloudEvents, one a line.

    Original dates and their precision are kept. Bringing a file again keeps nothing twice, and is how an interrupted
    import goes on. Ends with status 1 if some line was refused, not understood, or had no key.
    """
    console = Console()
    try:
        reader = _reader(file, organisation)
        named = _keys(keys, organisation)
        where = url or os.environ.get("QILEDGER_URL") or URL
        with contextlib.ExitStack() as stack, report_to(report) as written:
            ledgers = {
                code: stack.enter_context(Ledger(where, code, key, dry_run=dry_run))
                for code, key in named.items()
            }
            _bring(file, ledgers, reader, written, console, quiet=quiet)
            _sum_up(written, console)
            if written.troubled:
                raise SystemExit(1)
    except CannotTell as wrong:
        raise click.ClickException(
            f"{wrong}\nWhat was answered is kept; run the same again to go on."
        ) from None
    except KeyboardInterrupt:
        console.print("Interrupted. What was answered is kept; run the same again to go on.")
        raise SystemExit(INTERRUPTED) from None


def _bring(
    file: Path, ledgers: Mapping[str, Ledger], read: Reader, report: Report, console: Console, *, quiet: bool
) -> None:
    with file.open("rb") as opened, progress_on(console) as progress:
        bar = progress.add_task(file.name, total=_count(file))
        for outcome in bring(lines_of(opened), ledgers, read):
            report.take(outcome)
            progress.advance(bar)
            if not quiet:
                progress.console.print(line_said(outcome), highlight=False, soft_wrap=True)


def _sum_up(report: Report, console: Console) -> None:
    console.print(summary_table(report))
    if report.checks:
        console.print(checks_table(report.checks))


def _count(file: Path) -> int:
    """How many lines there are, for the bar."""
    with file.open("rb") as opened:
        return sum(1 for line in lines_of(opened) if line.strip())


def _reader(file: Path, organisation: str | None) -> Reader:
    """How the file is to be read, by its first line."""
    with file.open("rb") as opened:
        first = next(_with_words(opened), b"")
    if b'"specversion"' not in first:
        return public_history.read
    if organisation is None:
        raise click.UsageError(
            "The file holds CloudEvents, which do not say whose they are: give --organisation."
        )
    return cloud_events.reader(organisation)


def _with_words(file: IO[bytes]) -> Iterator[bytes]:
    return (line for line in lines_of(file) if line.strip())


def _keys(given: tuple[str, ...], organisation: str | None) -> dict[str, str]:
    """The key for each organisation: as given, else from the environment."""
    keys = {}
    for text in given or _from_environment(organisation):
        code, _, key = text.rpartition("=")
        code = code or organisation or ""
        if not code:
            raise click.UsageError("Say whose key it is: --key RWK=qi_live_…, or --organisation RWK.")
        keys[code] = key
    if organisation is not None:
        keys = {code: key for code, key in keys.items() if code == organisation}
    if not keys:
        raise click.UsageError("A key is needed: --key RWK=qi_live_…, or QILEDGER_API_KEY_RWK.")
    return keys


def _from_environment(organisation: str | None) -> list[str]:
    """What QILEDGER_API_KEY_<organisation> say; QILEDGER_API_KEY is for the one that is asked for, unless they do."""
    prefix = "QILEDGER_API_KEY_"
    found = {
        name.removeprefix(prefix): key
        for name, key in sorted(os.environ.items())
        if name.startswith(prefix) and key
    }
    single = os.environ.get("QILEDGER_API_KEY")
    if single and organisation:
        found.setdefault(organisation, single)
    return [f"{code}={key}" for code, key in found.items()]
