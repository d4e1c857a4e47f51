"""What is dear to make and seldom asked for: made when somebody asks, once, beside the loop that answers others."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class MadeOnce(Generic[T]):
    """Whoever asks first has it made, in a thread; whoever asks meanwhile waits for the same. One event loop asks.

    What could not be made is tried again by the next who asks.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._making: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """What was made. Raises what making it raised."""
        if self._making is None or (self._making.done() and self._making.exception() is not None):
            self._making = asyncio.create_task(asyncio.to_thread(self._make))
        return await asyncio.shield(self._making)
