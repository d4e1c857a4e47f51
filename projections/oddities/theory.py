"""What a project is for and how it hopes to get there: aim, drivers, changes."""

from events.aims import AimSet
from events.changes import ChangeImplemented
from events.drivers import DriverAdded, DriverLinked
from events.log.record import Record
from projections.oddities.rule import WHOLE, rule
from projections.oddities.so_far import SoFar


@rule(
    "aim_not_measurable",
    "Its aim names no target, or no date by which it is to be met.",
    AimSet,
    healed=lambda now, _: now.aimed,
)
def aim_not_measurable(before: SoFar, after: SoFar, event: AimSet, record: Record) -> str | None:
    return None if after.aimed else WHOLE


@rule(
    "aim_turned_round",
    "Its aim says which way is better, and its target lies the other way from its baseline.",
    AimSet,
    healed=lambda now, _: not now.turned_round,
)
def aim_turned_round(before: SoFar, after: SoFar, event: AimSet, record: Record) -> str | None:
    return WHOLE if after.turned_round else None


def _unknown_parent(so_far: SoFar, driver: str) -> bool:
    known = so_far.driver(driver)
    return known is not None and any(so_far.driver(parent) is None for parent in known.parents)


def _in_a_circle(so_far: SoFar, driver: str) -> bool:
    """Whether a driver drives itself, by way of others or at once."""
    seen: set[str] = set()
    ahead = [driver]
    while ahead:
        known = so_far.driver(ahead.pop())
        for parent in known.parents if known else ():
            if parent == driver:
                return True
            if parent not in seen:
                seen.add(parent)
                ahead.append(parent)
    return False


@rule(
    "driver_of_nothing",
    "A driver is said to drive another that was never told.",
    DriverAdded,
    DriverLinked,
    healed=lambda now, driver: not _unknown_parent(now, driver),
)
def driver_of_nothing(
    before: SoFar, after: SoFar, event: DriverAdded | DriverLinked, record: Record
) -> str | None:
    return event.driver if _unknown_parent(after, event.driver) else None


@rule(
    "drivers_in_a_circle",
    "Drivers drive one another in a circle, so that none of them leads to the aim.",
    DriverAdded,
    DriverLinked,
    healed=lambda now, driver: not _in_a_circle(now, driver),
)
def drivers_in_a_circle(
    before: SoFar, after: SoFar, event: DriverAdded | DriverLinked, record: Record
) -> str | None:
    return event.driver if _in_a_circle(after, event.driver) else None


@rule(
    "implemented_untested",
    "A change became daily practice, and no test is told in which it was adopted.",
    ChangeImplemented,
    healed=lambda now, _: now.adopted,
)
def implemented_untested(before: SoFar, after: SoFar, event: ChangeImplemented, record: Record) -> str | None:
    return None if after.adopted else event.change_idea or WHOLE
