"""Values in the cells of a CSV that somebody will open in a spreadsheet."""

from typing import Any

import msgspec

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a text begins with, after blanks, that a spreadsheet may take for a formula and run."""


def may_run(text: str) -> bool:
    """Whether a spreadsheet may take a text for a formula."""
    return text.lstrip(" ").startswith(_FORMULA)


def cell(value: Any) -> Any:
    """A value in a cell. A text that might be taken for a formula is made plain by an apostrophe."""
    if isinstance(value, str):
        return f"'{value}" if may_run(value) else value
    if isinstance(value, dict | list | tuple):
        return msgspec.json.encode(value).decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
