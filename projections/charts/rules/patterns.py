"""The patterns that rule sets are made of: outside, shift, trend, so many of so many, alternation.

Each takes what it needs and a number n, and gives `Span`s. Which n, and what a tie or a point on the line
does, is the rule set's to say: there the references disagree.
"""

from collections.abc import Iterable, Sequence

import msgspec

Sign = int | None
"""1 above, -1 below, 0 on the line, None where there is nothing to compare."""


class Span(msgspec.Struct, frozen=True):
    """Points (counted from 0) that make a signal together. `points` are the ones flagged, in order.

    `direction` is 1 for high or rising, -1 for low or falling, 0 where neither can be said.
    """

    points: tuple[int, ...]
    direction: int

    @property
    def first(self) -> int:
        """Where it begins."""
        return self.points[0]

    @property
    def last(self) -> int:
        """Where it ends."""
        return self.points[-1]


def signs(values: Sequence[float | None], lines: Sequence[float | None]) -> list[Sign]:
    """Which side of its line each value is on."""
    return [
        None if y is None or line is None else (y > line) - (y < line)
        for y, line in zip(values, lines, strict=True)
    ]


def outside(
    values: Sequence[float | None],
    lower: Sequence[float | None],
    upper: Sequence[float | None],
    where: Iterable[int],
) -> list[Span]:
    """Each point strictly beyond a limit; a point on the limit is within."""
    spans = []
    for i in where:
        y, low, high = values[i], lower[i], upper[i]
        if y is None:
            continue
        if high is not None and y > high:
            spans.append(Span((i,), 1))
        elif low is not None and y < low:
            spans.append(Span((i,), -1))
    return spans


def shifts(
    sides: Iterable[tuple[int, Sign]], n: int, *, on_line: str = "breaks", gap: str = "breaks"
) -> list[Span]:
    """Runs of n or more points on one side. A point on the line breaks the run or is skipped; so does a
    missing one.
    """
    spans: list[Span] = []
    members: list[int] = []
    direction = 0

    def close() -> None:
        if direction and len(members) >= n:
            spans.append(Span(tuple(members), direction))

    for i, sign in sides:
        if (sign == 0 and on_line == "skipped") or (sign is None and gap == "skipped"):
            continue
        side = sign or 0
        if side != direction:
            close()
            members, direction = [], side
        members.append(i)
    close()
    return spans


def trends(
    points: Iterable[tuple[int, float | None]], n: int, *, ties: str = "break", gap: str = "breaks"
) -> list[Span]:
    """N or more points each higher (or each lower) than the one before, so n - 1 moves.

    With `ties="skipped"` a repeat of the same value neither makes nor breaks a trend: plateaus count as one
    point, and a trend runs from its first point to the last point of its last plateau. A turning point
    belongs to both its trends.
    """
    if n < 2:
        return []
    spans: list[Span] = []
    plateaus: list[list[int]] = []
    direction, level = 0, 0.0

    def close() -> None:
        if direction and len(plateaus) >= n:
            spans.append(Span(tuple(i for plateau in plateaus for i in plateau), direction))

    for i, value in points:
        if value is None:
            if gap == "breaks":
                close()
                plateaus, direction = [], 0
            continue
        if not plateaus:
            plateaus, level = [[i]], value
            continue
        move = (value > level) - (value < level)
        if move == 0 and ties == "skipped":
            plateaus[-1].append(i)
            continue
        if move != direction:
            close()
            plateaus = plateaus[-1:] if move else []
        direction, level = move, value
        plateaus.append([i])
    close()
    return spans


def so_many_of(
    signs_beyond: Sequence[tuple[int, Sign]], least: int, of: int, *, same_side: bool = False
) -> list[Span]:
    """Windows of `of` points with `least` or more beyond a line on one side. Only the points beyond are
    flagged.

    Give 2 for a point beyond the line above, 1 for a point merely above, and mirrored below. With `same_side`
    all the points of the window have to lie on that side, else the others may lie anywhere. Overlapping
    windows are one span.
    """
    found: list[tuple[list[int], int]] = []
    beyond_at = [n for n, (_, sign) in enumerate(signs_beyond) if sign in (2, -2)]
    with_some = {
        start for n in beyond_at for start in range(max(n - of + 1, 0), n + 1)
    }  # most windows have none
    for start in sorted(with_some):
        if start + of > len(signs_beyond):
            break
        window = signs_beyond[start : start + of]
        if any(sign is None for _, sign in window):
            continue
        for direction in (1, -1):
            beyond = [i for i, sign in window if sign == 2 * direction]
            if len(beyond) < least or (same_side and any((sign or 0) * direction <= 0 for _, sign in window)):
                continue
            if found and found[-1][1] == direction and beyond[0] <= found[-1][0][-1]:
                found[-1][0].extend(i for i in beyond if i > found[-1][0][-1])
            else:
                found.append((beyond, direction))
    return [Span(tuple(points), direction) for points, direction in found]


def stretches_where(points: Iterable[tuple[int, bool]], n: int) -> list[Span]:
    """N or more points in a row for which something holds; no direction can be said."""
    return [Span(span.points, 0) for span in shifts(((i, 1 if holds else 0) for i, holds in points), n)]


def alternations(points: Iterable[tuple[int, float | None]], n: int) -> list[Span]:
    """N or more points in a row that go up and down in turn. A tie or a missing value ends it."""
    spans: list[Span] = []
    members: list[int] = []
    before: float | None = None
    last_move = 0
    for i, value in points:
        move = 0 if before is None or value is None else (value > before) - (value < before)
        if move == 0 or move == last_move:
            if len(members) >= n:
                spans.append(Span(tuple(members), 0))
            members = members[-1:] if move else []
        if value is not None:
            members.append(i)
        before, last_move = value, move
    if len(members) >= n:
        spans.append(Span(tuple(members), 0))
    return spans
