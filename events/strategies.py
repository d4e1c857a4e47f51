"""Strategies and their areas. Ids of areas stay; their labels belong to the version of the strategy in force."""

from typing import Annotated

from msgspec import Meta

from events.fields import AreaId, Citation, Part, Text, Title, WrittenDate
from events.streams import StrategyEvent
from events.vocabulary import example

Version = Annotated[
    int, Meta(ge=1, le=1_000, description="1 for the first wording of a strategy, then 2, 3 …")
]


class Area(Part, frozen=True, kw_only=True):
    """A strategy area as one version of a strategy words it."""

    area: AreaId  # the id that projects name
    label: Title  # what the area is called in this version
    description: Text | None = None  # what belongs to it


class AreaMove(Part, frozen=True, kw_only=True):
    """What became of an area of the version before."""

    old: AreaId  # the area before
    new: AreaId | None = None  # the area that takes its work over; none if the area was retired


AreaList = Annotated[tuple[Area, ...], Meta(max_length=50)]
AreaMoves = Annotated[tuple[AreaMove, ...], Meta(max_length=200)]


@example(
    title="Improving the quality of life for all we serve",
    valid_from="2018-04",
    areas=[
        {"area": "population_health", "label": "Improved health of the communities we serve"},
        {"area": "service_user_experience", "label": "Improved experience of care"},
        {"area": "staff_experience", "label": "Improved staff experience"},
        {"area": "value", "label": "Improved value"},
    ],
)
class StrategyAdopted(StrategyEvent, frozen=True, kw_only=True, tag="strategy.adopted"):
    """An organisation adopted a strategy. Its areas are what improvement work is counted under while it is in force."""

    title: Title  # what the strategy is called
    valid_from: WrittenDate  # since when it is in force
    version: Version = 1  # which wording this is
    valid_to: WrittenDate | None = None  # until when it is meant to be in force
    areas: AreaList = ()  # its areas; none for a pledge or vision without areas of its own
    published: Citation | None = None  # where this was read


@example(
    version=2,
    valid_from="2021",
    areas=[{"area": "population_health", "label": "Improved population health outcomes"}],
    maps_from=[{"old": "population_health", "new": "population_health"}],
)
class StrategyRefreshed(StrategyEvent, frozen=True, kw_only=True, tag="strategy.refreshed"):
    """A strategy was worded anew. Earlier work keeps counting under the version that was in force, or is mapped."""

    version: Version  # which wording this is
    valid_from: WrittenDate  # since when it is in force
    title: Title | None = None  # its new title, if that changed
    valid_to: WrittenDate | None = None  # until when it is meant to be in force
    areas: AreaList  # all areas of the new wording
    maps_from: AreaMoves = ()  # what became of each area of the version before
    published: Citation | None = None  # where this was read
