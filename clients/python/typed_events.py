"""Writes `src/qiledger_client/events.py`: the event types of the ledger as classes that an editor can complete.

    .venv/bin/python -m clients.python.typed_events

Made from the same schemas that the ledger publishes at `/v1/schemas`; run it after an event type was added.
"""

import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from events.catalogue import CatalogueEntry, catalogue
from events.vocabulary import vocabulary

MADE = Path(__file__).parent / "src" / "qiledger_client" / "events.py"
WIDTH = 110
HEAD = '''\
"""What can happen: every event type of the ledger as a class. Made from its published schemas; not written by hand.

Fields that may be left out are None, or (). Bounds are checked by the ledger, which names the field that is wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from qiledger_client.telling import Event, Part
'''
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


def written() -> str:
    """The module, as it should stand on disk."""
    entries = catalogue()
    parts: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        parts |= entry.schema.get("$defs", {})
    names = {tag: kind.__name__ for tag, kind in vocabulary().items()}
    classes = [_part(name, parts[name]) for name in _in_order(parts)]
    classes += [_event(names[entry.type], entry) for entry in entries]
    types = "".join(f'    "{tag}": {names[tag]},\n' for tag in sorted(names))
    table = (
        f"TYPES: Mapping[str, type[Event]] = {{\n{types}}}\n"
        '"""Every event type by the name under which it is told."""\n'
    )
    return _formatted("\n\n".join([HEAD, *classes, table]))


def _in_order(parts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Parts after those that they hold."""
    done: list[str] = []

    def add(name: str) -> None:
        for inner in _names_in(parts[name]):
            if inner not in done and inner != name:
                add(inner)
        if name not in done:
            done.append(name)

    for name in sorted(parts):
        add(name)
    return done


def _names_in(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            yield schema["$ref"].rpartition("/")[2]
        for value in schema.values():
            yield from _names_in(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _names_in(value)


def _part(name: str, schema: Mapping[str, Any]) -> str:
    return _class(name, "Part", schema.get("description", ""), schema, ())


def _event(name: str, entry: CatalogueEntry) -> str:
    constants = (f'type: ClassVar[str] = "{entry.type}"', f'stream: ClassVar[str] = "{entry.stream}"')
    return _class(name, "Event", entry.says, entry.schema, constants)


def _class(name: str, base: str, says: str, schema: Mapping[str, Any], constants: tuple[str, ...]) -> str:
    lines = ["@dataclass(frozen=True, kw_only=True)", f"class {name}({base}):"]
    lines += textwrap.indent(_docstring(says), "    ").splitlines()
    lines += ["", *(f"    {constant}" for constant in constants)] if constants else [""]
    required = schema.get("required", [])
    for field, told in schema["properties"].items():
        lines += _field(field, told, required=field in required)
    return "\n".join(lines) + "\n"


def _docstring(says: str) -> str:
    paragraphs = [textwrap.fill(" ".join(words.split()), WIDTH - 8) for words in says.split("\n\n")]
    doc = "\n\n".join(paragraphs)
    return f'"""{doc}\n"""' if "\n" in doc else f'"""{doc}"""'


def _field(name: str, told: Mapping[str, Any], *, required: bool) -> list[str]:
    words = told.get("description", "").strip()
    lines = [f"    # {line}" for line in textwrap.wrap(words, WIDTH - 8)]
    kind = _kind(told)
    if required:
        return [*lines, f"    {name}: {kind}"]
    if kind.startswith("Sequence["):
        return [*lines, f"    {name}: {kind} = ()"]
    return [*lines, f"    {name}: {kind if kind.endswith('| None') else f'{kind} | None'} = None"]


def _kind(told: Mapping[str, Any]) -> str:
    """The Python type of a JSON Schema."""
    if "anyOf" in told:
        kinds = {_kind(each): None for each in told["anyOf"]}
        if {"int", "float"} <= kinds.keys():
            del kinds["int"]
        if "Any" in kinds:
            return "Any"
        nothing = kinds.pop("None", 1) is None
        return " | ".join([*kinds, *(["None"] if nothing else [])])
    if "$ref" in told:
        return str(told["$ref"]).rpartition("/")[2]
    if "enum" in told:
        return f"Literal[{', '.join(repr(value) for value in told['enum'])}]"
    match told.get("type"):
        case "null":
            return "None"
        case "array":
            return f"Sequence[{_kind(told.get('items', {}))}]"
        case "object":
            inner = told.get("additionalProperties", {})
            return f"Mapping[str, {_kind(inner) if isinstance(inner, Mapping) else 'Any'}]"
        case str(plain):
            return _PLAIN[plain]
    return "Any"


def _formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(MADE), "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    MADE.write_text(written(), encoding="utf-8")
