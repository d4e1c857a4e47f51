"""Published facts about the organisation as a whole, and about what can happen to anything: awards, portfolios."""

from events.learning import AwardReceived
from events.organisation import (
    PartnershipStarted,
    PortfolioPublished,
    PortfolioReviewed,
    ReviewReceived,
    ServicesMoved,
    SupportOffered,
    TeamCreated,
    ToolAdopted,
)
from services.importing.published_fact import Fact, Mapped
from services.importing.wording import honour


def award(fact: Fact) -> Mapped:
    result = honour(f"{fact.title} {fact.note or ''}")
    return [(fact.home, AwardReceived(title=fact.title, result=result, published=fact.citation))]


def portfolio_published(fact: Fact) -> Mapped:
    listed = PortfolioPublished(title=fact.title, directorate=fact.one_directorate, published=fact.citation)
    return [(fact.home, listed)]


def portfolio_reviewed(fact: Fact) -> Mapped:
    return [(fact.home, PortfolioReviewed(title=fact.title, published=fact.citation))]


def partnership_started(fact: Fact) -> Mapped:
    partner = fact.subject.removesuffix(" partnership")
    begun = PartnershipStarted(partner=partner, summary=fact.title, published=fact.citation)
    return [(fact.organisation_stream, begun)]


def external_review(fact: Fact) -> Mapped:
    by, _, rest = fact.title.partition(" annual review of ")
    if not rest:
        raise ValueError("the title does not say who reviewed: `… annual review of …`")
    received = ReviewReceived(by=by, summary=fact.title, areas=fact.strategy_areas, published=fact.citation)
    return [(fact.organisation_stream, received)]


def tool_adopted(fact: Fact) -> Mapped:
    adopted = ToolAdopted(tool=fact.subject, summary=fact.title, published=fact.citation)
    return [(fact.organisation_stream, adopted)]


def team_created(fact: Fact) -> Mapped:
    created = TeamCreated(name=fact.subject, directorate=fact.one_directorate, published=fact.citation)
    return [(fact.organisation_stream, created)]


def organisation_change(fact: Fact) -> Mapped:
    if " join " not in f"{fact.title} ":
        raise ValueError("the title does not say that services join")
    moved = ServicesMoved(
        title=fact.title, change="joined", directorate=fact.one_directorate, published=fact.citation
    )
    return [(fact.organisation_stream, moved)]


def support_offered(fact: Fact) -> Mapped:
    offered = SupportOffered(title=fact.subject, summary=fact.title, published=fact.citation)
    return [(fact.organisation_stream, offered)]
