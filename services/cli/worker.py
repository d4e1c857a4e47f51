"""`qiledger worker`: the worker room, over a database and a doorbell that run already."""

import rich_click as click

from services.house import ChildWillNotStay, House, told_to_stop
from services.settings import Settings, WrongSettings
from services.whole_house import the_workers


@click.command("worker")
@click.option(
    "--fresh",
    type=click.IntRange(0, 64),
    default=2,
    show_default=True,
    help="How many keep projections fresh.",
)
@click.option(
    "--past",
    type=click.IntRange(0, 64),
    default=1,
    show_default=True,
    help="How many make the pictures of the past that are asked for.",
)
@click.option(
    "--deliver",
    type=click.IntRange(0, 64),
    default=1,
    show_default=True,
    help="How many deliver messages to people.",
)
@click.option(
    "--long", type=click.IntRange(0, 64), default=1, show_default=True, help="How many do long work."
)
@click.option(
    "--webhooks", type=click.IntRange(0, 64), default=1, show_default=True, help="How many send webhooks."
)
def worker(fresh: int, past: int, deliver: int, long: int, webhooks: int) -> None:
    """Keep projections fresh, deliver messages and send webhooks until told to stop.

    Starts one process for each worker, one for the clock and one for the sweep; one that falls is brought back. Needs
    QILEDGER_DATABASE_URL, the way in of the role qiledger_worker, and QILEDGER_REDIS_URL.
    """
    try:
        settings = Settings.read()
    except WrongSettings as wrong:
        raise click.ClickException(str(wrong)) from None
    if settings.database_url is None or settings.redis_url is None:
        raise click.ClickException(
            "Set QILEDGER_DATABASE_URL and QILEDGER_REDIS_URL, or run `qiledger up`, which brings its own servers."
        )
    numbers = {"fresh": fresh, "past": past, "deliver": deliver, "long": long, "webhooks": webhooks}
    children = the_workers(settings.database_url, settings.redis_url, numbers)
    with told_to_stop() as told:
        try:
            with House(children, told=told) as house:
                house.wait()
        except ChildWillNotStay as fell:
            raise click.ClickException(str(fell)) from None
