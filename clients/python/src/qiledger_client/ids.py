"""An id for an event whose sender has none of its own."""

import secrets
import time
import uuid


def new_id() -> str:
    """A UUID of version 7 (RFC 9562, section 5.7): 48 bits of the time in milliseconds, and 74 that are random.

    Those of one sender are near each other in the order of time, and so in the ledger's index of what was told. (Python
    has its own from 3.14 on.)
    """
    milliseconds = time.time_ns() // 1_000_000
    bits = (milliseconds & (1 << 48) - 1) << 80 | secrets.randbits(80)
    bits = bits & ~(0xF << 76) | 7 << 76  # the version …
    bits = bits & ~(0b11 << 62) | 0b10 << 62  # … and the variant
    return str(uuid.UUID(int=bits))
