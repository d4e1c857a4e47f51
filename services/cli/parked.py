"""`qiledger parked`: what waits behind records that a projection could not digest, and trying again after the mend."""

import time
from typing import Any

import msgspec
import rich_click as click

from projections.engine.builds import active_build
from projections.engine.checkpoint import LEASE_S, Fenced, Held
from projections.engine.found import found
from projections.engine.parked import ParkedStream, retry_parked
from projections.engine.parked import parked as waiting
from projections.engine.projection import Projection
from services.cli.as_worker import Connection, as_worker, codes
from services.cli.listing import listing, print_table

HELD_FOR_S = 2.0 * LEASE_S  # so long we wait for whoever is feeding the projection
LOOK_EVERY_S = 0.05
LISTED_MAX = 1_000  # of one projection and organisation


class Waiting(ParkedStream, frozen=True):
    """A stream that waits, and whose it is."""

    organisation: str


@click.command("parked")
@click.option("--organisation", "organisations", multiple=True, help="Whose; of all by default.")
@click.option("--retry", is_flag=True, help="Fold what waits again, first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def parked(organisations: tuple[str, ...], *, retry: bool, as_json: bool) -> None:
    """List the streams that wait behind a record which could not be digested.

    Such a stream stands still in one projection; everything else goes on. Once the code is mended, `--retry` folds it
    from where it stopped, in order; workers do so every night. Ends with status 1 if something still waits after that.
    """
    with as_worker(name="parked") as conn:
        asked = codes(conn, organisations)
        found_waiting = _listed(conn, asked)
        if retry:
            for projection, code in {(stream.projection, stream.organisation) for stream in found_waiting}:
                _retry(conn, found()[projection], code)
            found_waiting = _listed(conn, asked)
    _print(found_waiting, as_json=as_json)
    if retry and found_waiting:
        raise SystemExit(1)


def _listed(conn: Connection, organisations: list[str]) -> list[Waiting]:
    """What waits in the rows that readers are shown."""
    return [
        Waiting(**msgspec.structs.asdict(stream), organisation=code)
        for code in organisations
        for projection in found().values()
        if (build := active_build(conn, projection, code)) is not None
        for stream in waiting(conn, code, projection=projection.name, build=build.build, limit=LISTED_MAX)
    ]


def _retry(conn: Connection, projection: Projection[Any], organisation: str) -> None:
    """Tries again, as soon as nobody else is feeding the projection."""
    until = time.monotonic() + HELD_FOR_S
    while True:
        try:
            retry_parked(conn, projection, organisation)
        except (Held, Fenced):
            if time.monotonic() > until:
                raise click.ClickException(
                    f"{projection.name} of {organisation} is being fed. Try again in a while."
                ) from None
            time.sleep(LOOK_EVERY_S)
        else:
            return


def _print(found_waiting: list[Waiting], *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found_waiting)))
        return
    if not found_waiting:
        click.echo("Nothing is parked.")
        return
    table = listing(
        "of",
        "projection",
        "stream",
        "from position",
        "records",
        "since",
        "why",
        right=("from position", "records"),
    )
    for stream in found_waiting:
        table.add_row(
            stream.organisation,
            stream.projection,
            stream.key,
            f"{stream.position:,}",
            f"{stream.records:,}",
            f"{stream.since:%Y-%m-%d %H:%M}",
            stream.error,
        )
    print_table(table)
