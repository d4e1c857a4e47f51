"""Barriers: what stands in a team's way, who is to clear it, and whether they did."""

from typing import Literal

from events.fields import BarrierId, ForumId, Label, Text, Title, WrittenDate
from events.streams import ProjectEvent
from events.vocabulary import example


@example(barrier="B-1", title="No access to booking data", owner="Data lead", due="2024-05")
class BarrierRaised(ProjectEvent, frozen=True, kw_only=True, tag="barrier.raised"):
    """A team said what stands in its way."""

    barrier: BarrierId  # which barrier
    title: Title  # what it is
    text: Text | None = None  # more about it
    owner: Label | None = None  # the role that is to clear it
    due: WrittenDate | None = None  # by when


@example(barrier="B-1", to="sponsor", reason="Only the sponsor can ask the supplier.", due="2024-06")
class BarrierEscalated(ProjectEvent, frozen=True, kw_only=True, tag="barrier.escalated"):
    """A team asked its sponsor or the forum to clear a barrier."""

    barrier: BarrierId  # which barrier
    to: Literal["sponsor", "forum", "executive"]  # who is asked
    forum: ForumId | None = None  # which forum, if it is one
    reason: Text | None = None  # why they are needed
    due: WrittenDate | None = None  # by when


@example(barrier="B-1", how="The supplier sends the data every Monday.")
class BarrierResolved(ProjectEvent, frozen=True, kw_only=True, tag="barrier.resolved"):
    """A barrier no longer stands in the way."""

    barrier: BarrierId  # which barrier
    how: Text | None = None  # how it was cleared
