"""`qiledger audit`: are the rows that readers are shown what the records make, and is the log what was sealed."""

from pathlib import Path

import msgspec
import psycopg
import rich_click as click
from rich.console import Console
from rich.markup import escape

from events.counted import counted
from events.log import fsck, taking
from events.log.exporting import BrokenRecord
from events.log.notes import NoteKey, WrongNoteKey
from events.log.verdict import Verdict
from projections.engine.found import found
from projections.engine.replay import Compared, Replay, Target
from projections.engine.shown import ONE_SNAPSHOT, Shown, rows_shown, shown
from services.cli.as_auditor import Connection, as_auditor
from services.cli.on_record import note_read, off_the_record
from services.cli.verify import print_compared
from services.replaying import DoesNotHold, head_of_file, read_file, read_log

DIFFERS = 1


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit found."""

    organisation: str
    agrees: bool
    compared: list[Compared]
    passed_over: list[str]
    flaws: list[str]


@click.command("audit")
@click.argument("organisation")
@click.option(
    "--export", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Fold this export instead of the live log, which is then compared with it record by record.",
)  # fmt: skip
@click.option(
    "--public-key",
    "keys",
    multiple=True,
    help="A key that may have signed the log, as noted elsewhere.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
@off_the_record
def audit(
    organisation: str, file: Path | None, keys: tuple[str, ...], *, as_json: bool, off_the_record: bool
) -> None:
    """Compare what readers of ORGANISATION are shown with what the records make of it, row by row, field by field.

    Reads only, in one short snapshot: each projection is compared at the very position that its rows reflect. The
    leaves of the log are made anew; with a key its tiles and checkpoints are too. That it was read is itself put on
    record. Ends with status 1 if anything differs, or the export or the log does not hold; 2 if the export is another.
    """
    try:
        known = [NoteKey.read(text) for text in keys]
    except WrongNoteKey as wrong:
        raise click.UsageError(f"{wrong}.") from None
    with as_auditor(name="audit") as conn:
        last = taking.head_position(conn, organisation)
        if not off_the_record:
            note_read(conn, organisation, "qiledger audit", first=1, last=last)
        try:
            result = _audited(conn, organisation, file, known)
        except (DoesNotHold, BrokenRecord) as wrong:
            raise click.ClickException(f"{str(wrong)[:1].upper()}{str(wrong)[1:]}.") from None
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(result)))
    else:
        _print(result)
    if not result.agrees:
        raise SystemExit(DIFFERS)


def _audited(conn: Connection, organisation: str, file: Path | None, keys: list[NoteKey]) -> Audit:
    head = taking.head_position(conn, organisation)
    with Replay([], records=head) as replay:
        there = _take_rows(conn, organisation, replay)
        until = max((one.position for one in there if one.readable), default=0)
        flaws: list[str] = []
        begun = 0
        if file is not None:
            verdict = _from_file(file, organisation, replay)
            begun = verdict.last
            flaws += _unlike(conn, organisation, verdict)
        if begun < until:
            read_log(conn, organisation, replay, after=begun, until=until)
        compared = replay.compare()
    if keys:
        flaws += _flaws(conn, organisation, keys)
    return Audit(
        organisation=organisation,
        agrees=not flaws and all(each.agrees for each in compared),
        compared=compared,
        passed_over=[one.projection.name for one in there if not one.readable],
        flaws=flaws,
    )


def _take_rows(conn: Connection, organisation: str, replay: Replay) -> list[Shown]:
    with conn.transaction():
        conn.execute(ONE_SNAPSHOT)
        there = shown(conn, organisation, found().values())
        for one in there:
            if one.readable:
                replay.targets[one.projection.name] = Target(one.projection, one.position)
                for key, row in rows_shown(conn, organisation, one):
                    replay.add_row(one.projection.name, key, row)
    return there


def _from_file(file: Path, organisation: str, replay: Replay) -> Verdict:
    head = head_of_file(file)
    if (head.organisation, head.first) != (organisation, 1):
        has = f"records {head.first:,} to {head.last:,} of {head.organisation}"
        raise click.UsageError(f"{file} is no export of the whole log of {organisation}: it has {has}.")
    return read_file(file, replay)


def _unlike(conn: Connection, organisation: str, verdict: Verdict) -> list[str]:
    """Whether the live log still begins with what was exported."""
    root = taking.tree_up_to(conn, organisation, verdict.last).root().hex()
    if root == verdict.root:
        return []
    return [f"the first {verdict.last:,} records of the live log are not those of the export"]


def _flaws(conn: Connection, organisation: str, keys: list[NoteKey]) -> list[str]:
    try:
        with conn.transaction():
            conn.execute(fsck.SNAPSHOT)
            return [f"{flaw.where}: {flaw.what}" for flaw in fsck.flaws(conn, organisation, keys)]
    except psycopg.errors.InsufficientPrivilege:
        raise click.ClickException("This URL may not read the proof of the log.") from None


def _print(result: Audit) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for compared in result.compared:
        print_compared(console, compared)
    for name in result.passed_over:
        console.print(f"[yellow]–[/] {escape(name)}: shown by another revision of the code; not compared")
    for flaw in result.flaws:
        console.print(f"[bold red]✗[/] {escape(flaw)}")
    rows = sum(compared.rows for compared in result.compared)
    if result.agrees:
        console.print(
            f"[bold green]No differences[/] in {counted(rows, 'row')} of {counted(len(result.compared), 'projection')}."
        )
    else:
        console.print("[bold red]There are differences.[/]")
