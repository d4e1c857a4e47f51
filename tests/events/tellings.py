"""Anything that a type of event allows to be told, for laws that must hold of all of it."""

from functools import cache
from typing import Any, cast

import msgspec
from hypothesis import strategies as st
from msgspec import inspect as shapes

from events.fields import END
from events.vocabulary import Event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@cache
def tellings(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Every event of a type, with any choice of its optional fields."""
    return (
        bodies(kind).filter(lambda body: _allowed(kind, body)).map(lambda body: msgspec.convert(body, kind))
    )


def bodies(kind: type) -> st.SearchStrategy[dict[str, Any]]:
    """What may be told field by field; rules between fields are not looked at."""
    shape = cast(shapes.StructType, shapes.type_info(kind))
    return st.fixed_dictionaries(
        {field.encode_name: _values(field.type) for field in shape.fields if field.required},
        optional={field.encode_name: _values(field.type) for field in shape.fields if not field.required},
    )


def _allowed(kind: type[Event], body: dict[str, Any]) -> bool:
    try:
        msgspec.convert(body, kind)
    except msgspec.ValidationError:
        return False
    return True


def _values(shape: shapes.Type) -> st.SearchStrategy[Any]:
    match shape:
        case shapes.Metadata(type=inner):
            return _values(inner)
        case shapes.StrType():
            return _texts(shape)
        case shapes.IntType(ge=least, le=most):
            return st.integers(least, most)
        case shapes.FloatType(ge=least, le=most, multiple_of=step):
            if step:
                return st.integers(int((least or 0) / step), int((most or 0) / step)).map(lambda n: n * step)
            return st.floats(least, most, allow_nan=False)
        case shapes.BoolType():
            return st.booleans()
        case shapes.NoneType():
            return st.none()
        case shapes.LiteralType(values=values):
            return st.sampled_from(values)
        case shapes.VarTupleType(item_type=item, min_length=least, max_length=most):
            return st.lists(_values(item), min_size=least or 0, max_size=min(most or 4, 4))
        case shapes.DictType(key_type=key, value_type=value, min_length=least):
            return st.dictionaries(_values(key), _values(value), min_size=least or 0, max_size=4)
        case shapes.UnionType(types=types):
            return st.one_of(*map(_values, types))
        case shapes.StructType(cls=part):
            return bodies(part)
        case shapes.AnyType():
            return JSON
    raise AssertionError(f"no telling is known for {shape}")


def _texts(shape: shapes.StrType) -> st.SearchStrategy[str]:
    least, most = shape.min_length or 0, shape.max_length or 2_000
    if shape.pattern is None:
        return st.text(min_size=least, max_size=min(most, 40))
    written = st.from_regex(shape.pattern.removesuffix(END) + r"\Z", fullmatch=True)
    return written.filter(lambda text: least <= len(text) <= most)
