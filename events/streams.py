"""What events happen to: one base class for each kind of stream.

A stream is `kind/id`, such as `project/P-17`. All that happens to a project, from its proposal to its last measurement,
is in the project's own stream, so that everything known of it can be folded again from there.
"""

from collections.abc import Mapping
from inspect import cleandoc

from events.vocabulary import ANY_STREAM, Event, vocabulary


class IdeaEvent(Event, frozen=True):
    """Happens to an idea that somebody raised."""

    stream = "idea"


class ImprovementEvent(Event, frozen=True):
    """Happens to an improvement outside projects."""

    stream = "improvement"


class ProjectEvent(Event, frozen=True):
    """Happens to a QI project: its people, aim, theory, tests, data, scores and barriers."""

    stream = "project"


class ForumEvent(Event, frozen=True):
    """Happens to a QI Forum: its members, its meetings, its decisions."""

    stream = "forum"


class ProgrammeEvent(Event, frozen=True):
    """Happens to a programme, collaborative or learning system that cuts across teams."""

    stream = "programme"


class PriorityEvent(Event, frozen=True):
    """Happens to an improvement priority of a forum, a directorate or the organisation."""

    stream = "priority"


class StrategyEvent(Event, frozen=True):
    """Happens to a strategy, whose areas improvement work contributes to."""

    stream = "strategy"


class StoryEvent(Event, frozen=True):
    """Happens to a story told of improvement work."""

    stream = "story"


class CourseEvent(Event, frozen=True):
    """Happens to a training programme, such as Pocket QI."""

    stream = "course"


class CohortEvent(Event, frozen=True):
    """Happens to one wave or cohort of a training programme, and to the people in it."""

    stream = "cohort"


class DirectorateEvent(Event, frozen=True):
    """Happens to a directorate, division or borough."""

    stream = "directorate"


class OrganisationEvent(Event, frozen=True):
    """Happens to the organisation as a whole: `organisation/RWK`."""

    stream = "organisation"


class PersonEvent(Event, frozen=True):
    """Happens to a person, known by an opaque reference only: the stream is the reference."""

    stream = "person"


class OperationsEvent(Event, frozen=True):
    """Happens to the ledger itself, which alone tells it: in the log of an organisation's operations."""

    stream = "operations"


class AnyEvent(Event, frozen=True):
    """Can happen to anything: it is told in the stream of what it is about."""

    stream = ANY_STREAM


def kinds() -> Mapping[str, str]:
    """Every kind of stream, with what happens to it; `*`, which stands for any kind, is none of them."""
    vocabulary()  # a kind may be declared in any file of this room
    here = [base for base in Event.__subclasses__() if base.__module__.partition(".")[0] == __package__]
    bases = [base for base in here if base.stream != ANY_STREAM]
    return {base.stream: cleandoc(base.__doc__ or "") for base in bases}
