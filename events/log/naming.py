"""What a log is called in its checkpoints, and whether the database may call it so.

Under a new name nothing that was signed before would be held against a log: whoever may write to `proof.logs` could
have a rewritten history signed as another log's first. So the name is held against what stands outside the database.
"""

from typing import Any

import psycopg

from events.log.sealing_key import Remembered, Signer

_BEGAN_ANEW = """
    SELECT 1
      FROM proof.refusals
     WHERE organisation = %(log)s AND generation = %(before)s AND decision LIKE 'begin anew: %%'
     LIMIT 1
"""


def wrong_name(
    conn: psycopg.Connection[Any], log: str, generation: int, origin: str, signer: Signer
) -> str | None:
    """What is wrong with the name that the database gives a log; None if nothing is.

    It is a name of this log in this generation. A later generation, or a name other than the one remembered outside, is
    believed only if an operator has decided that the log begins anew.
    """
    ending = f"/{log}" + ("" if generation == 1 else f"/{generation}")
    if not origin.endswith(ending):
        return f"{origin} is no name of {log} in generation {generation}"
    others = set() if signer.directory is None else Remembered(signer.directory).origins(log) - {origin}
    if generation == 1 and not others:
        return None
    if conn.execute(_BEGAN_ANEW, {"log": log, "before": generation - 1}).fetchone() is not None:
        return None
    before = f"; it was sealed as {min(others)}" if others else ""
    return f"nobody has decided that {log} begins anew as {origin}{before}"
