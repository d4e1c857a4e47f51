"""Records as they count, without what was retracted and with what was mended; and which of two happened later. Pure.

Which happened later decides, and not which was recorded later: a barrier that was resolved on the fifth is escalated
none the less on the tenth, whichever is told first. Where days or months leave it open, the order of recording decides.
"""

from collections.abc import Iterable

import msgspec

from events.corrections import Revision
from events.log.record import Record
from events.vocabulary import canonical_body, read_body, vocabulary
from projections.duties import duties
from projections.engine.stream import Amendments, BadCorrection, amendments, as_corrected
from projections.moments import last_moment_of

REVISIONS = frozenset(tag for tag, kind in vocabulary().items() if issubclass(kind, Revision))


def amended_by(records: Iterable[Record]) -> Amendments:
    """What the revisions among some records say. It is the same for any projection."""
    return amendments(duties, (record for record in records if record.type in REVISIONS))


def as_it_counts(record: Record, amended: Amendments) -> Record | None:
    """A record with what was mended of it, None if it was retracted. A correction that does not fit changes nothing."""
    told = (record.stream, record.source, record.id)
    if told in amended.retracted:
        return None
    mends = amended.mended.get(told)
    if mends is None:
        return record
    try:
        event = as_corrected(read_body(record.type, record.body), mends)
    except (BadCorrection, msgspec.MsgspecError):
        return record
    return msgspec.structs.replace(record, body=canonical_body(event).decode())


def as_they_count(records: Iterable[Record], amended: Amendments) -> list[Record]:
    """These records, as they count; no revisions."""
    counted = (as_it_counts(record, amended) for record in records if record.type not in REVISIONS)
    return [record for record in counted if record is not None]


def came_after(one: Record, other: Record) -> bool:
    """Whether one happened after the other; where that is open, whether it was recorded after it."""
    if one.occurred_at > last_moment_of(other):
        return True
    return one.position > other.position and other.occurred_at <= last_moment_of(one)
