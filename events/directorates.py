"""Directorates, divisions and boroughs. They are renamed, merged and closed; what happened in them stays theirs."""

from typing import Literal

from events.fields import Citation, DirectorateId, OdsCode, Text, Title
from events.streams import DirectorateEvent
from events.vocabulary import example


@example(name="Tower Hamlets", kind="borough")
class DirectorateCreated(DirectorateEvent, frozen=True, kw_only=True, tag="directorate.created"):
    """A directorate exists from now on."""

    name: Title  # what it is called
    kind: Literal["directorate", "division", "borough", "service", "ward"] | None = None  # what sort of unit
    within: DirectorateId | None = None  # the larger unit that it is part of
    ods_code: OdsCode | None = None  # its code in the Organisation Data Service, if it has one
    published: Citation | None = None  # where this was read


@example(name="Community Health Newham", reason="Named after what it does.")
class DirectorateRenamed(DirectorateEvent, frozen=True, kw_only=True, tag="directorate.renamed"):
    """A directorate has a new name. It is the same directorate, with the same work."""

    name: Title  # what it is called from now on
    reason: Text | None = None  # why


@example(into="bedfordshire-luton", reason="One leadership for both counties.")
class DirectorateMerged(DirectorateEvent, frozen=True, kw_only=True, tag="directorate.merged"):
    """A directorate became part of another, where its work goes on."""

    into: DirectorateId  # the directorate that goes on
    reason: Text | None = None  # why


@example(successor="newham", reason="The services are run by the borough now.")
class DirectorateClosed(DirectorateEvent, frozen=True, kw_only=True, tag="directorate.closed"):
    """A directorate no longer exists. No new work begins there."""

    successor: DirectorateId | None = None  # the directorate that takes its work over, if one does
    reason: Text | None = None  # why
