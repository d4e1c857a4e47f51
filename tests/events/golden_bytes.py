"""Golden bytes: one body of each event type as it was first kept. They must be readable for ever.

A file here is never changed, only added: `python -m tests.events.golden_bytes` writes those of new types.
"""

from pathlib import Path

from events.vocabulary import canonical_body, example_of, vocabulary

GOLDEN = Path(__file__).parent / "golden"
HOW_TO_ADD = (
    "run `python -m tests.events.golden_bytes` once, when the type is as it shall stay, and commit the file"
)


def golden_of(tag: str) -> Path:
    return GOLDEN / f"{tag}.json"


def add_missing() -> list[Path]:
    """Writes the golden bytes of types that have none yet; touches no other file."""
    added = []
    for tag, kind in vocabulary().items():
        if not golden_of(tag).exists():
            golden_of(tag).write_bytes(canonical_body(example_of(kind)) + b"\n")
            added.append(golden_of(tag))
    return added


if __name__ == "__main__":
    for path in add_missing():
        print(path)
