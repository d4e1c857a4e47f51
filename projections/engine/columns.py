"""The columns of a build's tables: the engine's own, and those made from the fields of a row struct."""

from collections.abc import Callable, Collection
from typing import Any

import msgspec
import msgspec.inspect as mi

from projections.engine.projection import Shape

# What the engine keeps beside each row, by the shape of the projection.
KEY_COLUMNS: dict[Shape, dict[str, str]] = {
    "rows": {"key": "text"},
    "parts": {"key": "text", "part": "text"},
    "lines": {"key": "text", "position": "bigint"},
}
STATE_COLUMNS = {
    "folded_at": "timestamptz",  # when the last record folded into it happened
    "folded_position": "bigint",  # and its position
    "parked": "bigint",  # records of its stream that wait
    "again": "boolean",  # its stream is to be folded again with its next record
    "withheld": "boolean",  # the folds show no row
}
PLAINLY = {"parked": "0", "again": "false", "withheld": "false"}
LEXEMES = "lexemes"  # made by Postgres from the row, where a projection says how
RESERVED = {"organisation", "key", "part", "position", LEXEMES, *STATE_COLUMNS}

Convert = Callable[[Any], Any]


class Column(msgspec.Struct, frozen=True):
    """One column of a row: its type in Postgres and in Python, and how its value becomes Python's again."""

    name: str
    type: str
    python: Any
    nullable: bool
    convert: Convert | None
    plainly: str | None = None  # what it is, as Postgres reads it, where a row leaves out its defaults


def columns_of(
    row: type[msgspec.Struct], *, reserved: Collection[str] = frozenset(RESERVED)
) -> tuple[Column, ...]:
    """The columns for a row struct. Raises TypeError for a struct or a field that no table can hold.

    A struct with `omit_defaults` is written without them: the statements put them in.
    """
    config = row.__struct_config__
    if config.tag or config.array_like:
        raise TypeError(f"{row.__name__}: a row has no tag and is no array")
    columns = tuple(_column(field, config.omit_defaults) for field in msgspec.structs.fields(row))
    for field, column in zip(msgspec.structs.fields(row), columns, strict=True):
        if column.name in reserved or field.encode_name != column.name:
            raise TypeError(
                f"{row.__name__}.{column.name}: the engine has a column of that name, or it is renamed"
            )
    return columns


def _column(field: msgspec.structs.FieldInfo, leaves_out_defaults: bool) -> Column:
    kind = mi.type_info(field.type)
    while isinstance(kind, mi.Metadata):
        kind = kind.type
    nullable = isinstance(kind, mi.UnionType) and kind.includes_none
    if isinstance(kind, mi.UnionType):
        kinds = [one for one in kind.types if not isinstance(one, mi.NoneType)]
        kind = kinds[0] if len(kinds) == 1 else kind
    name = sql_type(kind)
    convert: Convert | None = None
    if name == "jsonb":
        convert = msgspec.json.Decoder(field.type).decode
    elif isinstance(kind, mi.EnumType):
        convert = kind.cls
    plainly = _plainly(field, name, nullable) if leaves_out_defaults else None
    return Column(field.name, name, field.type, nullable, convert, plainly)


def _plainly(field: msgspec.structs.FieldInfo, kind: str, nullable: bool) -> str | None:
    """The default of a field, as Postgres reads it; None for NULL, and where there is none."""
    default = field.default if field.default is not msgspec.NODEFAULT else None
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    if default is None:
        return None
    if nullable:
        raise TypeError(
            f"{field.name}: what may be None has no other default in a row that leaves out defaults"
        )
    written = msgspec.to_builtins(default)
    return written if isinstance(written, str) and kind != "jsonb" else msgspec.json.encode(written).decode()


def sql_type(kind: mi.Type) -> str:
    """The Postgres type for a field's type."""
    match kind:
        case mi.BoolType():
            return "boolean"
        case mi.IntType():
            return "bigint"
        case mi.FloatType():
            return "double precision"
        case mi.StrType():
            return "text"
        case mi.DateTimeType():
            return "timestamptz"
        case mi.DateType():
            return "date"
        case mi.EnumType(cls=cls):
            return "text" if issubclass(cls, str) or all(isinstance(m.value, str) for m in cls) else "bigint"
        case mi.LiteralType(values=values):
            return "text" if all(isinstance(value, str) for value in values) else "bigint"
        case (
            mi.ListType()
            | mi.TupleType()
            | mi.VarTupleType()
            | mi.SetType()
            | mi.FrozenSetType()
            | mi.DictType()
            | mi.StructType()
            | mi.UnionType()
        ):
            return "jsonb"
    raise TypeError(f"no column can hold a {type(kind).__name__}")
