"""Numbers of things in a sentence: `1 record`, `2 records`, `1,204 records`."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """The number and what it counts: `counted(1, "record is", "records are")`. Without `many`, it is `one` and an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
