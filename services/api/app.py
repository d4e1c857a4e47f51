"""The list of doors, and how they are hung."""

import re

from litestar import Litestar, Response
from litestar.datastructures import State

from events.log.keys import AUDIT
from services.api import asyncapi, openapi
from services.api.answers import answer_exception, named
from services.api.asked import Asked, desk_of, header
from services.api.desk import Desk
from services.api.doorkeeper import check
from services.api.doors import Door
from services.api.made_once import MadeOnce
from services.api.routes import (
    asking,
    charts,
    checkpoints,
    exporting,
    house,
    importing,
    inbox,
    live,
    messages,
    notice_pages,
    notices,
    operations,
    people,
    portfolio_charts,
    preferences,
    problem_pages,
    proof,
    reading,
    schemas,
    specification,
    telling,
    tiles,
    webhook_deliveries,
    webhooks,
    why,
)
from services.api.routes.specification import Specification
from services.embedded.lifeline import die_with_parent
from services.logs import speak
from services.settings import Settings

DOORS = (
    telling.tell,
    importing.bring,
    reading.feed,
    reading.one,
    reading.stream,
    operations.operations,
    checkpoints.checkpoint,
    checkpoints.public_keys,
    tiles.tile,
    proof.inclusion,
    proof.consistency,
    proof.receipt,
    people.find,
    people.keep,
    people.forget,
    asking.projections,
    asking.ask,
    charts.chart,
    portfolio_charts.charts,
    exporting.export,
    why.why_so,
    why.what_happened,
    notices.notices,
    notices.rules,
    preferences.choices,
    preferences.set_choices,
    preferences.unsubscribing,
    preferences.unsubscribe,
    notice_pages.notice,
    live.live_records,
    live.live_projections,
    webhooks.webhooks,
    webhooks.make_webhook,
    webhooks.webhook,
    webhooks.change_webhook,
    webhooks.remove_webhook,
    webhooks.rotate_webhook,
    webhook_deliveries.replay_webhook,
    webhook_deliveries.skip_in_webhook,
    webhook_deliveries.test_webhook,
    webhook_deliveries.webhook_deliveries,
    webhook_deliveries.webhook_waiting,
    webhook_deliveries.webhook_stats,
    messages.messages,
    messages.message,
    messages.retry,
    inbox.inbox,
    inbox.mark_read,
    inbox.mark_unread,
    schemas.schemas,
    schemas.schema,
    specification.openapi,
    specification.asyncapi,
    problem_pages.problems,
    problem_pages.problem,
    house.alive,
    house.ready,
    house.which_version,
    house.index,
)


def create_app(settings: Settings) -> Litestar:
    """The API over the database and the doorbell that the settings name."""
    desk = Desk(settings)
    app = Litestar(
        DOORS,
        before_request=let_in,
        exception_handlers={Exception: answer_exception},
        lifespan=[desk.open()],
        state=State({"desk": desk}),
        openapi_config=None,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
        request_max_body_size=None,  # `asked.body` bounds what it reads, and how long it waits
    )
    app.state.openapi = MadeOnce(lambda: Specification.of(openapi.described(app)))
    app.state.asyncapi = MadeOnce(lambda: Specification.of(asyncapi.described()))
    app.state.methods = methods(app)
    return app


def methods(app: Litestar) -> dict[str, str]:
    """The methods of each address, as `Allow` lists them, by the address as a request's scope names it."""
    return {
        re.sub(r":\w+", "", path): ", ".join(sorted({*found, "OPTIONS"}))
        for path, found in app.route_handler_method_map.items()
    }


async def let_in(request: Asked) -> Response[None] | None:
    """Before every door: whoever needs a key has one that may do what it asks. OPTIONS is answered here."""
    door: Door | None = request.route_handler.opt.get("door")
    if door is None:
        allowed: str = request.app.state.methods[request.scope["path_template"]]
        return Response(None, status_code=204, headers={"allow": allowed})
    desk = desk_of(request)
    if door.scope is not None and not (door.may_be_public and desk.settings.public_checkpoints):
        key = await desk.doorkeeper.whose(header(request, "authorization"))
        request.scope["auth"] = key
        desk.journal.knows(key.organisation)
        request.scope["auth"] = check(key, request.path_params.get("organisation"), door.scope)
        if AUDIT in key.scopes:
            desk.journal.read(key, named(request))
    return None


def served() -> Litestar:
    """The app as a server process makes it: by the environment, and not outliving the process that started it."""
    die_with_parent()
    settings = Settings.read()
    speak(settings.log_level, settings.log_format)
    return create_app(settings)
