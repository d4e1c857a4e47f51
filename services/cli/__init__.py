"""The commands of `qiledger`: one file each, listed here, and loaded when called for. None needs what another loads."""

import errno
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any

import rich_click as click

COMMANDS: Mapping[str, str] = {
    "demo": "demo:demo",
    "up": "up:up",
    "serve": "serve:serve",
    "worker": "worker:worker",
    "migrate": "migrate:migrate",
    "organisations": "organisations:organisations",
    "operations": "operations:operations",
    "people": "people:people",
    "erase": "erase:erase_",
    "erasures": "erasures:erasures",
    "subject-access": "subject_access:subject_access",
    "master-key": "master_key:master_key",
    "keys": "keys:keys",
    "import": "import_:import_",
    "status": "doctor:status",
    "doctor": "doctor:doctor",
    "rebuild": "rebuild:rebuild",
    "parked": "parked:parked",
    "checkpoint": "checkpoint:checkpoint",
    "sealing-key": "sealing_key:sealing_key",
    "refusals": "refusals:refusals",
    "witness": "witness:witness",
    "messages": "messages:messages",
    "chart": "chart:chart",
    "export": "export:export",
    "verify": "verify:verify",
    "load": "load:load",
    "replay": "replay:replay",
    "audit": "audit:audit",
    "why": "why:why",
    "backup": "backup:backup",
    "restore": "backup:restore",
}


class Listed(MutableMapping[str, click.Command]):
    """Commands by their names, each loaded from its file when it is called for."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            file, _, thing = self._places[name].partition(":")
            self._loaded[name] = getattr(import_module(f"services.cli.{file}"), thing)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._places[name], self._loaded[name] = "", command

    def __delitem__(self, name: str) -> None:
        del self._places[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Speaking(click.RichGroup):
    """What a file, a directory or a disk refuses is said as an error of the command, whichever it is."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command."""
        try:
            return super().invoke(ctx)
        except OSError as refused:
            if refused.filename is None and refused.errno not in NO_ROOM:
                raise
            where = "" if refused.filename is None else f"{refused.filename}: "
            raise click.ClickException(f"{where}{refused.strerror}.") from None


@click.group("qiledger", cls=Speaking)
@click.version_option(package_name="qiledger")
def main() -> None:
    """The record of an organisation's quality improvement work."""


main.commands = Listed(COMMANDS)
