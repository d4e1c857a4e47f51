"""Says what there is to say to the people of one organisation: hears new facts, looks at rows, plans messages."""

import time

from services.worker.duty import on_duty
from services.worker.speaking import speak as speak_for

TURN_S = 30.0  # the sweep rings again if there is more


def speak(organisation: str) -> None:
    """The job."""
    with on_duty(name=f"speaks for {organisation}") as conn:
        speak_for(conn, organisation, time.monotonic() + TURN_S)
