"""Stories: how improvement work is told to others, in whatever form."""

from typing import Annotated, Literal

from msgspec import Meta

from events.fields import (
    END,
    Address,
    Areas,
    Audience,
    Citation,
    ConsentId,
    DirectorateId,
    StoryId,
    Subject,
    Subjects,
    Text,
    Title,
    Tools,
)
from events.streams import StoryEvent
from events.vocabulary import example

Format = Literal[
    "written", "video", "audio", "poster", "talk", "slides", "newsletter", "guide", "report", "paper", "press"
]
Language = Annotated[
    str,
    Meta(
        pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}" + END,
        description="A language tag, such as `en` or `bn`.",
    ),
]
Consents = Annotated[
    tuple[ConsentId, ...], Meta(max_length=50, description="Consents of those the story is about.")
]


@example(
    title="How our ward learned to sleep",
    summary="Lights down at ten, and a question every morning.",
    about=["project/P-17"],
    format="written",
    address="https://example.org/stories/sleep",
    areas=["service_user_experience"],
    audience="public",
    consents=["CO-3"],
)
class StoryShared(StoryEvent, frozen=True, kw_only=True, tag="story.shared"):
    """A story of improvement was shared: on a page, on a poster, in a paper, in a talk."""

    title: Title  # its title
    summary: Text | None = None  # what it tells
    text: Text | None = None  # the story itself, if it is short
    address: Address | None = None  # where it can be read, seen or heard
    about: Subjects = ()  # the projects, improvements, programmes or ideas it is about
    format: Format | None = None  # the form it is told in
    areas: Areas = ()  # the strategy areas it speaks to
    tools: Tools = ()  # the QI tools it shows in use
    directorate: DirectorateId | None = None  # where it comes from
    audience: Audience | None = None  # who may see it
    language: Language | None = None  # the language it is told in
    consents: Consents = ()  # the consents it rests on; a public story about people needs theirs
    retells: StoryId | None = None  # the story it tells anew, in another form or language
    published: Citation | None = None  # where this was read


@example(to="improvement/I-3", reason="The same idea, tried outside a project.")
class StoryLinked(StoryEvent, frozen=True, kw_only=True, tag="story.linked"):
    """A story turned out to be about something more."""

    to: Subject  # what it is also about
    reason: Text | None = None  # how they belong together


@example(reason="A person in the film no longer wants to be seen.")
class StoryWithdrawn(StoryEvent, frozen=True, kw_only=True, tag="story.withdrawn"):
    """A story must not be told any more. Every copy has to go; that it was once shared stays on record."""

    reason: Text | None = None  # why, without saying of whom
