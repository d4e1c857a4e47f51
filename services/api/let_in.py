"""Whether a key would be let in now: what goes on for longer than a moment lasts no longer than the right to it."""

from events.log.keys import Key
from services.api.asked import Asked, desk_of, header
from services.api.doorkeeper import check


async def still_let_in(request: Asked, scope: str) -> Key:
    """The key of a request as it is by now. Raises Problem for one that was ended since, psycopg.OperationalError."""
    key = await desk_of(request).doorkeeper.whose(header(request, "authorization"))
    return check(key, request.path_params.get("organisation"), scope)
