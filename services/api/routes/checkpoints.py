"""What is signed of a log, and by which keys, as c2sp.org/tlog-tiles has it.

Neither says anything of what was told, so both may be open to all (`QILEDGER_PUBLIC_CHECKPOINTS`): a witness needs no
key then.
"""

import base64
from datetime import datetime

import msgspec
from litestar import route
from litestar.types import ASGIApp

from events.log import proofs
from events.log.keys import READ
from services.api.answers import ASK_AGAIN, JSON, TEXT, TEXT_UTF8, encode, etag_of, representation
from services.api.asked import Asked, accepted, query
from services.api.doors import Door, Nothing, at
from services.api.problems import Problem, kinds
from services.api.proven import Cosigned, in_base64, log_named, proving, published


class CheckpointQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which checkpoint."""

    cosigned: Cosigned = 0


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that has signed checkpoints of this log, from a size on. `key` is 32 bytes (Ed25519) in base64."""

    vkey: str
    key: str
    first_size: int
    first_used: datetime


class PublicKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Every key that has signed this log, the oldest first."""

    origin: str
    keys: list[PublicKey]


@route(
    "/v1/{organisation:str}/log/checkpoint",
    http_method=["GET", "HEAD"],
    opt=at(
        Door(scope=READ, may_be_public=True, query=CheckpointQuery, answers={TEXT_UTF8: str}, refuses=(404,))
    ),
)
async def checkpoint(request: Asked) -> ASGIApp:
    """The newest signed checkpoint, with what witnesses put under it (c2sp.org/tlog-checkpoint)."""
    asked = query(request, CheckpointQuery)
    accepted(request, (TEXT,))
    last = await published(request, asked.cosigned)
    if last is None:
        raise Problem(kinds.NOT_SEALED)
    text = last.note.encode()
    return representation(request, text, TEXT_UTF8, etag=etag_of(text), cache=ASK_AGAIN)


@route(
    "/v1/{organisation:str}/log/keys",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=READ, may_be_public=True, answers={JSON: PublicKeys, TEXT_UTF8: str}, refuses=(404,))),
)
async def public_keys(request: Asked) -> ASGIApp:
    """Every public key that has signed this log's checkpoints. As text/plain one a line, as Go's note package has them.

    Do not trust a key because it is listed here: compare it with the one you were given by another way.
    """
    query(request, Nothing)
    form = accepted(request, (JSON, TEXT))
    async with proving(request) as conn:
        found = await proofs.used_keys(conn, log_named(request))
    if found is None or not found[1]:
        raise Problem(kinds.NOT_SEALED)
    tree, used = found
    if form == TEXT:
        text = "".join(f"{key.vkey}\n" for key in used).encode()
        return representation(request, text, TEXT_UTF8, etag=etag_of(text), cache=ASK_AGAIN)
    listed = [
        PublicKey(
            vkey=key.vkey,
            key=in_base64(base64.b64decode(key.vkey.rpartition("+")[2] or "")[1:]),
            first_size=key.first_size,
            first_used=key.first_used,
        )
        for key in used
    ]
    text = encode(PublicKeys(origin=tree.origin, keys=listed))
    return representation(request, text, etag=etag_of(text), cache=ASK_AGAIN)
