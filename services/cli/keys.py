"""`qiledger keys`: who may speak to a log. A key is shown once, when it is made; only its hash is kept."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import rich_click as click

from events.counted import counted
from events.log import keys as log_keys
from events.log.keys import ASK, READ, SCOPES, WRITE, Key, Secret, WrongKey
from events.log.outcomes import UnknownOrganisation
from services.cli.listing import listing, print_table
from services.cli.on_record import fit_for_the_record
from services.cli.way_in import unreachable, way_in
from services.settings import Settings, WrongSettings


@click.group("keys")
def keys() -> None:
    """Create, list, rotate and revoke API keys.

    Works on QILEDGER_DATABASE_URL as an administrator, or on the house that is up at the data directory.
    """


@keys.command("create")
@click.argument("organisation")
@click.option("--client", required=True, help="Who will hold it, such as `lifeqi`.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    default=(WRITE, READ, ASK),
    show_default=True,
    help=f"What it may do: {SCOPES}.",
)
@click.option(
    "--source", "sources", multiple=True, help="A source it may tell for, with all below it; `*` is any."
)
@click.option(
    "--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="How long it lives."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def create(
    organisation: str,
    client: str,
    scopes: tuple[str, ...],
    sources: tuple[str, ...],
    days: int,
    *,
    as_json: bool,
) -> None:
    """Make a key for a client of an organisation, and show it once."""
    with _database() as conn:
        secret = log_keys.create(
            conn, organisation, client, scopes=scopes, sources=sources, life=timedelta(days=days)
        )
    _show(secret, as_json=as_json)


@keys.command("rotate")
@click.argument("organisation")
@click.argument("key_id")
@click.option(
    "--grace-days",
    type=click.IntRange(0, 90),
    default=7,
    show_default=True,
    help="How long the old key lives on.",
)
@click.option(
    "--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="How long the new one lives."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def rotate(organisation: str, key_id: str, grace_days: int, days: int, *, as_json: bool) -> None:
    """Make the successor of a key. Both work until the old one's grace is over."""
    with _database() as conn:
        secret = log_keys.rotate(
            conn, organisation, key_id, grace=timedelta(days=grace_days), life=timedelta(days=days)
        )
    _show(secret, as_json=as_json)
    click.echo(f"{key_id} works for {counted(grace_days, 'day')} more.", err=True)


@keys.command("revoke")
@click.argument("organisation")
@click.argument("key_id")
def revoke(organisation: str, key_id: str) -> None:
    """End a key. It is let in for a few seconds more at most."""
    with _database() as conn:
        log_keys.revoke(conn, organisation, key_id)
    click.echo(f"{key_id} is revoked.")


@keys.command("list")
@click.argument("organisation", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def list_(organisation: str | None, *, as_json: bool) -> None:
    """List keys with what they may do and when they were last used; of all organisations unless one is given."""
    with _database() as conn:
        found = log_keys.listed(conn, organisation)
    if as_json:
        click.echo(json.dumps([_plain(key) for key in found], indent=2))
        return
    table = listing(
        "of", "id", "client", "state", "expires", "last used", "may", whole=("id", "expires", "last used")
    )
    for key in found:
        table.add_row(*_row(_plain(key)))
    print_table(table)


def _plain(key: Key) -> dict[str, Any]:
    """What may be shown of a key, which is all but the key."""
    now = datetime.now(UTC)
    state = "revoked" if key.revoked_at else "expired" if key.has_expired(now) else "live"
    moments = {
        name: getattr(key, name) for name in ("created_at", "expires_at", "revoked_at", "last_used_at")
    }
    return {
        "organisation": key.organisation,
        "id": key.id,
        "client": key.client,
        "state": state,
        "scopes": list(key.scopes),
        "sources": list(key.sources),
    } | {
        name: moment and moment.astimezone(UTC).isoformat(timespec="seconds")
        for name, moment in moments.items()
    }


def _row(plain: Mapping[str, Any]) -> tuple[str, ...]:
    """A key in a line: of moments the day, and what it may do with the sources that it may tell for."""
    expires, used = (str(plain[name] or "never")[:10] for name in ("expires_at", "last_used_at"))
    sources = f"; for {' '.join(plain['sources'])}" if plain["sources"] else ""
    named = (plain[name] for name in ("organisation", "id", "client", "state"))
    return (*named, expires, used, " ".join(plain["scopes"]) + sources)


def _show(secret: Secret, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"id": secret.id, "key": secret.text}))
        return
    click.echo(secret.text)
    click.echo("Keep it now: it cannot be shown again.", err=True)


@contextlib.contextmanager
def _database() -> Iterator[psycopg.Connection[Any]]:
    """A transaction on the database; what cannot be done is said as an error of the command."""
    try:
        with (
            fit_for_the_record(),
            psycopg.connect(
                way_in(Settings.read()), connect_timeout=10, application_name="qiledger keys"
            ) as conn,
        ):
            yield conn
    except (WrongSettings, WrongKey, UnknownOrganisation) as wrong:
        raise click.ClickException(str(wrong)) from None
    except psycopg.OperationalError as away:
        raise unreachable(away) from None
    except psycopg.errors.UndefinedTable:
        raise click.ClickException("The database has no schema yet: qiledger migrate.") from None
    except psycopg.errors.InsufficientPrivilege:
        raise click.ClickException("This role may not change keys: use an administrator's URL.") from None
