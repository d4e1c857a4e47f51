"""What happens to an organisation on its way to improving everything it does: partners, platforms, ratings, counts."""

from typing import Annotated, Literal

from msgspec import Meta

from events.fields import Areas, Citation, Count, DirectorateId, Figures, Label, OdsCode, Text, Title, Tools
from events.streams import AnyEvent, OrganisationEvent
from events.vocabulary import example


@example(partner="Institute for Healthcare Improvement", summary="Strategic partner for improvement")
class PartnershipStarted(OrganisationEvent, frozen=True, kw_only=True, tag="partnership.started"):
    """The organisation began to work on improvement together with another."""

    partner: Title  # the other organisation
    summary: Text | None = None  # what they do together
    published: Citation | None = None  # where this was read


@example(partner="A neighbouring university", reason="The agreement ran out.")
class PartnershipEnded(OrganisationEvent, frozen=True, kw_only=True, tag="partnership.ended"):
    """A partnership came to its end."""

    partner: Title  # the other organisation
    reason: Text | None = None  # why
    published: Citation | None = None  # where this was read


@example(tool="Life QI", summary="Every team documents its project there.")
class ToolAdopted(OrganisationEvent, frozen=True, kw_only=True, tag="tool.adopted"):
    """The organisation took a platform or tool for improvement work into use."""

    tool: Title  # which
    summary: Text | None = None  # what it is used for
    published: Citation | None = None  # where this was read


@example(name="Central QI team", purpose="Training, coaching and data for all directorates")
class TeamCreated(OrganisationEvent, frozen=True, kw_only=True, tag="team.created"):
    """A standing team for improvement was set up."""

    name: Title  # what it is called
    purpose: Text | None = None  # what it is for
    directorate: DirectorateId | None = None  # where it works, if not for all
    published: Citation | None = None  # where this was read


@example(title="QI clinics", summary="Twenty minutes with an improvement advisor, bookable by anybody")
class SupportOffered(OrganisationEvent, frozen=True, kw_only=True, tag="support.offered"):
    """A new kind of help with improvement work is open to people."""

    title: Title  # what it is called
    summary: Text | None = None  # what it offers, and to whom
    published: Citation | None = None  # where this was read


@example(
    title="Mental health services of a neighbouring county joined",
    change="joined",
    directorate="bedfordshire",
)
class ServicesMoved(OrganisationEvent, frozen=True, kw_only=True, tag="services.moved"):
    """Services joined the organisation or left it. Counts before and after do not compare as they stand."""

    title: Title  # which services
    change: Literal["joined", "left"]  # which way they moved
    directorate: DirectorateId | None = None  # the directorate that gained or lost them
    other: OdsCode | None = None  # the organisation they came from or went to
    published: Citation | None = None  # where this was read


@example(given_by="Care Quality Commission", rating="Outstanding", scope="Overall")
class RatingReceived(OrganisationEvent, frozen=True, kw_only=True, tag="rating.received"):
    """A regulator rated the organisation or a part of it."""

    given_by: Label  # who gave it
    rating: Label  # the rating, in the regulator's words
    scope: Title | None = None  # what was rated
    published: Citation | None = None  # where this was read


@example(
    by="Institute for Healthcare Improvement", summary="Four in five projects involve experts by experience."
)
class ReviewReceived(OrganisationEvent, frozen=True, kw_only=True, tag="review.received"):
    """Somebody from outside reviewed how the organisation improves."""

    by: Title  # who reviewed
    summary: Text | None = None  # what they found
    areas: Areas = ()  # the strategy areas it speaks of
    published: Citation | None = None  # where this was read


@example(title="Active QI projects, June 2019", directorate="luton", projects=14)
class PortfolioPublished(AnyEvent, frozen=True, kw_only=True, tag="portfolio.published"):
    """A list of improvement projects was published: what the directorate, forum or organisation was working on."""

    title: Title  # its title
    directorate: DirectorateId | None = None  # whose projects it lists
    projects: Count | None = None  # how many it lists
    published: Citation | None = None  # where this was read


@example(title="Sleeping projects tidied up", closed=12, reason="No news for more than a year")
class PortfolioReviewed(AnyEvent, frozen=True, kw_only=True, tag="portfolio.reviewed"):
    """A list of projects was gone through. Each project that ended by it has an event of its own where it is known."""

    title: Title  # what was reviewed
    reviewed: Count | None = None  # how many projects were looked at
    closed: Count | None = None  # how many were closed by it
    reason: Text | None = None  # why, or by which rule
    published: Citation | None = None  # where this was read


@example(
    counted="projects", figures={"active_or_completed_projects": 433}, title="Projects active or completed"
)
class CountPublished(AnyEvent, frozen=True, kw_only=True, tag="count.published"):
    """A publication said how many there were on that day. It is a claim to compare with, and is added to no total."""

    counted: Literal["projects", "people", "roles", "teams", "involvement", "other"]  # what was counted
    figures: Annotated[Figures, Meta(min_length=1)]  # the figures by name
    title: Title | None = None  # what they say, in words
    directorate: DirectorateId | None = None  # where it was counted, if not everywhere
    areas: Areas = ()  # the strategy areas it speaks of
    tools: Tools = ()  # methods that are named
    published: Citation | None = None  # where this was read
