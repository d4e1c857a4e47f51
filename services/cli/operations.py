"""`qiledger operations`: what the ledger tells of itself about an organisation, the latest last."""

import json
from typing import Any

import rich_click as click

from events.log.operations import log_of
from events.log.read import FOR_ORGANISATION, record_of
from events.log.record import Record, written
from services.cli.as_worker import Connection, as_worker, codes
from services.cli.listing import listing, print_table

LATEST = """
    SELECT organisation, position, stream, version, source, id, type,
           occurred_at, precise_to, recorded_at, actor, body, leaf
      FROM log.records
     WHERE organisation = %(log)s AND (%(type)s::text IS NULL OR type = %(type)s)
     ORDER BY position DESC
     LIMIT %(limit)s
"""


@click.command("operations")
@click.argument("organisation")
@click.option("--type", "type_", help="Only events of this type, such as requests.refused.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, for scripts.")
def operations(organisation: str, type_: str | None, limit: int, *, as_json: bool) -> None:
    """Show what was refused, which keys were made and revoked, who read as an auditor, who was erased."""
    with as_worker(name="operations") as conn:
        codes(conn, [organisation])
        records = latest(conn, organisation, type_, limit)
    if as_json:
        for record in records:
            click.echo(json.dumps(_plain(record), ensure_ascii=False))
        return
    table = listing("position", "recorded", "type", "told by", "says", right=("position",))
    for record in records:
        moment = f"{record.recorded_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(f"{record.position:,}", moment, record.type, record.actor, record.body)
    print_table(table)


def latest(conn: Connection, organisation: str, type_: str | None, limit: int) -> list[Record]:
    """The latest records of operations, in their order."""
    log = log_of(organisation)
    with conn.transaction():
        conn.execute(FOR_ORGANISATION, (log,))
        rows = conn.execute(LATEST, {"log": log, "type": type_, "limit": limit}).fetchall()
    return [record_of(row) for row in reversed(rows)]


def _plain(record: Record) -> dict[str, Any]:
    return {
        "position": record.position,
        "type": record.type,
        "recorded": written(record.recorded_at),
        "actor": record.actor,
        "data": json.loads(record.body),
    }
