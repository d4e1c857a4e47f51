"""`qiledger messages`: who was told what, and what became of it; the words, and whether channels work."""

import secrets
from datetime import UTC, datetime
from typing import Any

import msgspec
import rich_click as click

from events.counted import counted
from events.log.read import FOR_ORGANISATION
from services import messages as told
from services.channels.examples import example, unsubscribe_of
from services.channels.letter import Letter
from services.channels.outcome import NotAnswered, Sent, WrongWay
from services.channels.set_up import MAKERS, address_of, words
from services.channels.within import OutOfTime, within
from services.channels.wording import KINDS, CannotBeWorded
from services.cli.as_worker import Connection, as_worker, codes
from services.cli.listing import listing, print_table
from services.messages import MessageLine
from services.settings import Settings, WrongSettings

LISTED_MAX = 1_000
RETRIED_MAX = 100_000
STATES = ("waiting", "sent", "dead", "withdrawn")

whose = click.option("--organisation", "organisations", multiple=True, help="Whose; of all by default.")
how_many = click.option("--limit", type=click.IntRange(1, LISTED_MAX), default=50, show_default=True)
as_json_too = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


class Listed(MessageLine, frozen=True, kw_only=True):
    """A message, and whose it is."""

    organisation: str


@click.group("messages")
def messages() -> None:
    """See who was told what, have dead messages tried again, and try texts and channels."""


@messages.command("list")
@whose
@click.option("--state", type=click.Choice(STATES), help="Only those that stand so.")
@click.option(
    "--channel", type=click.Choice(["email", "notify", "chat", "inbox"]), help="Only those of one channel."
)
@click.option("--person", help="Only those to one person, such as person/p-17.")
@how_many
@as_json_too
def list_(
    organisations: tuple[str, ...],
    state: told.State | None,
    channel: str | None,
    person: str | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """List messages, the latest first."""
    _print(_listed(organisations, limit, state=state, channel=channel, recipient=person), as_json=as_json)


@messages.command("dead")
@whose
@how_many
@as_json_too
def dead(organisations: tuple[str, ...], limit: int, *, as_json: bool) -> None:
    """List the messages that were given up, and why."""
    _print(_listed(organisations, limit, state="dead"), as_json=as_json)


@messages.command("show")
@click.argument("message")
@whose
@as_json_too
def show(message: str, organisations: tuple[str, ...], *, as_json: bool) -> None:
    """Show one message: by which rules it is told, and every attempt to deliver it."""
    with as_worker(name="messages") as conn:
        for code in codes(conn, organisations):
            found = _for(conn, code, lambda: told.whole(conn, code, message))  # noqa: B023  (called at once)
            if found is not None:
                _show(code, found, as_json=as_json)
                return
    raise click.ClickException(f"There is no message {message}.")


@messages.command("retry")
@click.argument("ids", nargs=-1, metavar="MESSAGE...")
@click.option("--all-dead", is_flag=True, help="Every message that was given up.")
@whose
def retry(ids: tuple[str, ...], organisations: tuple[str, ...], *, all_dead: bool) -> None:
    """Have messages tried again at once, under the same ids. What was delivered or withdrawn is not tried again."""
    if bool(ids) == all_dead:
        raise click.UsageError("Name the messages, or give --all-dead.")
    again = 0
    with as_worker(name="messages") as conn:
        for code in codes(conn, organisations):
            again += _for(conn, code, lambda: _retried(conn, code, ids))  # noqa: B023  (called at once)
    click.echo(
        f"{again} of {counted(len(ids), 'message')} will be tried again."
        if ids
        else f"{counted(again, 'message')} will be tried again."
    )
    if ids and again < len(ids):
        raise SystemExit(1)


@messages.command("unmark")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Those marked since that day."
)
@whose
def unmark(organisations: tuple[str, ...], since: datetime) -> None:
    """Use addresses again that were marked because nothing arrived there: after a mail server's bad hour."""
    again = 0
    with as_worker(name="messages") as conn:
        for code in codes(conn, organisations):
            day = since.replace(tzinfo=UTC)
            again += _for(conn, code, lambda: told.unmark(conn, code, since=day))  # noqa: B023  (called at once)
    click.echo(f"{counted(again, 'address', 'addresses')} will be used again.")


@messages.command("preview")
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--html", is_flag=True, help="The HTML instead of the plain text.")
def preview(kind: str, *, html: bool) -> None:
    """Show a message of this kind, with made-up facts, in the texts of QILEDGER_TEMPLATES and ours."""
    letter = _letter(kind, _settings())
    click.echo(letter.html if html else f"Subject: {letter.subject}\n\n{letter.text}", nl=False)


@messages.command("test-send")
@click.argument("channel", type=click.Choice(tuple(MAKERS)))
@click.option("--to", required=True, help="An e-mail address, or the name of a chat room.")
@click.option("--kind", type=click.Choice(KINDS), default="notice", show_default=True)
def test_send(channel: str, to: str, kind: str) -> None:
    """Send one made-up message through a channel, and say what became of it. Nothing is put on record."""
    settings = _settings()
    try:
        way = MAKERS[channel](settings)
        if way is None:
            raise click.ClickException(f"The channel {channel} is not set up: see docs/telling-people.md.")
        try:
            outcome = within(way.patience_s, lambda: way.send(_letter(kind, settings), to))
        finally:
            way.drop()
    except WrongWay as wrong:
        raise click.ClickException(str(wrong)) from None
    except (OutOfTime, NotAnswered):
        raise click.ClickException("No answer in time: it may have been sent or not.") from None
    if not isinstance(outcome, Sent):
        raise click.ClickException(f"{type(outcome).__name__}: {outcome.reason}")
    click.echo(f"Sent. The other side calls it {outcome.reference}")


def _listed(organisations: tuple[str, ...], limit: int, **which: Any) -> list[Listed]:
    found: list[Listed] = []
    with as_worker(name="messages") as conn:
        for code in codes(conn, organisations):
            lines = _for(conn, code, lambda: told.listed(conn, code, limit=limit, **which))  # noqa: B023
            found += [Listed(**msgspec.structs.asdict(line), organisation=code) for line in lines]
    return sorted(found, key=lambda line: line.made, reverse=True)[:limit]


def _for(conn: Connection, organisation: str, do: Any) -> Any:
    """Done in a transaction that has said for which organisation."""
    with conn.transaction():
        conn.execute(FOR_ORGANISATION, (organisation,))
        return do()


def _retried(conn: Connection, organisation: str, ids: tuple[str, ...]) -> int:
    """How many are tried again: those named, or all that are dead."""
    if not ids:
        rows = conn.execute(told.DEAD, {"organisation": organisation, "limit": RETRIED_MAX}).fetchall()
        ids = tuple(id_ for (id_,) in rows)
    return sum(told.retry(conn, organisation, id_) for id_ in ids)


def _settings() -> Settings:
    try:
        return Settings.read()
    except WrongSettings as wrong:
        raise click.ClickException(str(wrong)) from None


def _letter(kind: str, settings: Settings) -> Letter:
    stops = unsubscribe_of(kind, address_of(settings))
    try:
        return words(settings).letter(
            kind,
            example(kind),
            id=f"test-{secrets.token_urlsafe(12)}",
            at=datetime.now(UTC),
            unsubscribe=stops,
        )
    except CannotBeWorded as wrong:
        raise click.ClickException(str(wrong)) from None


def _print(lines: list[Listed], *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(lines)))
        return
    if not lines:
        click.echo("There are none.")
        return
    table = listing("of", "message", "to", "by", "kind", "state", "due", "tries", "", whole=("message",))
    for line in lines:
        why = line.reason or (
            f"next {line.next_attempt:%d %b %H:%M}" if line.next_attempt and line.tries else ""
        )
        table.add_row(
            line.organisation,
            line.id,
            line.recipient,
            line.channel,
            line.kind,
            line.state,
            f"{line.due:%Y-%m-%d %H:%M}",
            str(line.tries),
            why,
        )
    print_table(table)


def _show(organisation: str, found: told.WholeMessage, *, as_json: bool) -> None:
    if as_json:
        plain = msgspec.to_builtins(found) | {"organisation": organisation}
        click.echo(msgspec.json.format(msgspec.json.encode(plain)))
        return
    line = found.message
    click.echo(f"{line.id}: {line.kind} to {line.recipient} by {line.channel}, {line.state}")
    click.echo(f"due {line.due:%Y-%m-%d %H:%M}; told by {', '.join(found.rules) or 'no rule'}")
    if line.reason:
        click.echo(line.reason)
    for attempt in found.attempts:
        ended = attempt.outcome or "nobody has heard its end"
        more = attempt.reference or attempt.reason or ""
        click.echo(f"{attempt.attempt:>3}. {attempt.began:%Y-%m-%d %H:%M:%S}  {ended}  {more}".rstrip())
    if found.arrival is not None:
        click.echo(f"     {_of(found.arrival)}")


def _of(arrival: told.Arrival) -> str:
    if arrival.outcome is None:
        return (
            f"asked {counted(arrival.asked, 'time')} whether it arrived; next {arrival.next:%Y-%m-%d %H:%M}"
        )
    return f"{arrival.settled:%Y-%m-%d %H:%M:%S}  {arrival.outcome}  {arrival.said or ''}".rstrip()
