"""Where the database is, for commands on a machine that has a way into it."""

import psycopg
import rich_click as click

from services.settings import Settings
from services.whole_house import house_at


def way_in(settings: Settings) -> str:
    """QILEDGER_DATABASE_URL, or the database of the house that is up at the data directory. Raises ClickException."""
    url = settings.database_url or house_at(settings.data_directory).get("QILEDGER_DATABASE_URL")
    if url is None:
        raise click.ClickException(
            f"No house is up at {settings.data_directory}, and QILEDGER_DATABASE_URL is not set. Read in the house.env "
            "of the house that you mean (`qiledger up` and `make demo` say where it is), or start one: qiledger up."
        )
    return url


def unreachable(away: psycopg.OperationalError) -> click.ClickException:
    """Why the database cannot be reached, in the words of its driver, which name the server.

    They hold no password: Settings takes no address that the driver would cut within one.
    """
    why = " ".join(str(away).split())[:400]
    return click.ClickException(f"The database cannot be reached: {why or type(away).__name__}")
