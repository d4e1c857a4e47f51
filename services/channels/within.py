"""Doing something that others may draw out for ever, for a bounded time.

Timeouts of sockets bound a silence; a server that says a byte every few seconds is never silent. So the call is made by
a thread of its own, and is not waited for any longer when its time is up.
"""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

LOOK_EVERY_S = 0.1
LAST_WORD_S = 2.0  # what is under way when we are told to stop has so long to end

T = TypeVar("T")


class OutOfTime(Exception):
    """It took too long, or we were told to stop meanwhile. What it did is not known."""


def within(seconds: float, call: Callable[[], T], *, stopping: Callable[[], bool] = lambda: False) -> T:
    """What the call returns or raises. Raises OutOfTime; the call is then on its own."""
    said: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()
    threading.Thread(target=_say, args=(call, said), name="sending", daemon=True).start()
    until = time.monotonic() + seconds
    told_to_stop = False
    while True:
        if stopping() and not told_to_stop:
            told_to_stop = True
            until = min(until, time.monotonic() + LAST_WORD_S)
        left = until - time.monotonic()
        if left <= 0:
            raise OutOfTime
        try:
            well, result = said.get(timeout=min(left, LOOK_EVERY_S))
        except queue.Empty:
            continue
        if not well:
            raise cast(BaseException, result)
        return cast(T, result)


def _say(call: Callable[[], Any], said: "queue.SimpleQueue[tuple[bool, Any]]") -> None:
    try:
        said.put((True, call()))
    except BaseException as failure:  # whoever waits raises it
        said.put((False, failure))
