"""Improvement priorities: what a forum, a directorate or the organisation agreed to work on for a while."""

from events.fields import Areas, DirectorateId, ForumId, Text, Title, WrittenDate
from events.streams import PriorityEvent
from events.vocabulary import example


@example(
    title="Shorter waits for a first appointment",
    forum="city-hackney",
    areas=["service_user_experience"],
    since="2024-04",
    until="2025-03",
)
class PriorityAgreed(PriorityEvent, frozen=True, kw_only=True, tag="priority.agreed"):
    """An improvement priority was agreed. Without forum or directorate it is a priority of the whole organisation."""

    title: Title  # what is to become better
    why: Text | None = None  # what it answers to
    forum: ForumId | None = None  # the forum whose priority it is
    directorate: DirectorateId | None = None  # the directorate whose priority it is
    areas: Areas = ()  # the strategy areas it belongs to
    since: WrittenDate | None = None  # the first day it holds
    until: WrittenDate | None = None  # the last day it holds


@example(reason="Waits have been short for half a year.")
class PriorityRetired(PriorityEvent, frozen=True, kw_only=True, tag="priority.retired"):
    """A priority no longer holds. Work that began under it goes on as it may."""

    reason: Text | None = None  # why
