"""A file whose lines are CloudEvents already: each is sent as it is, and the API says what is wrong with it."""

import msgspec

from services.importing.reading import LINE_BYTES_MAX, Events, NotUnderstood, Reader, Reading, Wire


class _Named(msgspec.Struct):
    """As much of a CloudEvent as it takes to speak of it."""

    specversion: str
    id: str
    type: str = "?"
    subject: str = "?"


_decode = msgspec.json.Decoder(_Named).decode


def reader(organisation: str) -> Reader:
    """Reads lines as CloudEvents that are to be told of one organisation."""

    def read(line: bytes) -> Reading:
        if len(line) > LINE_BYTES_MAX:
            return NotUnderstood(why=f"the line has more than {LINE_BYTES_MAX} bytes")
        try:
            event = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
            return NotUnderstood(why=f"not a CloudEvent: {wrong}")
        wire = Wire(event.id, event.type, event.subject, line)
        return Events(name=event.id, organisation=organisation, wires=(wire,))

    return read
