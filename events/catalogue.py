"""The published catalogue: every event type with its words, fields, schema and example, read from the code itself.

`python -m events.catalogue` prints it as the page `docs/events.md`; the API serves it entry by entry.
"""

import ast
import inspect
import io
import sys
import tokenize
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import groupby
from typing import Any, cast

import msgspec
from msgspec import inspect as shapes

from events.fields import Part
from events.in_words import bounds_in_words, kind_in_words
from events.streams import AnyEvent, kinds
from events.vocabulary import ANY_STREAM, Event, UnknownType, canonical_body, example_of, tag_of, vocabulary

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class CatalogueField(msgspec.Struct, frozen=True, kw_only=True):
    """A field of an event or of a part: what it says, and what it may be."""

    name: str
    says: str
    kind: str
    bounds: str
    required: bool


class CatalogueEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An event type as it is published."""

    type: str
    version: int
    stream: str
    subject: str
    says: str
    fields: tuple[CatalogueField, ...]
    schema: dict[str, Any]
    example: dict[str, Any]


@cache
def entry(tag: str) -> CatalogueEntry:
    """What is published of one event type. Raises UnknownType."""
    try:
        kind = vocabulary()[tag]
    except KeyError:
        raise UnknownType(tag) from None
    return CatalogueEntry(
        type=tag,
        version=version_of(tag),
        stream=kind.stream,
        subject=kind.__module__.rpartition(".")[2],
        says=says(kind),
        fields=fields_of(kind),
        schema=schema_of(kind),
        example=msgspec.json.decode(canonical_body(example_of(kind))),
    )


def catalogue() -> tuple[CatalogueEntry, ...]:
    """What is published of all event types, in the order of their tags."""
    return tuple(entry(tag) for tag in vocabulary())


def version_of(tag: str) -> int:
    """The version a tag names: 1 for `cycle.tested`, 2 for `cycle.tested.2`."""
    last = tag.rpartition(".")[2]
    return int(last) if last.isdigit() else 1


def says(kind: type) -> str:
    """The docstring of a type, without its indentation."""
    return inspect.cleandoc(kind.__doc__ or "")


@cache
def field_docs(kind: type) -> Mapping[str, str]:
    """What the comment at the end of each field's line says, by field; those of the classes above it included."""
    found: dict[str, str] = {}
    for above in reversed(kind.__mro__[: kind.__mro__.index(msgspec.Struct)]):
        found |= _comments_in(above.__module__).get(above.__qualname__, {})
    return {name: found[name] for name in kind.__struct_fields__ if name in found}  # type: ignore[attr-defined]


@cache
def _comments_in(module: str) -> Mapping[str, Mapping[str, str]]:
    """The comments that end the lines of fields, by class and field. A file is read once for all its classes."""
    source = inspect.getsource(sys.modules[module])
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}
    return {
        name: {
            field.target.id: comments[field.end_lineno].lstrip("# ")
            for field in body
            if isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and field.end_lineno in comments
        }
        for name, body in _classes(ast.parse(source))
    }


def _classes(node: ast.AST, within: str = "") -> Iterator[tuple[str, list[ast.stmt]]]:
    """The qualified name and the statements of each class, in classes and functions too."""
    for below in ast.iter_child_nodes(node):
        if isinstance(below, ast.ClassDef):
            yield f"{within}{below.name}", below.body
            yield from _classes(below, f"{within}{below.name}.")
        elif isinstance(below, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _classes(below, f"{within}{below.name}.<locals>.")


# Fields


def fields_of(kind: type) -> tuple[CatalogueField, ...]:
    """The fields of an event or part in their order."""
    docs = field_docs(kind)
    shape = cast(shapes.StructType, shapes.type_info(kind))
    return tuple(
        CatalogueField(
            name=field.encode_name,
            says=docs.get(field.name, ""),
            kind=kind_in_words(field.type),
            bounds=bounds_in_words(field.type),
            required=field.required,
        )
        for field in shape.fields
    )


# Schemas


def schema_of(kind: type[Event]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of an event's `data`, with the words of the catalogue as descriptions."""
    _, found = msgspec.json.schema_components((kind,), ref_template="#/$defs/{name}")
    components: dict[str, dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(found))
    parts = {part.__name__: part for part in Part.__subclasses__()}
    for name, component in components.items():
        _describe(component, field_docs(parts.get(name, kind)))
    schema = components.pop(kind.__name__)
    schema["properties"] = _without_tag(schema["properties"])
    schema["required"] = [name for name in schema["required"] if name != "type"]
    head = {"$schema": DIALECT, "title": tag_of(kind), "description": says(kind)}
    return (
        head
        | {key: value for key, value in schema.items() if key not in head}
        | ({"$defs": components} if components else {})
    )


def _describe(component: dict[str, Any], docs: Mapping[str, str]) -> None:
    """Puts what a field says before what its type says."""
    for name, doc in docs.items():
        field = component["properties"][name]
        field["description"] = f"{_sentence(doc)} {field.get('description', '')}".strip()


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:].rstrip(".") + "."


def _without_tag(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without `type`, which the envelope of an event carries."""
    return {name: value for name, value in values.items() if name != "type"}


# The page

PAGE = """\
# What can happen

The {types} event types of qiledger: everything that an organisation can tell of its improvement work. Each is told
in a stream, such as `project/P-17`, as the `data` of a CloudEvent whose `type` is the name given here.

Fields in **bold** must be given. Dates are written as far as they are known, and never more exactly. A type's name
keeps its meaning for ever: a changed meaning gets a new name ending in `.2`, and what was told before stays readable.

This page is made from the code: `python -m events.catalogue > docs/events.md`.

{contents}

{kinds}

## Parts

Some fields hold fields of their own.

{parts}
"""


def as_markdown() -> str:
    """The catalogue as a page, in the order of the kinds of stream and then of the subjects."""
    told = [(kind, _entries(kind)) for kind in (*kinds(), ANY_STREAM)]
    meaning = {**kinds(), ANY_STREAM: says(AnyEvent)}
    parts = sorted(Part.__subclasses__(), key=lambda part: part.__name__)
    return PAGE.format(
        types=len(vocabulary()),
        contents="\n".join(_contents(kind, entries) for kind, entries in told),
        kinds="\n\n".join(_kind(kind, meaning[kind], entries) for kind, entries in told),
        parts="\n\n".join(
            f"### {part.__name__}\n\n{says(part)}\n\n{_table(fields_of(part))}" for part in parts
        ),
    )


def _entries(stream: str) -> list[CatalogueEntry]:
    """The types of one kind of stream: those of the file named after it first, then subject by subject."""
    types = [kind for kind in vocabulary().values() if kind.stream == stream]
    types.sort(key=lambda kind: (not kind.__module__.endswith(f".{stream}s"), kind.__module__, line_of(kind)))
    return [entry(tag_of(kind)) for kind in types]


def line_of(kind: type) -> int:
    """The line at which a type begins in its file."""
    return inspect.getsourcelines(kind)[1]


def _contents(stream: str, entries: list[CatalogueEntry]) -> str:
    links = ", ".join(f"[{one.type}](#{one.type.replace('.', '')})" for one in entries)
    return f"- {_heading(stream)}: {links}"


def _heading(stream: str) -> str:
    return "Anything" if stream == ANY_STREAM else stream.capitalize()


def _kind(stream: str, meaning: str, entries: list[CatalogueEntry]) -> str:
    """What can happen to one kind of thing, each subject opened by what its file says of itself."""
    lines = [f"## {_heading(stream)}", meaning]
    for subject, about in groupby(entries, key=lambda one: one.subject):
        module = sys.modules[f"{__package__}.{subject}"]
        lines += [f"*{inspect.cleandoc(module.__doc__ or '')}*".replace("\n\n", "*\n\n*"), *map(_type, about)]
    return "\n\n".join(lines)


def _type(one: CatalogueEntry) -> str:
    sample = msgspec.json.format(msgspec.json.encode(one.example), indent=2).decode()
    return f"### {one.type}\n\n{one.says}\n\n{_table(one.fields)}\n\n```json\n{sample}\n```"


def _table(fields: tuple[CatalogueField, ...]) -> str:
    rows = [
        f"| {f'**{field.name}**' if field.required else field.name} | {field.says} | {field.kind} | {field.bounds} |"
        for field in fields
    ]
    return "\n".join(["| field | says | is | may be |", "| --- | --- | --- | --- |", *rows])


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
