"""Lists in a terminal of any width: nothing that is listed is cut off, least of all what the next command asks for."""

from collections.abc import Collection

from rich.console import Console
from rich.table import Table


def listing(*names: str, whole: Collection[str] = (), right: Collection[str] = ()) -> Table:
    """An empty table of these columns. Those in `whole` stay on one line, to be copied; the others are folded."""
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(
            name,
            no_wrap=name in whole,
            overflow="fold",
            justify="right" if name in right else "left",
        )
    return table


def print_table(table: Table) -> None:
    """Prints it, as plain as it is: what stands in a cell is nobody's markup."""
    Console(highlight=False, markup=False).print(table)
