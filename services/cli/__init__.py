"""The commands of `qiledger`: one file each, listed here."""

import rich_click as click

from services.cli.chart import chart
from services.cli.keys import keys
from services.cli.serve import serve

COMMANDS = (serve, keys, chart)


@click.group("qiledger")
@click.version_option(package_name="qiledger")
def main() -> None:
    """The record of an organisation's quality improvement work."""


for command in COMMANDS:
    main.add_command(command)
