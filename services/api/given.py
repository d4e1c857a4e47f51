"""What a request gives as JSON, where it is not an event: read whole, once, into a struct."""

from typing import TypeVar

import msgspec

from services.api.answers import JSON
from services.api.asked import Asked, body, media_type
from services.api.cloudevents import explained
from services.api.json_text import checked
from services.api.problems import Problem, kinds

BYTES_MAX = 16_384

B = TypeVar("B", bound=msgspec.Struct)


async def given(request: Asked, kind: type[B]) -> B:
    """The body as `kind` describes it. Raises Problem, naming the first member that is not right."""
    if media_type(request) != JSON:
        raise Problem(kinds.WRONG_MEDIA_TYPE, "A body here is application/json.", field="content-type")
    text = await body(request, BYTES_MAX)
    checked(text)
    try:
        said = msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as wrong:
        detail, field = explained(wrong, kind=kind)
        shown = field if field is None or field.isprintable() else None
        raise Problem(kinds.WRONG_BODY, detail if shown == field else None, field=shown) from None
    if rb"\u0000" in text.replace(rb"\\", b""):  # msgspec takes it behind a time of day
        raise Problem(kinds.CONTROL_CHARACTER)
    return said
