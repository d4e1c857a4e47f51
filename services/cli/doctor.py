"""`qiledger doctor` and `qiledger status`: is everything there, safe and fresh."""

import os
from collections.abc import Iterable
from typing import Any

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.cli.as_worker import as_worker
from services.examining import Where, examine
from services.examining_channels import examine_channels
from services.finding import Finding, State
from services.proving import believed, whole_proof
from services.settings import Settings, WrongSettings
from services.whole_house import house_at

MARKS: dict[State, str] = {"well": "[green]well[/]", "mind": "[yellow]mind[/]", "wrong": "[bold red]wrong[/]"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
@click.option(
    "--proof", is_flag=True, help="Make everything that was sealed again from the records, and compare."
)
def doctor(*, as_json: bool, proof: bool) -> None:
    """Look at everything, and say what to do about what is not well.

    Looks where QILEDGER_URL, QILEDGER_DATABASE_URL and QILEDGER_REDIS_URL say, else at the house that is up at the data
    directory. Ends with status 1 if something is wrong.
    """
    where = _where()
    findings = [*examine(where), *examine_channels(Settings.read(), where.database)]
    findings += _whole_proof() if proof else []
    _print(findings, as_json=as_json)
    if any(finding.state == "wrong" for finding in findings):
        raise SystemExit(1)


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def status(*, as_json: bool) -> None:
    """Say in a few lines how the house is: what answers, how far each log has come, what is behind."""
    shown = ("API", "database", "schema", "doorbell", "projections")
    findings = [
        finding
        for finding in examine(_where())
        if finding.state != "well" or finding.what in shown or finding.what.startswith(("log ", "queue "))
    ]
    _print(findings, as_json=as_json)


def _whole_proof() -> list[Finding]:
    with as_worker(name="doctor") as conn:
        return list(whole_proof(conn, believed(Settings.read())))


def _where() -> Where:
    try:
        settings = Settings.read()
    except WrongSettings as wrong:
        raise click.ClickException(str(wrong)) from None
    up = house_at(settings.data_directory)
    return Where(
        api=os.environ.get("QILEDGER_URL") or up.get("QILEDGER_URL"),
        database=settings.database_url or up.get("QILEDGER_DATABASE_URL"),
        redis=settings.redis_url or up.get("QILEDGER_REDIS_URL"),
    )


def _print(findings: Iterable[Finding], *, as_json: bool) -> None:
    if as_json:
        plain: Any = [msgspec.structs.asdict(finding) for finding in findings]
        click.echo(msgspec.json.format(msgspec.json.encode(plain)))
        return
    table = Table("what", "is", box=None, pad_edge=False)
    table.add_column("", overflow="fold")
    for finding in findings:
        cure = f"\n[dim]→ {escape(finding.cure)}[/]" if finding.cure and finding.state != "well" else ""
        table.add_row(escape(finding.what), MARKS[finding.state], escape(finding.said) + cure)
    Console(highlight=False).print(table)
