"""What a field of an event may be, in words for people."""

from msgspec import inspect as shapes


def kind_in_words(shape: shapes.Type) -> str:
    """What sort of JSON value a field holds, such as `text`, `number` or `list of text`."""
    match _bare(shape):
        case shapes.StrType():
            return "text"
        case shapes.IntType():
            return "whole number"
        case shapes.FloatType():
            return "number"
        case shapes.BoolType():
            return "true or false"
        case shapes.LiteralType():
            return "choice"
        case shapes.VarTupleType(item_type=item):
            return f"list of {kind_in_words(item)}"
        case shapes.DictType(value_type=value):
            return f"{kind_in_words(value)} by name"
        case shapes.StructType(cls=part):
            return part.__name__
        case shapes.UnionType(types=types):
            return " or ".join(dict.fromkeys(kind_in_words(one) for one in types))
    return "anything"


def bounds_in_words(shape: shapes.Type) -> str:
    """What a value may be, in a sentence or two; empty if the kind says it all."""
    bare = _bare(shape)
    described = _description(shape)
    match bare:
        case shapes.StrType(min_length=least, max_length=most) if most is not None:
            return f"{described} {_range(least or 0, most)} characters.".strip()
        case shapes.IntType(ge=least, le=most) if least is not None and most is not None:
            return f"{described} {_range(least, most)}.".strip()
        case shapes.FloatType(ge=least, le=most) if least is not None and most is not None:
            return f"{described} {_range(least, most)}.".strip()
        case shapes.LiteralType(values=values):
            return " · ".join(f"`{value}`" for value in values)
        case shapes.VarTupleType(item_type=item, max_length=most):
            return f"{described} Up to {most}. {bounds_in_words(item)}".strip()
        case shapes.DictType(max_length=most) if most is not None:
            return f"{described} Up to {most}.".strip()
    return described


def _range(least: float, most: float) -> str:
    return f"{least:,.16g} to {most:,.16g}"


def _bare(shape: shapes.Type) -> shapes.Type:
    """A type without what is said about it, and without the possibility of null."""
    while isinstance(shape, shapes.Metadata):
        shape = shape.type
    if isinstance(shape, shapes.UnionType):
        some = [one for one in shape.types if not isinstance(one, shapes.NoneType)]
        return _bare(some[0]) if len(some) == 1 else shapes.UnionType(tuple(some))
    return shape


def _description(shape: shapes.Type) -> str:
    """What the type of a field says of itself."""
    if isinstance(shape, shapes.Metadata):
        return str((shape.extra_json_schema or {}).get("description", "")) or _description(shape.type)
    if isinstance(shape, shapes.UnionType):
        return next((said for one in shape.types if (said := _description(one))), "")
    return ""
