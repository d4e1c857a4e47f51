"""How each strategy was worded, and which areas every new wording let go. Boards and improvement advisors read it.

An area that a wording names goes on in the next one if that names it too, or says which area takes its work over. Else
it was let go: work under way that still counts under it belongs somewhere, and a person has to say where.
"""

from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from events.fields import first_day
from events.log.record import Record
from events.strategies import AreaMove, StrategyAdopted, StrategyRefreshed
from projections.engine.projection import Projection
from projections.moments import last_day_of

VERSIONS_MAX = 100  # of one strategy; the latest are kept


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a strategy."""

    version: int
    valid_from: date
    told: date  # the last day on which it may have been made known
    title: str | None
    areas: tuple[str, ...]
    moves: tuple[AreaMove, ...] = ()

    @property
    def holds_from(self) -> date:
        """The first day on which it both is in force and may be known of."""
        return max(self.valid_from, self.told)


class Strategy(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy in all its wordings, by their versions."""

    wordings: tuple[Wording, ...] = ()


strategies = Projection("strategies", revision=1, row=Strategy, doc=__doc__, streams=["strategy"])


@strategies.on(StrategyAdopted)
@strategies.on(StrategyRefreshed)
def worded(row: Strategy | None, event: StrategyAdopted | StrategyRefreshed, record: Record) -> Strategy:
    """Told again, the later telling of a version holds."""
    known = row.wordings if row else ()
    told = Wording(
        version=event.version,
        valid_from=first_day(event.valid_from),
        told=last_day_of(record),
        title=event.title or (known[-1].title if known else None),
        areas=tuple(area.area for area in event.areas),
        moves=event.maps_from if isinstance(event, StrategyRefreshed) else (),
    )
    others = [one for one in known if one.version != event.version]
    wordings = sorted([*others, told], key=lambda one: one.version)
    return Strategy(wordings=tuple(wordings[-VERSIONS_MAX:]))


class LetGo(msgspec.Struct, frozen=True):
    """By which wording an area was let go."""

    strategy: str
    version: int
    since: date


def areas_let_go(known: Mapping[str, Strategy], today: date) -> dict[str, LetGo]:
    """The areas that no strategy in force on a day has any more, nor has handed on. `known` is by streams."""
    gone: dict[str, LetGo] = {}
    named: set[str] = set()
    for stream, strategy in sorted(known.items()):
        in_force = [one for one in strategy.wordings if one.holds_from <= today and one.areas]
        lost, kept = _gone(stream.partition("/")[2], in_force)
        gone |= lost
        named |= kept
    return {area: let_go for area, let_go in gone.items() if area not in named}


def _gone(strategy: str, wordings: Iterable[Wording]) -> tuple[dict[str, LetGo], set[str]]:
    """Of one strategy: the areas that were let go, and those that go on under their own or another's name."""
    gone: dict[str, LetGo] = {}
    goes_on: dict[str, str] = {}
    for one in wordings:
        heirs = {move.old: move.new for move in one.moves} | {area: area for area in one.areas}
        for area, called in list(goes_on.items()):
            heir = heirs.get(called)
            if heir is None:
                del goes_on[area]
                gone[area] = LetGo(strategy, one.version, one.holds_from)
            else:
                goes_on[area] = heir
        goes_on |= {area: area for area in one.areas}
        gone = {area: let_go for area, let_go in gone.items() if area not in goes_on}
    return gone, set(goes_on)


class OfStrategy(msgspec.Struct, frozen=True, kw_only=True):
    """Every wording of every strategy, or of one."""

    strategy: str | None = None  # Id of a strategy: its stream without `strategy/`.


class Worded(msgspec.Struct, frozen=True, kw_only=True):
    """A wording of a strategy."""

    strategy: str
    version: int
    valid_from: date
    title: str | None
    areas: int  # how many areas it has
    retired: int  # of how many areas before it says that nothing takes them over


WORDINGS = """
    SELECT split_part(key, '/', 2) AS strategy, worded.version, worded.valid_from, worded.title,
           jsonb_array_length(worded.areas) AS areas,
           jsonb_array_length(
               jsonb_path_query_array(worded.moves, '$[*] ? (!exists (@.new) || @.new == null)')) AS retired
      FROM strategies
     CROSS JOIN LATERAL jsonb_to_recordset(wordings)
           AS worded (version bigint, valid_from date, title text, areas jsonb, moves jsonb)
     WHERE organisation = %(organisation)s
       AND (%(strategy)s::text IS NULL OR key = 'strategy/' || %(strategy)s)
"""
strategies.question(
    "wordings",
    WORDINGS,
    asks=OfStrategy,
    answers=Worded,
    order=["strategy", "version"],
    doc="Every wording of the strategies: since when, with how many areas, and how many it retired.",
)
