"""Loading whole histories into a house that is up, and waiting until everything made from them is there."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import psycopg
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from events.counted import counted
from projections.engine.advance import behind
from services.importing import public_history, synthetic_history
from services.importing.bringing import bring, lines_of
from services.importing.now_and_then import NowAndThen, ProgressInLines
from services.importing.reading import Wire
from services.importing.sending import CannotTell, Ledger, in_batches
from services.importing.showing import Report, progress_on, report_to
from services.importing.telling import Telling

CAUGHT_UP_WITHIN_S = 600.0
LOOK_EVERY_S = 0.1


class CatchUpTooSlow(Exception):
    """Projections are still behind the log; the message says which."""


def load_public(file: Path, url: str, keys: Mapping[str, str], console: Console) -> Report:
    """Brings the published history, and sums up. Raises CannotTell, also if any line came to nothing."""
    with (
        ExitStack() as stack,
        report_to(None) as report,
        file.open("rb") as opened,
        progress_on(console, kind=ProgressInLines) as progress,
    ):
        ledgers = {code: stack.enter_context(Ledger(url, code, key)) for code, key in keys.items()}
        total = sum(1 for _ in lines_of(opened))
        opened.seek(0)
        bar = progress.add_task("Loading published history", total=total)
        for outcome in bring(lines_of(opened), ledgers, public_history.read):
            report.take(outcome)
            progress.advance(bar)
            if outcome.why is not None:
                raise CannotTell(f"{outcome.name} was not kept: {outcome.why}")
    console.print(f"Published history: {_told(report)}.")
    console.print(f"{counted(len(report.checks), 'published figure')} to check what is counted here against.")
    return report


def _told(report: Report) -> str:
    """How many events of each organisation there are: `RV3 105 events, RWK 318 events`."""
    events: Counter[str] = Counter()
    for (organisation, became), number in report.events.items():
        if became in ("kept", "known"):
            events[organisation] += number
    return ", ".join(f"{code} {counted(number, 'event')}" for code, number in sorted(events.items()))


def load_synthetic(url: str, key: str, console: Console, *, projects: int, seed: int) -> int:
    """Tells an invented history. How many events that was."""
    total = 0
    with Ledger(url, synthetic_history.ORGANISATION, key) as ledger, _through_time(console) as progress:
        bar = progress.add_task("Loading invented history", total=1.0, events=0, until="")
        tellings = synthetic_history.histories(seed, projects=projects)
        for batch, told_of in _batches(tellings):
            for answer in ledger.tell(batch):
                if answer.problem is not None:
                    raise CannotTell(f"An invented event was not kept: {answer.why}")
            total += len(batch)
            way = (told_of.occurred_at - synthetic_history.BEGINS) / (
                synthetic_history.ENDS - synthetic_history.BEGINS
            )
            progress.update(bar, completed=way, events=total, until=f"{told_of.occurred_at:%B %Y}")
    console.print(f"Invented history of {synthetic_history.ORGANISATION}: {counted(total, 'event')}.")
    return total


def _batches(tellings: Iterator[Telling]) -> Iterator[tuple[list[Wire], Telling]]:
    """Some events at a time, with the last of them."""
    last: list[Telling] = []

    def wires() -> Iterator[Wire]:
        for telling in tellings:
            last[:] = [telling]
            yield telling.wire()

    for batch in in_batches(wires()):
        yield batch, last[0]


def _through_time(console: Console) -> Progress:
    return ProgressInLines(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=32),
        TextColumn("{task.fields[until]}  {task.fields[events]:,} events"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


def wait_until_caught_up(worker_url: str, console: Console, *, organisations: tuple[str, ...]) -> None:
    """Returns when every projection of these organisations has come to the head. Raises CatchUpTooSlow."""
    deadline = time.monotonic() + CAUGHT_UP_WITHIN_S
    with (
        psycopg.connect(worker_url, autocommit=True, application_name="qiledger waits") as conn,
        console.status("Projections are catching up") as status,
    ):
        lines = NowAndThen(console)
        while lags := [lag for lag in behind(conn) if lag.organisation in organisations]:
            records = max(lag.head - lag.position for lag in lags)
            names = sorted({lag.projection for lag in lags})
            said = f"Projections are catching up: {', '.join(names)}, at most {records:,} records behind"
            status.update(said)
            lines.say(said)
            if time.monotonic() > deadline:
                raise CatchUpTooSlow(f"After {CAUGHT_UP_WITHIN_S:.0f} s still behind: {', '.join(names)}")
            time.sleep(LOOK_EVERY_S)
