"""Tries parked records again: after an upgrade, after a mend, and every night."""

from projections.engine.found import found
from projections.engine.parked import retry_parked as retry
from services.worker.duty import on_duty


def retry_parked(organisation: str | None = None) -> None:
    """The job, for one organisation or for all."""
    with on_duty(name="tries parked records again") as conn:
        rows = conn.execute("SELECT organisation FROM log.heads ORDER BY organisation").fetchall()
        for (code,) in rows:
            if organisation in (None, code):
                for projection in found().values():
                    retry(conn, projection, code)
