"""`qiledger verify`: proves an export with no database, no network and no setting, or names what is wrong with it."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape

from events.counted import counted
from events.log.earlier import Unreadable, earlier_in
from events.log.export_file import Damaged, lines_of
from events.log.lines import Line
from events.log.notes import NoteKey, WrongNoteKey
from events.log.verdict import Earlier, Verdict
from events.log.verifying import Verifier
from projections.engine.found import found
from projections.engine.replay import Compared, Replay, Target
from services.cli.bars import bars

WRONG, UNREADABLE = 1, 2
TOLD_EVERY = 5_000  # records
EXPECTED_MAX = 10_000_000


class Unanswerable(click.ClickException):
    """What was given cannot be read: that is neither proof nor disproof."""

    exit_code = UNREADABLE


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict, what was compared, and how long it took."""

    holds: bool
    verdict: Verdict
    replayed: list[Compared]
    seconds: float


@click.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--checkpoint", "checkpoints", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An older checkpoint of this log, as kept elsewhere: the signed note, or its three lines.",
)  # fmt: skip
@click.option(
    "--receipt", "receipts", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A proof that a record was in the log (c2sp.org/tlog-proof).",
)  # fmt: skip
@click.option(
    "--public-key", "keys", multiple=True, help="A key that may vouch, as name+id+key, as noted elsewhere."
)
@click.option("--unsigned", is_flag=True, help="Let an export pass that no checkpoint has signed.")
@click.option("--replay", is_flag=True, help="Fold the projections, and compare with the rows in the export.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def verify(
    file: Path,
    checkpoints: Sequence[Path],
    receipts: Sequence[Path],
    keys: Sequence[str],
    *,
    unsigned: bool,
    replay: bool,
    as_json: bool,
) -> None:
    """Recompute everything in an export: bytes, order, hashes, tree, signature.

    With an older checkpoint it also proves that history was only added to since. Ends with status 0 if all holds, 1 if
    something is wrong, 2 if what was given cannot be read.
    """
    known = _keys(keys)
    earlier = [_earlier(path, known) for path in (*checkpoints, *receipts)]
    began = time.monotonic()
    verdict, compared = _verified(file, known, earlier, unsigned=unsigned, replay=replay)
    holds = verdict.holds and all(each.agrees for each in compared)
    result = Result(holds=holds, verdict=verdict, replayed=compared, seconds=time.monotonic() - began)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(result)))
    else:
        _print(result, earlier)
    if not holds:
        raise SystemExit(WRONG)


def _keys(texts: Sequence[str]) -> list[NoteKey]:
    try:
        return [NoteKey.read(text) for text in texts]
    except WrongNoteKey as wrong:
        raise Unanswerable(f"{wrong}.") from None


def _earlier(path: Path, keys: Sequence[NoteKey]) -> Earlier:
    try:
        return earlier_in(path.read_bytes(), keys, called=path.name)
    except (Unreadable, OSError) as wrong:
        raise Unanswerable(f"{path}: {wrong}.") from None


def _verified(
    file: Path, keys: Sequence[NoteKey], earlier: Sequence[Earlier], *, unsigned: bool, replay: bool
) -> tuple[Verdict, list[Compared]]:
    with Verifier(keys=keys, earlier=earlier, unsigned=unsigned) as verifier:
        lines = lines_of(file)
        _begin(verifier, lines)
        head = verifier.head
        records = min(head.records if head else 0, EXPECTED_MAX)
        with Replay([], records=records) as replaying, bars(Console(stderr=True)) as progress:
            bar = progress.add_task("verifying", total=records or None)
            if replay:
                verifier.on_row = lambda rows, row: replaying.add_row(
                    rows.projection, row.key, bytes(row.row)
                )

            def look(text: bytes, line: Line, _: bytes) -> None:
                if replay:
                    replaying.add_line(line.stream, text)
                if line.position % TOLD_EVERY == 0:
                    progress.update(bar, completed=line.position - (head.first if head else 1))

            verifier.on_line = look
            try:
                for text in lines:
                    verifier.take(text)
            except Damaged as wrong:
                verifier.damaged(str(wrong))
            verdict = verifier.finish()
            if not replay or not verdict.holds:
                return verdict, []
            for name, rows in verifier.rows.items():
                if name not in found() or found()[name].revision != rows.revision:
                    raise Unanswerable(
                        f"This version makes other rows of {name}: use the version that exported them."
                    )
                replaying.targets[name] = Target(found()[name], rows.position)
            return verdict, replaying.compare()


def _begin(verifier: Verifier, lines: Iterator[bytes]) -> None:
    """Takes the first line, if there is one that can be read."""
    try:
        for text in lines:
            verifier.take(text)
            return
    except Damaged as wrong:
        verifier.damaged(str(wrong))


def _print(result: Result, earlier: Sequence[Earlier]) -> None:
    console, verdict = Console(highlight=False, soft_wrap=True), result.verdict
    for sentence in _head(verdict):
        console.print(escape(sentence))
    for finding in verdict.findings:
        console.print(f"[bold red]✗[/] {escape(str(finding))}")
    if verdict.findings_more:
        console.print(f"[bold red]✗[/] and {verdict.findings_more:,} more")
    if verdict.holds:
        for sentence in _proven(verdict, earlier):
            console.print(f"[green]✓[/] {escape(sentence)}")
    for compared in result.replayed:
        print_compared(console, compared)
    speed = verdict.records / result.seconds if result.seconds else 0
    console.print(
        f"[dim]{counted(verdict.records, 'record')} in {result.seconds:.1f} s, {speed:,.0f} a second[/]"
    )
    console.print("[bold green]It holds.[/]" if result.holds else "[bold red]It does not hold.[/]")


def _head(verdict: Verdict) -> list[str]:
    head = verdict.head
    if head is None:
        return ["The first line is not that of an export of qiledger: another file, or a damaged one."]
    return [
        f"{head.organisation}, records {head.first:,} to {head.last:,}, taken {head.made_at} by {head.made_by} "
        f"for {head.taken_for}: {head.purpose}"
    ]


def _proven(verdict: Verdict, earlier: Sequence[Earlier]) -> list[str]:
    """What holds, and what that rests on."""
    told = [
        f"{counted(verdict.records, 'record')}, every byte as it was kept; positions and versions run without a gap",
        f"root {verdict.root}",
    ]
    if not verdict.streams_whole:
        told[0] += " from the first that is here"
    if verdict.checkpoint_size is None:
        told.append(
            "no checkpoint: nobody has signed this. Compare the root with one that you noted yourself"
        )
    told += [
        f"the checkpoint of {verdict.origin} over {counted(verdict.checkpoint_size or 0, 'record')} is signed by {key}"
        for key in verdict.signed_by
    ]
    if verdict.signed_by and not verdict.key_was_given:
        told.append(
            "that key is the one the export names: compare it with one noted elsewhere, or give --public-key"
        )
    return told + [_still_so(each) for each in earlier]


def _still_so(each: Earlier) -> str:
    """What an older checkpoint or a receipt proves of what is here."""
    made_for = f"the first {counted(each.size, 'record')}" + (" is that" if each.size == 1 else " are those")
    receipt = "" if each.index is None else f"record {each.index + 1:,} is the one it is a receipt for; "
    return f"{each.called}: {receipt}{made_for} it was made for; since then only added to"


def print_compared(console: Console, compared: Compared) -> None:
    """What was compared of a projection, row by row where it differs."""
    name = f"{compared.projection}, as of record {compared.position:,}"
    if compared.agrees:
        console.print(f"[green]✓[/] {name}: {counted(compared.rows, 'row')}, all as the records make them")
        return
    console.print(
        f"[bold red]✗[/] {name}: {counted(len(compared.mismatches) + compared.more, 'row differs', 'rows differ')}"
    )
    for mismatch in compared.mismatches:
        positions = ", ".join(f"{position:,}" for position in mismatch.positions)
        console.print(
            f"  {escape(mismatch.key)} is {mismatch.what}; the records of its stream: {positions or 'none'}"
        )
        for field in mismatch.fields:
            console.print(
                f"    {field.name}: shown {escape(repr(field.shown))}, folded {escape(repr(field.folded))}"
            )
    if compared.more:
        console.print(f"  and {compared.more:,} more")
