"""`qiledger checkpoint`: prints the newest signed checkpoint, and holds an older one against today's log."""

from collections.abc import Sequence
from pathlib import Path

import psycopg
import rich_click as click

from events.counted import counted
from events.log import checkpoints, sealed
from events.log.checkpoints import Checkpoint
from events.log.merkle import WrongProof, consistency_proof, consistency_spans, verify_consistency
from events.log.notes import NoteKey, Unverified, WrongNote, read_note
from events.log.sealing_key import known_keys
from events.log.tiles import MissingTile, TileHashes, tiles_for
from services import auditors
from services.auditors import Auditor, Channel, Every
from services.cli.as_worker import Connection, as_worker, codes
from services.proving import believed
from services.settings import Settings, WrongSettings

_WHOSE = "SELECT organisation, generation FROM proof.logs WHERE origin = %s"


@click.command("checkpoint")
@click.argument("organisations", nargs=-1)
@click.option(
    "--verify",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Whether today's log still begins with what this earlier checkpoint was signed over.",
)
@click.option(
    "--mail-to", metavar="PERSON", help="Send checkpoints to this person from now on, such as person/8Qm2."
)
@click.option(
    "--every", type=click.Choice(["day", "week"]), default="week", show_default=True, help="How often."
)
@click.option(
    "--by", type=click.Choice(["email", "notify"]), default="email", show_default=True, help="How sent."
)
@click.option("--mail-no-more", metavar="PERSON", help="Send no more to this person.")
@click.option("--mailed", is_flag=True, help="List to whom checkpoints are sent.")
def checkpoint(
    organisations: tuple[str, ...],
    file: Path | None,
    mail_to: str | None,
    every: Every,
    by: Channel,
    mail_no_more: str | None,
    *,
    mailed: bool,
) -> None:
    """Print the newest signed checkpoint of each log: to print, to post, to paste into an e-mail.

    Whoever keeps one can be shown later that nothing before it was changed. With --verify, a kept one is held against
    the log as it is now: its signature, and the proof that the log has only grown since. Ends with status 1 if not.

    With --mail-to, somebody is sent the newest ones every week or day; how he is reached, the vault of people says.
    """
    if mail_to or mail_no_more or mailed:
        _mail(organisations, mail_to, every, by, mail_no_more)
        return
    try:
        keys = believed(Settings.read())
    except WrongSettings as wrong:
        raise click.ClickException(str(wrong)) from None
    with as_worker(name="checkpoint") as conn:
        if file is not None:
            click.echo(_verified(conn, file, keys))
            return
        notes = [note for code in codes(conn, organisations) if (note := _newest(conn, code)) is not None]
    if not notes:
        raise click.ClickException("Nothing is sealed yet.")
    click.echo("\n".join(notes), nl=False)


def _mail(
    organisations: tuple[str, ...], mail_to: str | None, every: Every, by: Channel, mail_no_more: str | None
) -> None:
    if (mail_to or mail_no_more) and len(organisations) != 1:
        raise click.ClickException(
            "Say of which one organisation: qiledger checkpoint RWK --mail-to person/8Qm2"
        )
    with as_worker(name="checkpoint") as conn:
        codes(conn, organisations)
        try:
            if mail_to:
                auditors.name(conn, Auditor(organisations[0], mail_to, by, every))
        except psycopg.errors.CheckViolation:
            raise click.ClickException("A person is an opaque reference, such as person/8Qm2.") from None
        if mail_no_more and not auditors.unname(conn, organisations[0], mail_no_more):
            raise click.ClickException(f"{mail_no_more} was not sent any.")
        for one in auditors.named(conn):
            if not organisations or one.organisation in organisations:
                click.echo(f"{one.organisation}  {one.person}  by {one.channel} every {one.every}")


def _newest(conn: Connection, log: str) -> str | None:
    tree = sealed.tree_of(conn, log)
    last = None if tree is None else sealed.newest(conn, log, tree.generation)
    if tree is None or last is None:
        return None
    named = {"log": log, "generation": tree.generation, "size": last.size}
    return sealed.cosigned(last.note, [line for (line,) in conn.execute(sealed.COSIGNATURES, named)])


def _verified(conn: Connection, file: Path, keys: Sequence[NoteKey]) -> str:
    """What can be said of an earlier checkpoint. Raises ClickException if it does not hold."""
    if not keys:
        raise click.ClickException(
            "Say whose signature is believed: QILEDGER_SEALING_KEY, or public keys in QILEDGER_SEALING_KEYS_BEFORE."
        )
    try:
        kept = checkpoints.as_pasted(file.read_text(encoding="utf-8"))
        origin = Checkpoint.read(read_note(kept).text).origin
        earlier, _ = checkpoints.verify(kept, known_keys(origin, keys), origin=origin)
        row = conn.execute(_WHOSE, (origin,)).fetchone()
        if row is None:
            raise click.ClickException(f"No log here is called {origin}.")
        log, generation = row
        today = _held_against(conn, earlier, log, generation, known_keys(origin, keys))
    except (WrongNote, Unverified, WrongProof, MissingTile, ValueError) as wrong:
        raise click.ClickException(f"It does not hold: {wrong}.") from None
    still = f"{log} still begins with the {counted(earlier.size, 'record')} of that checkpoint."
    return f"{still} {counted(today.size, 'is', 'are')} sealed now."


def _held_against(
    conn: Connection, earlier: Checkpoint, log: str, generation: int, known: Sequence[NoteKey]
) -> Checkpoint:
    last = sealed.newest(conn, log, generation)
    if last is None:
        raise WrongProof("nothing of it is sealed any more")
    today, _ = checkpoints.verify(last.note, known, origin=earlier.origin)
    if earlier.size > today.size:
        raise WrongProof(
            f"it was signed over {counted(earlier.size, 'record')}; {counted(today.size, 'is', 'are')} sealed now"
        )
    tiles = sealed.tiles(conn, log, generation, tiles_for(consistency_spans(earlier.size, today.size)))
    proof = consistency_proof(earlier.size, today.size, TileHashes(tiles))
    verify_consistency(earlier.size, today.size, proof, earlier.root, today.root)
    return today
