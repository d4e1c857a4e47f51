"""`GET /v1/{organisation}/operations`: what the ledger tells of itself. Read like any log, by those who may."""

from litestar import route
from litestar.types import ASGIApp

from events.log.keys import OPERATIONS
from services.api import kept
from services.api.answers import CLOUDEVENTS, JSON, NDJSON
from services.api.asked import Asked
from services.api.doorkeeper import reader_of_operations
from services.api.doors import Door, at
from services.api.routes.reading import Feed, FeedPage, show_feed
from services.cloud_event import CloudEventItem


@route(
    "/v1/{organisation:str}/operations",
    http_method=["GET", "HEAD"],
    opt=at(
        Door(
            scope=OPERATIONS,
            query=Feed,
            answers={JSON: FeedPage, NDJSON: kept.Item, CLOUDEVENTS: list[CloudEventItem]},
        )
    ),
)
async def operations(request: Asked) -> ASGIApp:
    """The organisation's operations: refusals, keys made and revoked, auditors' reads, exports, erasures.

    The same log is read through every other door of a log as `/v1/RWK.operations/…`: single records, streams, proofs.
    """
    request.scope["auth"] = reader_of_operations(request.auth)
    return await show_feed(request)
