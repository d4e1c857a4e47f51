"""Doing something that others may draw out for ever, for a bounded time.

Timeouts of sockets bound a silence; a server that says a byte every few seconds is never silent. So the call is made by
a thread of its own, and is not waited for any longer when its time is up.
"""

import contextlib
import queue
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

LOOK_EVERY_S = 0.1
LAST_WORD_S = 2.0  # what is under way when we are told to stop has so long to end

T = TypeVar("T")


class OutOfTime(Exception):
    """It took too long, or we were told to stop meanwhile. What it did is not known."""


def within(seconds: float, call: Callable[[], T], *, stopping: Callable[[], bool] = lambda: False) -> T:
    """What the call returns or raises. Raises OutOfTime; the call is then on its own."""
    return Runner().within(seconds, call, stopping=stopping)


class Runner:
    """Makes calls one after another, in a thread of its own; after one that took too long, in another."""

    def __init__(self) -> None:
        self._calls: _Calls | None = None

    def within(
        self, seconds: float, call: Callable[[], T], *, stopping: Callable[[], bool] = lambda: False
    ) -> T:
        """What the call returns or raises. Raises OutOfTime; the call is then on its own, unless it had not begun:
        then it is never made.
        """
        asked = _Asked(call)
        self._thread().put(asked)
        try:
            well, result = _waited_for(asked.said, seconds, stopping)
        except BaseException:
            asked.given_up = True
            self._thread().put(None)
            self._calls = None
            raise
        if not well:
            raise cast(BaseException, result)
        return cast(T, result)

    def _thread(self) -> "_Calls":
        if self._calls is None:
            self._calls = queue.SimpleQueue()
            threading.Thread(target=_make_calls, args=(self._calls,), name="sending", daemon=True).start()
            weakref.finalize(self, self._calls.put, None)
        return self._calls


_Said: TypeAlias = "queue.SimpleQueue[tuple[bool, Any]]"
_Calls: TypeAlias = "queue.SimpleQueue[_Asked | None]"


class _Asked:
    """A call that is to be made, and where it is said what came of it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.said: _Said = queue.SimpleQueue()
        self.given_up = False


def _waited_for(said: _Said, seconds: float, stopping: Callable[[], bool]) -> tuple[bool, Any]:
    until = time.monotonic() + seconds
    told_to_stop = False
    while True:
        if stopping() and not told_to_stop:
            told_to_stop = True
            until = min(until, time.monotonic() + LAST_WORD_S)
        left = until - time.monotonic()
        if left <= 0:
            raise OutOfTime
        with contextlib.suppress(queue.Empty):
            return said.get(timeout=min(left, LOOK_EVERY_S))


def _make_calls(calls: _Calls) -> None:
    while (asked := calls.get()) is not None:
        if not asked.given_up:
            try:
                asked.said.put((True, asked.call()))
            except BaseException as failure:  # whoever waits raises it
                asked.said.put((False, failure))
        del asked  # nothing of a letter is kept while there is nothing to do
