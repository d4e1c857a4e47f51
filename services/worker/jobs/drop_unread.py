"""Drops the builds that nobody reads any more: those replaced by a rebuild, and answers about the past gone cold."""

from projections.engine.builds import drop_retired
from services.worker.duty import on_duty


def drop_unread() -> None:
    """The job."""
    with on_duty(name="drops builds that nobody reads") as conn:
        drop_retired(conn)
