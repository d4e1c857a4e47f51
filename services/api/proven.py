"""What every door of the proof needs: which log, its newest checkpoint, and a connection on which damage is told."""

import base64
import contextlib
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

import psycopg
import structlog
from msgspec import Meta

from events.log import proofs
from events.log.operations import ENDING
from events.log.proofs import Published
from events.log.standing import Damaged
from services.api.asked import Asked, desk_of
from services.api.problems import Problem, kinds

RETRY_AFTER_S = 3600  # no proof mends itself
COSIGNED_MAX = 16

Cosigned = Annotated[
    int, Meta(ge=0, le=COSIGNED_MAX, description="By how many witnesses the checkpoint is to be co-signed.")
]

_CODE = re.compile(r"[A-Z0-9]{2,10}")

log = structlog.get_logger(__name__)


@contextlib.asynccontextmanager
async def proving(request: Asked) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection to make a proof on. Damage is logged, put on record for the sealer to look into, and told as 503."""
    name = log_named(request)
    async with desk_of(request).pool.connection() as conn:
        try:
            yield conn
        except Damaged as damage:
            what = str(damage)
            log.error("the proof is damaged", log=name, what=what)  # noqa: TRY400  (where, not how it was found)
            await proofs.doubt(conn, name, what)
            told = f"{what[:1].upper()}{what[1:]}."
            raise Problem(kinds.DAMAGED_PROOF, told, headers={"retry-after": str(RETRY_AFTER_S)}) from None


async def published(request: Asked, cosigned: int) -> Published | None:
    """The newest checkpoint that so many witnesses put their names under, if there is one."""
    async with proving(request) as conn:
        return await proofs.published(conn, log_named(request), cosigned=cosigned)


def log_named(request: Asked) -> str:
    """The log that the address names: whoever needs a key for it was checked at the door. Raises Problem."""
    name = str(request.path_params["organisation"])
    if not _CODE.fullmatch(name.removesuffix(ENDING)):
        raise Problem(kinds.NOT_FOUND)
    return name


def in_base64(content: bytes) -> str:
    """Bytes as they stand in an answer (RFC 4648, section 4)."""
    return base64.b64encode(content).decode()
