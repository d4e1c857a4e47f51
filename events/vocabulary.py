"""What can happen: the base of every event, and the finding of all of them.

An event is one frozen class in `events/<subject>.py`. Nothing lists the classes: this module finds every file of the
room. The tag is the type's name for ever; the stream says what kind of thing it happens to.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, ClassVar, TypeVar, cast

import msgspec

ANY_STREAM = "*"


class Event(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="type",
):
    """Something that happened, in the field's words and in the past tense.

    A subclass names its tag (`cycle.tested`), its stream kind (`project`) and carries an `@example`. A new field has a
    default, fields keep their order, and a changed meaning is a new class with a new tag and an `upcast`.
    """

    stream: ClassVar[str]
    words_of: ClassVar[str] = ""
    """Whose words its `PersonalText` are: `stream`, `actor`, or the field that names a person."""

    def upcast(self) -> "Event":
        """This event in today's words; itself, unless its type has been superseded."""
        return self


E = TypeVar("E", bound=Event)

_examples: dict[type[Event], Event] = {}


def example(**fields: Any) -> Callable[[type[E]], type[E]]:
    """Gives an event type its published example, checked like a body from outside."""

    def keep(kind: type[E]) -> type[E]:
        _examples[kind] = msgspec.convert(msgspec.to_builtins(fields), kind)
        return kind

    return keep


def example_of(kind: type[E]) -> E:
    """The example published with an event type."""
    return cast(E, _examples[kind])


def tag_of(kind: type[Event]) -> str:
    """The name of an event type, such as `cycle.tested`."""
    return cast(str, kind.__struct_config__.tag)


@cache
def vocabulary() -> Mapping[str, type[Event]]:
    """Every event type of this room by its tag, in the order of the tags. Raises ValueError for a tag used twice."""
    room = importlib.import_module(__package__ or "events")
    for module in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
        if not module.ispkg:
            importlib.import_module(module.name)
    kinds: dict[str, type[Event]] = {}
    for kind in _leaves(Event):
        if kind.__module__.partition(".")[0] != room.__name__:
            continue  # somebody's own, made elsewhere: a test's
        if kinds.setdefault(tag_of(kind), kind) is not kind:
            raise ValueError(f"two event types are called {tag_of(kind)}: {kind} and {kinds[tag_of(kind)]}")
    return dict(sorted(kinds.items()))


def _leaves(kind: type[Event]) -> list[type[Event]]:
    """The classes below `kind` that are event types: those whose tag has the form `noun.verb`."""
    below = [leaf for child in kind.__subclasses__() for leaf in _leaves(child)]
    return [kind, *below] if "." in tag_of(kind) else below


class UnknownType(LookupError):
    """No event type has this name. `near` holds the names most like it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.near = get_close_matches(name, vocabulary(), n=3, cutoff=0.5)
        super().__init__(f"no event type is called {name!r}")


@cache
def _decoder(name: str) -> msgspec.json.Decoder[Event]:
    try:
        return msgspec.json.Decoder(vocabulary()[name])
    except KeyError:
        raise UnknownType(name) from None


_encoder = msgspec.json.Encoder()


def read_body(name: str, body: bytes | str | msgspec.Raw) -> Event:
    """The event of type `name` whose JSON is `body`, as it was told.

    Raises UnknownType, or msgspec.ValidationError (naming the field) for a body that the type does not allow.
    """
    return _decoder(name).decode(body)


def checked(event: E) -> E:
    """The event as it will be read: making it in code checks nothing. Raises msgspec.ValidationError."""
    return cast(E, read_body(tag_of(type(event)), canonical_body(event)))


def canonical_body(event: Event) -> bytes:
    """The exact bytes that are kept of an event: its fields in declared order, defaults left out, no white space."""
    encoded = _encoder.encode(event)
    tagged = len(tag_of(type(event))) + 10  # {"type":"…"
    return b"{" + encoded[tagged:].removeprefix(b",")
