"""What the sweep can find and see to: one description for each kind of work whose facts stand in Postgres."""

from collections.abc import Callable, Mapping

import msgspec
import redis

from services.worker.duty import Connection


class Sweepable(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of work: how it is found, who is woken for it, and how it is done where nobody answers.

    `due` says which organisations have such work, each with where it stands: anything that changes as the work goes on.
    `wake` rings for one of them, and may raise `RedisError`. `do` works for one until a moment of `time.monotonic()`,
    and says whether all is done. Two who do the same at once must do no harm: the fence is theirs, not the sweep's.
    """

    name: str
    due: Callable[[Connection], Mapping[str, object]]
    wake: Callable[[redis.Redis, str], object]
    do: Callable[[Connection, str, float], bool]
    every_s: float = 0.0
    """How long after one look the next is, at least."""
    stands_in: bool = True
    """Whether the sweep does it itself when it rang and nothing moved; what moves rarely is left to who was woken."""
