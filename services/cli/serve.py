"""`qiledger serve`: the API, over a database and a doorbell that run already."""

import rich_click as click
from granian.constants import HTTPModes, Interfaces, Loops, TaskImpl
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from events.privacy.custody import NoMasterKey
from services.custody import custodian_by
from services.logs import speak
from services.settings import Settings, WrongSettings

APP = "services.api.app:served"
HEADER_WITHIN_MS = 10_000
HEADER_BYTES_MAX = 65_536
BACKLOG = 2_048
REQUESTS_MAX = 2_048  # in hand at once, for each process
STOP_WITHIN_S = 8  # what has not ended by then is ended


@click.command("serve")
@click.option("--host", help="Where to listen; QILEDGER_HOST by default.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; QILEDGER_PORT by default.")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="How many processes."
)
def serve(host: str | None, port: int | None, workers: int) -> None:
    """Serve the API.

    Needs QILEDGER_DATABASE_URL, the way in of the role qiledger_api; QILEDGER_REDIS_URL lets readers and workers hear
    of news at once. `qiledger up` starts all of it.
    """
    try:
        settings = Settings.read()
    except WrongSettings as wrong:
        raise click.ClickException(str(wrong)) from None
    try:
        custodian_by(settings)
    except NoMasterKey as wrong:
        raise click.ClickException(str(wrong)) from None
    if settings.database_url is None:
        raise click.ClickException(
            "Set QILEDGER_DATABASE_URL, or run `qiledger up`, which brings its own Postgres."
        )
    speak(settings.log_level, settings.log_format)
    server(host or settings.host, settings.port if port is None else port, workers=workers).serve()


def server(host: str, port: int, *, workers: int, app: str = APP) -> MPServer:
    """The server of the API, its bounds written out. A worker that falls is started again."""
    return MPServer(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=workers,
        loop=Loops.asyncio,
        task_impl=TaskImpl.asyncio,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG,
        backpressure=REQUESTS_MAX,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_WITHIN_MS, max_buffer_size=HEADER_BYTES_MAX),
        log_level=LogLevels.warning,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_WITHIN_S,
    )
