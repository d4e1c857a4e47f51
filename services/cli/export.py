"""`qiledger export`: takes the record of an organisation out of the house, with its proof."""

from pathlib import Path

import psycopg
import rich_click as click
from rich.console import Console

from events.counted import counted
from events.log.export_file import ExportFile
from events.log.exported import Head
from events.log.exporting import BrokenRecord
from events.log.taking import NoSuchRange
from services.cli.as_auditor import as_auditor, connected, speaking
from services.cli.bars import bars, until_interrupted
from services.cli.on_record import fit_for_the_record, note_read, off_the_record
from services.exports import OtherExport, may_be_wanted, note_taken, to_file, wanted


@click.command("export")
@click.argument("organisation")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True,
    help="The file to write; zipped if it ends in .gz.",
)  # fmt: skip
@click.option("--from", "first", type=click.IntRange(1), default=1, help="The first position.")
@click.option(
    "--to",
    "last",
    type=click.IntRange(0),
    help="The last position; by default that of the newest checkpoint.",
)
@click.option("--projections", "with_rows", is_flag=True, help="Also the rows that readers are shown now.")
@click.option(
    "--purpose", default="Audit", show_default=True, help="What for: it stands in the export and on record."
)
@click.option("--for", "taken_for", default="Auditor", show_default=True, help="The role it is taken for.")
@off_the_record
def export(
    organisation: str,
    output: Path,
    *,
    first: int,
    last: int | None,
    with_rows: bool,
    purpose: str,
    taken_for: str,
    off_the_record: bool,
) -> None:
    """Write the log of ORGANISATION to a file that `qiledger verify` proves anywhere, with no database.

    `RWK` is the log of improvement work, `RWK.operations` that of the ledger's own operations. Ctrl-C interrupts; run
    the same again to go on where it stopped. That an export is taken is itself put on record, before any of it is.
    """
    if output.exists():
        raise click.ClickException(f"{output} is there already.")
    console = Console(stderr=True, highlight=False)
    asked = wanted(organisation, first=first, last=last, purpose=purpose, taken_for=taken_for)
    with fit_for_the_record():
        may_be_wanted(asked)
    note = _unnoted if off_the_record else _note
    with until_interrupted(console), as_auditor(name="export") as conn, bars(console) as progress:
        bar = progress.add_task(f"{organisation}", total=None)

        def moved(done: int, of: int) -> None:
            progress.update(bar, completed=done, total=of)

        try:
            file = ExportFile(output)
            head = to_file(conn, asked, file, with_rows=with_rows, on_head=note, on_progress=moved)
        except (OtherExport, NoSuchRange, BrokenRecord) as wrong:
            raise click.ClickException(f"{str(wrong)[:1].upper()}{str(wrong)[1:]}.") from None
    said = f"{counted(head.records, 'record')} of {organisation}: {output}. Next: qiledger verify {output}"
    console.print(said, markup=False, soft_wrap=True)


def _note(head: Head) -> None:
    """Puts it on record that an export is taken; by a way in that may only read, that so much is read."""
    with speaking(), connected(name="export") as conn:
        try:
            note_taken(conn, head)
        except psycopg.errors.InsufficientPrivilege:
            note_read(conn, head.organisation, "qiledger export", first=head.first, last=head.last)


def _unnoted(_head: Head) -> None:
    """Nothing is noted: somebody said so."""
