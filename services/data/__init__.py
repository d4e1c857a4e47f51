"""Data that come with the house: the published history of improvement at two trusts, with its README, unchanged."""

from importlib import resources
from pathlib import Path

PUBLIC_HISTORY = "public-improvement-history.jsonl"


def public_history() -> Path:
    """The file of 446 published facts."""
    return Path(str(resources.files(__package__) / PUBLIC_HISTORY))
