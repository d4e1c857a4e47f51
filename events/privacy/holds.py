"""Legal holds: what may not be erased for now, and until a lift of it counts.

An erasure cannot be undone, so in doubt a hold stands: a lift has to be told after the hold that it lifts, has to be of
no earlier time, and counts no more once it was retracted or its hold was corrected. A hold that was retracted is none.
"""

from collections.abc import Sequence
from typing import Any

import psycopg

HOLDS_MAX = 100

_HOLDS = """
    WITH told AS (
        SELECT r.stream, r.type, r.body::jsonb ->> 'hold' AS hold, r.position, r.occurred_at,
               CASE r.precise_to WHEN 'instant' THEN 'microseconds' ELSE r.precise_to END AS precise_to
          FROM log.records AS r
         WHERE r.organisation = %(organisation)s AND r.stream = ANY (%(streams)s)
           AND r.type IN ('legal_hold.set', 'legal_hold.lifted')
           AND NOT EXISTS (SELECT
                             FROM log.records AS v
                            WHERE v.organisation = r.organisation AND v.stream = r.stream
                              AND v.type IN ('event.retracted', 'event.corrected')
                              AND v.body::jsonb ->> 'of' = r.id
                              AND coalesce(v.body::jsonb ->> 'of_source', v.source) = r.source
                              AND (v.type = 'event.retracted'
                                   OR (r.type = 'legal_hold.lifted' AND v.body::jsonb -> 'fields' ? 'hold')))
    )
    SELECT DISTINCT s.stream, s.hold
      FROM told AS s
     WHERE s.type = 'legal_hold.set'
       AND NOT EXISTS (SELECT
                         FROM told AS l
                        WHERE l.type = 'legal_hold.lifted' AND l.stream = s.stream AND l.hold = s.hold
                          AND l.position > s.position
                          AND l.occurred_at >= date_trunc(l.precise_to, s.occurred_at, 'UTC'))
     ORDER BY s.stream, s.hold
     LIMIT %(limit)s
"""


def holds_on(
    conn: psycopg.Connection[Any], organisation: str, streams: Sequence[str]
) -> list[tuple[str, str]]:
    """The legal holds that stand on any of the streams: stream and hold."""
    asked = {"organisation": organisation, "streams": list(streams), "limit": HOLDS_MAX}
    return [(stream, hold) for stream, hold in conn.execute(_HOLDS, asked)]
