"""Says each morning which logs nobody has examined for days: the sealer, which does that, cannot say if it is away."""

import structlog

from events.log import examinations
from services.worker.duty import on_duty

log = structlog.get_logger(__name__)


def mind_examinations() -> None:
    """The job: an error in the log for each, which is where whoever is on call looks."""
    with on_duty(name="minds examinations") as conn:
        for last in examinations.last(conn):
            if last.is_overdue:
                log.error(
                    "the proof has not been examined for days",
                    log=last.log,
                    last=None if last.examined_at is None else last.examined_at.isoformat(),
                    cure="see that the sealer runs; meanwhile: qiledger doctor --proof",
                )
