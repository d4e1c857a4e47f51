"""The tree itself, for verifiers: tiles of hashes and bundles of entries, as c2sp.org/tlog-tiles has them."""

from litestar import route
from litestar.types import ASGIApp

from events.log import proofs, tiles
from events.log.keys import READ
from events.log.tiles import LEVEL_MAX, Tile, TooLongForABundle
from services.api.answers import FOREVER, OCTETS, etag_of, representation
from services.api.asked import Asked, accepted, query
from services.api.auditors_reads import note_positions
from services.api.doors import Door, Nothing, at
from services.api.kept import POSITION_MAX
from services.api.problems import Problem, kinds
from services.api.proven import log_named, proving


@route(
    "/v1/{organisation:str}/log/tile/{level:str}/{place:path}",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=READ, answers={OCTETS: bytes}, refuses=(404, 422))),
)
async def tile(request: Asked) -> ASGIApp:
    """A tile of hashes, or a bundle of entries at level `entries` (c2sp.org/tlog-tiles). It never changes."""
    query(request, Nothing)
    accepted(request, (OCTETS,))
    level, place = (
        request.path_params["level"],
        tiles.read_path(str(request.path_params["place"]).lstrip("/")),
    )
    if place is None:
        raise Problem(kinds.NO_TILE)
    content = await (_bundle(request, *place) if level == "entries" else _tile(request, level, *place))
    if content is None:
        raise Problem(kinds.NO_TILE)
    return representation(request, content, OCTETS, etag=etag_of(content), cache=FOREVER)


async def _tile(request: Asked, level: str, number: int, width: int) -> bytes | None:
    if level not in {str(one) for one in range(LEVEL_MAX + 1)} or number > POSITION_MAX:
        return None
    async with proving(request) as conn:
        return await proofs.tile(conn, log_named(request), Tile(int(level), number), width)


async def _bundle(request: Asked, number: int, width: int) -> bytes | None:
    if number * tiles.WIDTH > POSITION_MAX:
        return None
    async with proving(request) as conn:
        found = await proofs.entries(conn, log_named(request), number, width)
    if found is None or len(found) != width:
        return None
    note_positions(request, range(number * tiles.WIDTH + 1, number * tiles.WIDTH + width + 1))
    try:
        return tiles.bundle(found)
    except TooLongForABundle as long:
        position = number * tiles.WIDTH + long.number + 1
        raise Problem(kinds.TOO_LONG_FOR_A_BUNDLE, position=position) from None
