"""The driver diagram of a project: its theory of what has to move for the aim to be reached."""

from typing import Annotated, Literal

from msgspec import Meta

from events.fields import DriverId, Text, Title
from events.streams import ProjectEvent
from events.vocabulary import example

Parents = Annotated[tuple[DriverId, ...], Meta(max_length=20, description="Drivers nearer to the aim.")]


@example(driver="D-2", kind="secondary", text="People know when and where to come", parents=["D-1"])
class DriverAdded(ProjectEvent, frozen=True, kw_only=True, tag="driver.added"):
    """A team thinks that something drives its aim."""

    driver: DriverId  # which driver
    text: Title  # what drives the aim
    kind: Literal["primary", "secondary"] | None = None  # whether it drives the aim itself or another driver
    parents: Parents = ()  # the drivers it drives; none for one that drives the aim
    notes: Text | None = None  # why the team thinks so


@example(
    driver="D-2",
    text="People know when, where and why to come",
    reason="Interviews with people who did not come.",
)
class DriverRevised(ProjectEvent, frozen=True, kw_only=True, tag="driver.revised"):
    """A driver was worded anew."""

    driver: DriverId  # which driver
    text: Title  # what drives the aim
    reason: Text | None = None  # why


@example(driver="D-2", parent="D-3")
class DriverLinked(ProjectEvent, frozen=True, kw_only=True, tag="driver.linked"):
    """A driver also drives another one."""

    driver: DriverId  # the driver further from the aim
    parent: DriverId  # the driver nearer to it


@example(driver="D-2", reason="The data show no connection.")
class DriverRemoved(ProjectEvent, frozen=True, kw_only=True, tag="driver.removed"):
    """A team no longer thinks that this drives its aim."""

    driver: DriverId  # which driver
    reason: Text | None = None  # why
