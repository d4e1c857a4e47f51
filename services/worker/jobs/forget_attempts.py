"""Forgets attempts at webhooks that are older than the delivery log promises to remember."""

from services.worker.duty import on_duty

KEPT_DAYS = 30
BATCH = 10_000

_FORGET = """
    DELETE FROM webhooks.attempts
     WHERE (organisation, endpoint, number) IN (
           SELECT organisation, endpoint, number
             FROM webhooks.attempts
            WHERE began_at < clock_timestamp() - make_interval(days => %(days)s)
            ORDER BY began_at
            LIMIT %(batch)s)
"""


def forget_attempts() -> None:
    """The job. A batch at a time, so that nobody waits for a long transaction."""
    with on_duty(name="forgets attempts at webhooks") as conn:
        while conn.execute(_FORGET, {"days": KEPT_DAYS, "batch": BATCH}).rowcount == BATCH:
            pass
