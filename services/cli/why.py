"""`qiledger why`: why is this so, and what happened to this."""

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape

from events.log import taking
from events.log.export_file import Damaged, lines_of
from events.log.exported import RECORD
from events.log.lines import NotCanonical, moments_of, read_line, record_of
from events.log.merkle import leaf_hash
from events.log.read import FOR_ORGANISATION, STREAM
from events.log.read import record_of as record_of_row
from events.log.record import Record
from projections.engine.found import found
from projections.engine.spool import stream_of
from projections.engine.why import NoSuchKey, Reasons, Step, history
from projections.engine.why import why as reasons_of
from services.cli.as_auditor import as_auditor
from services.cli.on_record import note_read, off_the_record
from services.cli.replay import Moment, is_file
from services.replaying import DoesNotHold, head_of_file

RECORDS_MAX = 1_000_000

WORDS = {
    "counts": "counts",
    "changes_nothing": "changes nothing",
    "puts_right": "puts right",
    "retracted": "retracted: does not count",
    "could_not_be_digested": "could not be digested",
    "waits": "waits",
}


@click.command("why")
@click.argument("source")
@click.argument("key")
@click.option(
    "--projection", "name", help="Whose row; without it, what happened to the thing that KEY names."
)
@click.option("--as-at", type=Moment(), help="Only what had happened by then.")
@click.option("--as-known", type=Moment(), help="Only what had been told by then.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
@off_the_record
def why(
    source: str,
    key: str,
    *,
    name: str | None,
    as_at: datetime | None,
    as_known: datetime | None,
    as_json: bool,
    off_the_record: bool,
) -> None:
    """Show the records that made the row KEY, such as project/P-17, with the row before and after each.

    SOURCE is the code of an organisation whose log is here, or the file of an export (verify that first). That a log
    was read is itself put on record.
    """
    if name is not None and name not in found():
        raise click.UsageError(f"There is no projection {name!r}. There are: {', '.join(found())}.")
    read = _records(source, stream_of(key), off_the_record=off_the_record)
    records = [one for one in read if _counts(one, as_at, as_known)]
    if not records:
        kind = "" if "/" in key else f" A thing is named by its kind too, such as project/{key}."
        raise click.ClickException(f"Nothing is on record of {stream_of(key)}.{kind}")
    try:
        told = (
            Reasons(key=key, row=None, steps=history(records))
            if name is None
            else reasons_of(found()[name], key, records)
        )
    except NoSuchKey as wrong:
        raise click.ClickException(f"{wrong}.") from None
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(told)))
    else:
        _print(told, with_row=name is not None)


def _records(source: str, stream: str, *, off_the_record: bool) -> list[Record]:
    if is_file(Path(source)):
        return list(_from_file(Path(source), stream))
    with as_auditor(name="why") as conn:
        taking.head_position(conn, source)  # or there is no such log
        with conn.transaction():
            conn.execute(FOR_ORGANISATION, (source,))
            asked = {"organisation": source, "stream": stream, "after": 0, "limit": RECORDS_MAX}
            records = [record_of_row(row) for row in conn.execute(STREAM, asked, binary=True)]
        if records and not off_the_record:
            positions = [record.position for record in records]
            note_read(conn, source, "qiledger why", first=min(positions), last=max(positions))
    return records


def _from_file(path: Path, stream: str) -> list[Record]:
    records = []
    try:
        head_of_file(path)
        for text in lines_of(path):
            if text.startswith(RECORD):
                line = read_line(text[:-1])
                moments_of(line)
                if line.stream == stream:
                    records.append(record_of(line, leaf_hash(text[:-1])))
    except (Damaged, NotCanonical) as wrong:
        raise click.ClickException(f"The export is damaged ({wrong}): qiledger verify {path}") from None
    except DoesNotHold as wrong:
        raise click.ClickException(f"{str(wrong)[:1].upper()}{str(wrong)[1:]}.") from None
    return records


def _counts(record: Record, as_at: datetime | None, as_known: datetime | None) -> bool:
    return (as_at is None or record.occurred_at <= as_at) and (
        as_known is None or record.recorded_at <= as_known
    )


def _print(told: Reasons, *, with_row: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for step in told.steps:
        console.print(f"[bold]{step.occurred}[/]  {escape(step.type)}  [dim]record {step.position:,}[/]")
        console.print(
            f"    told by {escape(step.actor)} from {escape(step.source)}, recorded {step.recorded}"
        )
        console.print(f"    {_standing(step)}")
        for field, before, after in _changes(step) if with_row else ():
            console.print(f"    {field}: {escape(before)} → {escape(after)}")
    if with_row:
        console.print(f"[bold]{escape(told.key)}[/]" + (" has no row" if told.row is None else " is now"))
        for field, value in (told.row or {}).items():
            console.print(f"    {field}: {escape(_said(value))}")


def _standing(step: Step) -> str:
    said = WORDS[step.standing]
    for word, positions in (
        ("", step.puts_right),
        ("retracted by ", step.retracted_by),
        ("corrected by ", step.corrected_by),
    ):
        if positions:
            said += f" {word}record " + ", ".join(f"{position:,}" for position in positions)
    return said


def _changes(step: Step) -> list[tuple[str, str, str]]:
    before, after = step.before or {}, step.after or {}
    return [
        (name, _said(before.get(name)), _said(after.get(name)))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    ]


def _said(value: Any) -> str:
    return "–" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()
