"""What `qiledger doctor` found: one thing that was looked at."""

from typing import Literal

import msgspec

State = Literal["well", "mind", "wrong"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at: how it is, and what to do if it is not well."""

    what: str
    state: State
    said: str
    cure: str = ""
