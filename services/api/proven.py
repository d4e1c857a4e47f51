"""The database for whoever makes proofs: what does not prove what was signed is told as damage, and looked into."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import structlog

from events.log import proofs
from events.log.standing import Damaged
from services.api.asked import Asked, desk_of
from services.api.problems import Problem, kinds

RETRY_AFTER_S = 3600  # no proof mends itself

log = structlog.get_logger(__name__)


@contextlib.asynccontextmanager
async def proving(request: Asked) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection to make a proof on. Damage is logged, put on record for the sealer to look into, and told as 503."""
    name = str(request.path_params["organisation"])
    async with desk_of(request).pool.connection() as conn:
        try:
            yield conn
        except Damaged as damage:
            what = str(damage)
            log.error("the proof is damaged", log=name, what=what)  # noqa: TRY400  (where, not how it was found)
            await proofs.doubt(conn, name, what)
            told = f"{what[:1].upper()}{what[1:]}."
            raise Problem(kinds.DAMAGED_PROOF, told, headers={"retry-after": str(RETRY_AFTER_S)}) from None
