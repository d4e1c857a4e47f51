"""How service users and carers take part in a project.

Little i: they are asked now and then. Big I: they are full members of the team.
"""

from typing import Annotated, Literal

from msgspec import Meta

from events.fields import Citation, Label, Text
from events.streams import ProjectEvent
from events.vocabulary import example

Involvement = Literal["none", "little_i", "big_i"]
Rating = Annotated[int, Meta(ge=1, le=5, description="From 1, poor, to 5, excellent.")]


@example(level="big_i", notes="Two service users come to every team meeting and test changes themselves.")
class InvolvementSet(ProjectEvent, frozen=True, kw_only=True, tag="involvement.set"):
    """How service users and carers take part in a project, from now on."""

    level: Involvement  # not, now and then (little i), or as full members of the team (Big I)
    notes: Text | None = None  # how they take part
    published: Citation | None = None  # where this was read


@example(rating=4, theme="Being heard", comment="My question became the second measure.")
class InvolvementExperienced(ProjectEvent, frozen=True, kw_only=True, tag="involvement.experienced"):
    """Somebody who takes part said, without giving a name, how they found it."""

    rating: Rating | None = None  # how they found it
    theme: Label | None = None  # what it is about
    comment: Text | None = None  # in their words; says nothing of who they are
