"""The commands of `qiledger`: one file each, listed here."""

import rich_click as click

from services.cli.audit import audit
from services.cli.backup import backup, restore
from services.cli.chart import chart
from services.cli.checkpoint import checkpoint
from services.cli.demo import demo
from services.cli.doctor import doctor, status
from services.cli.erase import erase_
from services.cli.erasures import erasures
from services.cli.export import export
from services.cli.import_ import import_
from services.cli.keys import keys
from services.cli.load import load
from services.cli.master_key import master_key
from services.cli.messages import messages
from services.cli.migrate import migrate
from services.cli.operations import operations
from services.cli.organisations import organisations
from services.cli.parked import parked
from services.cli.people import people
from services.cli.rebuild import rebuild
from services.cli.refusals import refusals
from services.cli.replay import replay
from services.cli.sealing_key import sealing_key
from services.cli.serve import serve
from services.cli.subject_access import subject_access
from services.cli.up import up
from services.cli.verify import verify
from services.cli.why import why
from services.cli.witness import witness
from services.cli.worker import worker

COMMANDS = (
    demo,
    up,
    serve,
    worker,
    migrate,
    organisations,
    operations,
    people,
    erase_,
    erasures,
    subject_access,
    master_key,
    keys,
    import_,
    status,
    doctor,
    rebuild,
    parked,
    checkpoint,
    sealing_key,
    refusals,
    witness,
    messages,
    chart,
    export,
    verify,
    load,
    replay,
    audit,
    why,
    backup,
    restore,
)


@click.group("qiledger")
@click.version_option(package_name="qiledger")
def main() -> None:
    """The record of an organisation's quality improvement work."""


for command in COMMANDS:
    main.add_command(command)
