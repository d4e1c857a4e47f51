"""What people say to one another about improvement work, and who may see it."""

from events.corrections import TellingId
from events.fields import Audience, PersonalText, Text
from events.streams import AnyEvent
from events.vocabulary import example


@example(text="We tried the same on our ward: ask the night shift first.", about="P-17-C-7-tested")
class CommentPosted(AnyEvent, frozen=True, kw_only=True, tag="comment.posted"):
    """Somebody commented on a piece of improvement work, in its stream."""

    words_of = "actor"

    text: PersonalText  # the comment
    about: TellingId | None = None  # the id of the event it answers to, if it is one
    audience: Audience | None = None  # who may see it, if not whoever may see the work


@example(audience="team", reason="The team wants to try it among themselves first.")
class VisibilitySet(AnyEvent, frozen=True, kw_only=True, tag="visibility.set"):
    """Who may see a piece of work from now on. It is counted either way; only lists and pages leave it out."""

    audience: Audience  # everybody, the organisation, its forum or its team
    reason: Text | None = None  # why
