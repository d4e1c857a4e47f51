"""The charter of a project: what it is about, why it matters, and what it leaves out."""

from events.fields import Text, Title, WrittenDate
from events.streams import ProjectEvent
from events.vocabulary import example


@example(
    problem="Half of those referred wait longer than 28 days.",
    rationale="Waiting makes people worse, and some give up.",
    scope="Referrals to the community team",
    outside="Urgent referrals",
    population="Adults in City and Hackney",
    starts="2024-04",
    ends="2025-01",
)
class CharterCompleted(ProjectEvent, frozen=True, kw_only=True, tag="charter.completed"):
    """A team finished its charter together with sponsor and coach."""

    problem: Text  # what is not good enough
    rationale: Text | None = None  # why it matters, to whom
    scope: Text | None = None  # what the project covers
    outside: Text | None = None  # what it leaves to others
    population: Title | None = None  # for whom
    baseline: Text | None = None  # what is known of how things are now
    starts: WrittenDate | None = None  # when the work begins
    ends: WrittenDate | None = None  # when it is expected to end; nine to twelve months are usual
    aim: Text | None = None  # the aim in the charter's words; `aim.set` says it in figures


@example(
    problem="Half of those referred wait longer than 28 days.",
    scope="Both community teams",
    reason="A second team has joined.",
)
class CharterRevised(CharterCompleted, frozen=True, kw_only=True, tag="charter.revised"):
    """A charter was changed. It is told in full; the earlier one stays on record."""

    reason: Text | None = None  # why it changed
