"""Says what there is to say to the people of one organisation: hears new facts, looks at rows, plans messages."""

import contextlib
import time

import redis

from services.doorbell import answer_speaking, connect
from services.settings import Settings
from services.worker.duty import on_duty
from services.worker.speaking import speak as speak_for

TURN_S = 30.0  # the sweep rings again if there is more


def speak(organisation: str) -> None:
    """The job."""
    with on_duty(name=f"speaks for {organisation}") as conn:
        with contextlib.suppress(redis.RedisError):
            answer_speaking(connect(Settings.read().redis_url or ""), organisation)
        speak_for(conn, organisation, time.monotonic() + TURN_S)
