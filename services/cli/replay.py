"""`qiledger replay`: folds the projections from an export alone, or from a live log, as at any date."""

import csv
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from events.log import taking
from events.log.exporting import BrokenRecord
from events.log.operations import ENDING
from projections.engine.found import found
from projections.engine.memory import data_of
from projections.engine.projection import Projection
from projections.engine.question import Question
from projections.engine.replay import Replay, Target
from projections.moments import last_moment
from projections.spreadsheets import cell
from services.cli.as_auditor import as_auditor
from services.cli.on_record import note_read, off_the_record
from services.embedded.binaries import NoServerFound
from services.replaying import (
    DoesNotHold,
    ask_replay,
    asks_of,
    day_of,
    head_of_file,
    read_file,
    read_log,
    throwaway_database,
)

EVERYTHING = 2**62


class Moment(click.ParamType[datetime]):
    """A day, month, year or instant; it ends with its last moment in UTC."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The last moment of what was written."""
        if isinstance(value, datetime):
            return value
        try:
            return last_moment(value)
        except ValueError:
            self.fail("write it as 2022-05-20, 2022-05, 2022 or 2022-05-20T09:30:00Z", param, ctx)


@click.command("replay")
@click.argument("source")
@click.option("--as-at", type=Moment(), help="Only what had happened by then: 2022-05-20, 2022-05, 2022.")
@click.option("--as-known", type=Moment(), help="Only what had been told by then.")
@click.option("--projection", "name", help="Print the rows of this projection.")
@click.option("--question", help="Ask this question of it, in a Postgres that is thrown away afterwards.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of the question.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option("--json", "form", flag_value="json", help="Print one JSON object a line.")
@off_the_record
def replay(
    source: str,
    *,
    as_at: datetime | None,
    as_known: datetime | None,
    name: str | None,
    question: str | None,
    settings: Sequence[str],
    form: str | None,
    off_the_record: bool,
) -> None:
    """Fold the projections from SOURCE: the file of an export, or the code of an organisation whose log is here.

    Without --projection: how many rows each has, and one number over them, the same wherever they are made. An export
    is verified while it is read, and a log's leaves are made anew; what does not hold is not folded: status 1. That a
    log was read is itself put on record.
    """
    wanted = [_projection(name)] if name is not None else list(found().values())
    asked = _question(wanted[0], question) if question is not None and name is not None else None
    if question is not None and asked is None:
        raise click.UsageError("A question is asked of a projection: give --projection too.")
    console = Console(highlight=False)
    with ExitStack() as stack:
        organisation, position, folding = _read(
            stack, source, wanted, as_at=as_at, as_known=as_known, off_the_record=off_the_record
        )
        if asked is not None:
            rows = _answered(
                folding, wanted[0], asked, settings, organisation=organisation, position=position,
                on=as_at or as_known,
            )  # fmt: skip
            _print(console, asked.answers.__struct_encode_fields__, rows, form)
        elif name is not None:
            keyed = sorted(folding.rows(name), key=lambda pair: pair[0])
            fields = ("key", *wanted[0].row.__struct_encode_fields__)
            _print(console, fields, [{"key": key} | (data_of(row) or {}) for key, row in keyed], form)
        else:
            _print(console, ("projection", "revision", "rows", "digest"), folding.digests(), form)


def is_file(source: Path) -> bool:
    """Whether a source is the file of an export; else it is the name of a log. Raises ClickException."""
    if source.is_dir():
        raise click.ClickException(f"{source} is a directory: give the file of an export.")
    may_be_a_log = source.name == str(source) and "." not in source.name.removesuffix(ENDING)
    if not source.exists() and not may_be_a_log:
        raise click.ClickException(f"There is no file {source}, and no organisation has such a code.")
    return source.exists()


def _projection(name: str) -> Projection[Any]:
    if name not in found():
        raise click.UsageError(f"There is no projection {name!r}. There are: {', '.join(found())}.")
    return found()[name]


def _question(projection: Projection[Any], name: str) -> Question[Any, Any]:
    if name not in projection.questions:
        raise click.UsageError(
            f"{projection.name} has no such question. It has: {', '.join(projection.questions)}."
        )
    return projection.questions[name]


def _read(
    stack: ExitStack,
    source: str,
    wanted: Sequence[Projection[Any]],
    *,
    as_at: datetime | None,
    as_known: datetime | None,
    off_the_record: bool,
) -> tuple[str, int, Replay]:
    """The organisation, the last position, and a replay that has all of it."""
    path = Path(source)
    targets = [Target(projection, EVERYTHING) for projection in wanted]
    try:
        if is_file(path):
            head = head_of_file(path)
            records = min(head.records, 10_000_000)
            folding = stack.enter_context(
                Replay(targets, records=records, occurred_until=as_at, recorded_until=as_known)
            )
            verdict = read_file(path, folding)
            if verdict.first != 1:
                raise click.ClickException("A replay begins with the first record: export the whole log.")
            return verdict.organisation, verdict.last, folding
        with as_auditor(name="replay") as conn:
            last = taking.head_position(conn, source)
            if not off_the_record:
                note_read(conn, source, "qiledger replay", first=1, last=last)
            folding = stack.enter_context(
                Replay(targets, records=last, occurred_until=as_at, recorded_until=as_known)
            )
            read_log(conn, source, folding, until=last)
            return source, last, folding
    except (DoesNotHold, BrokenRecord) as wrong:
        raise click.ClickException(f"{str(wrong)[:1].upper()}{str(wrong)[1:]}.") from None


def _answered(
    folding: Replay,
    projection: Projection[Any],
    question: Question[Any, Any],
    settings: Sequence[str],
    *,
    organisation: str,
    position: int,
    on: datetime | None,
) -> list[Any]:
    given = dict(text.partition("=")[::2] for text in settings)
    try:
        asks = asks_of(question, given, day_of(on, datetime.now(UTC)))
    except msgspec.ValidationError as wrong:
        raise click.UsageError(f"{wrong}. Give it with --set NAME=VALUE.") from None
    try:
        with throwaway_database(organisation) as url:
            return ask_replay(
                url, folding, projection, question, asks, organisation=organisation, position=position
            )
    except NoServerFound as none:
        raise click.ClickException(f"Questions are SQL, and want a Postgres to ask. {none}") from None


def _print(console: Console, fields: Sequence[str], rows: Sequence[Any], form: str | None) -> None:
    plain = [row if isinstance(row, dict) else msgspec.to_builtins(row) for row in rows]
    if form == "json":
        for row in plain:
            click.echo(msgspec.json.encode(row))
    elif form == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(fields)
        writer.writerows([cell(row.get(field)) for field in fields] for row in plain)
    else:
        table = Table(*fields, box=None)
        for row in plain:
            table.add_row(*(escape(_shown(row.get(field))) for field in fields))
        console.print(table)


def _shown(value: Any) -> str:
    """A value in the terminal, which runs no formulas."""
    return "" if value is None else value if isinstance(value, str) else str(cell(value))
