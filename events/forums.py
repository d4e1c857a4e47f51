"""QI Forums: where a directorate agrees its priorities, approves projects and looks after them, usually each month.

A forum keeps its id through every renaming and reorganisation.
"""

from typing import Literal

from events.fields import Citation, Directorates, ForumId, Label, MeetingId, Text, Title, Tools
from events.streams import ForumEvent
from events.vocabulary import example

Cadence = Literal["weekly", "fortnightly", "monthly", "every_two_months", "quarterly"]


@example(
    name="Crisis Pathway QI Forum",
    directorates=["bedfordshire-luton"],
    cadence="monthly",
    accountable_role="Clinical Director",
)
class ForumCreated(ForumEvent, frozen=True, kw_only=True, tag="forum.created"):
    """A QI Forum was set up for one or more directorates."""

    name: Title  # what it is called
    directorates: Directorates = ()  # whose improvement work it looks after
    cadence: Cadence | None = None  # how often it meets
    accountable_role: Label | None = None  # the role that answers for it
    published: Citation | None = None  # where this was read


@example(name="Urgent Care QI Forum", reason="The pathway was renamed.")
class ForumRenamed(ForumEvent, frozen=True, kw_only=True, tag="forum.renamed"):
    """A QI Forum has a new name. It is the same forum, with the same projects."""

    name: Title  # what it is called from now on
    reason: Text | None = None  # why
    published: Citation | None = None  # where this was read


@example(directorates=["bedfordshire", "luton"], cadence="monthly", reason="The directorate was divided.")
class ForumRescoped(ForumEvent, frozen=True, kw_only=True, tag="forum.rescoped"):
    """A QI Forum looks after other directorates than before, or meets in another rhythm."""

    directorates: Directorates  # whose improvement work it looks after from now on
    cadence: Cadence | None = None  # how often it meets from now on, if that changed
    accountable_role: Label | None = None  # the role that answers for it from now on, if that changed
    reason: Text | None = None  # why


@example(successor="community-qi", reason="Merged with the community forum.")
class ForumClosed(ForumEvent, frozen=True, kw_only=True, tag="forum.closed"):
    """A QI Forum no longer meets. Its projects stay on record, and move by `project.transferred`."""

    successor: ForumId | None = None  # the forum that takes over
    reason: Text | None = None  # why


@example(summary="A service user chairs the forum, with the clinical director as co-chair.")
class ForumReported(ForumEvent, frozen=True, kw_only=True, tag="forum.reported"):
    """A page or report said how a forum works. Nothing else about the forum changed."""

    summary: Text  # how it works
    name: Title | None = None  # what it is called, if its creation was never told
    directorates: Directorates = ()  # whose improvement work it looks after
    tools: Tools = ()  # methods that are named
    published: Citation | None = None  # where this was read


@example(title="Time for coaching", decision="Each coach has half a day a week.", meeting="2024-03")
class ForumDecided(ForumEvent, frozen=True, kw_only=True, tag="forum.decided"):
    """A forum decided something that is not about one project. Decisions on a project are `project.reviewed`."""

    title: Title  # what it was about
    decision: Text  # what was decided
    meeting: MeetingId | None = None  # the meeting at which it was decided
