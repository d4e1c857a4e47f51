"""Being told to stop, as a question one may ask."""

import signal
from types import FrameType


class StopAsked:
    """Whether a stop was asked for; once `listen` has been called, SIGTERM and SIGINT ask for one."""

    def __init__(self) -> None:
        self._asked = False

    def __call__(self) -> bool:
        return self._asked

    def listen(self) -> None:
        """From now on signals only ask. RQ puts handlers of its own in their place while it is at work."""
        signal.signal(signal.SIGTERM, self.note)
        signal.signal(signal.SIGINT, self.note)

    def note(self, _signal: int, _frame: FrameType | None) -> None:
        """What a handler calls."""
        self._asked = True
