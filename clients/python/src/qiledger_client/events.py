"""What can happen: every event type of the ledger as a class. Made from its published schemas; not written by hand.

Fields that may be left out are None, or (). Bounds are checked by the ledger, which names the field that is wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from qiledger_client.telling import Event, Part


@dataclass(frozen=True, kw_only=True)
class Area(Part):
    """A strategy area as one version of a strategy words it."""

    # The id that projects name. A strategy area: a stable id such as `population_health`. Its label belongs
    # to the strategy.
    area: str
    # What the area is called in this version. One line.
    label: str
    # What belongs to it.
    description: str | None = None


@dataclass(frozen=True, kw_only=True)
class AreaMove(Part):
    """What became of an area of the version before."""

    # The area before. A strategy area: a stable id such as `population_health`. Its label belongs to the
    # strategy.
    old: str
    # The area that takes its work over; none if the area was retired.
    new: str | None = None


@dataclass(frozen=True, kw_only=True)
class Citation(Part):
    """Where a fact was published, and how surely it was read there. It lets history be loaded and checked."""

    # The page that says so.
    page: str | None = None
    # The title of that page, or a short label of the fact.
    title: str | None = None
    # The figures that the page gives. Figures by name: `_from` and `_to` for before and after, `_pct` for
    # per cent.
    figures: Mapping[str, float] | None = None
    # A remark of whoever read the page.
    note: str | None = None
    # What was worked out rather than read.
    inferred: Sequence[str] = ()
    # What the page calls the work it is about.
    subject: str | None = None
    # The directorate, service or ward in the words of the page.
    place: str | None = None
    # The strategy areas it speaks to, as read there. Strategy areas.
    areas: Sequence[str] = ()
    # The methods and tools it names. QI tools and methods, such as `PDSA`.
    tools: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Reads(Part):
    """What one key read at one door."""

    # Whose key it was; for a command that read in the database, the role that logged in. An identifier of
    # the sender's own: letters, digits, and . _ ~ -
    client: str
    # The name of that key; none for a command.
    key: str | None = None
    # Method and address of the door, or the command. One line.
    door: str
    # How often. Which in a row: 1 is the first.
    times: int
    # The lowest position that was read, where the door shows records.
    first: int | None = None
    # The highest.
    last: int | None = None
    # Those whose words were read in clear. Persons, by reference.
    persons: Sequence[str] = ()
    # How many more. How many.
    more_persons: int | None = None


@dataclass(frozen=True, kw_only=True)
class Refusals(Part):
    """Requests, or single events of a request, that were refused for one reason at one door."""

    # The kind of problem, as its page at /problems is called. A few words.
    problem: str
    # Its HTTP status. The HTTP status.
    status: int
    # Method and address of the door. One line.
    door: str
    # How often. Which in a row: 1 is the first.
    times: int
    # Whose key it was; none if there was none, or no good one.
    client: str | None = None
    # The name of that key.
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class SustainPlan(Part):
    """How an improvement is to be kept: somebody goes on watching the data."""

    # The role that keeps watch. A few words.
    owner_role: str
    # What is watched.
    measure: str | None = None
    # When it is looked at next.
    review_due: str | None = None


@dataclass(frozen=True, kw_only=True)
class AccessReported(Event):
    """A person was given a copy of the data about them (UK GDPR, Article 15)."""

    type: ClassVar[str] = "access.reported"
    stream: ClassVar[str] = "person"
    # How many events they were given. How many.
    events: int


@dataclass(frozen=True, kw_only=True)
class AimRevised(Event):
    """A project changed its aim. It is told in full; the earlier aim stays on record."""

    type: ClassVar[str] = "aim.revised"
    stream: ClassVar[str] = "project"
    # The aim in full. Free text. Names no person.
    statement: str
    # The measure that will show it.
    measure: str | None = None
    # Where it starts.
    baseline: float | None = None
    # Where it wants to be.
    target: float | None = None
    # What baseline and target are counted in.
    unit: str | None = None
    # Which way is better.
    direction: Literal["decrease", "increase", "neutral"] | None = None
    # When the aim is to be met.
    by: str | None = None
    # For whom.
    population: str | None = None
    # Where this was read.
    published: Citation | None = None
    # Why the aim changed.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class AimSet(Event):
    """A project set its aim. A good aim says how much and by when; an aim that does not is kept, and shown
    as such.
    """

    type: ClassVar[str] = "aim.set"
    stream: ClassVar[str] = "project"
    # The aim in full. Free text. Names no person.
    statement: str
    # The measure that will show it.
    measure: str | None = None
    # Where it starts.
    baseline: float | None = None
    # Where it wants to be.
    target: float | None = None
    # What baseline and target are counted in.
    unit: str | None = None
    # Which way is better.
    direction: Literal["decrease", "increase", "neutral"] | None = None
    # When the aim is to be met.
    by: str | None = None
    # For whom.
    population: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class AwardReceived(Event):
    """A piece of work, a team or the organisation won an award, or was honoured by a nomination."""

    type: ClassVar[str] = "award.received"
    stream: ClassVar[str] = "*"
    # The award. One line.
    title: str
    # What came of it.
    result: (
        Literal["finalist", "highly_commended", "joint_winner", "nominated", "runner_up", "won"] | None
    ) = None
    # Who gives it.
    given_by: str | None = None
    # Whose work it honours.
    directorate: str | None = None
    # The strategy areas of that work. Strategy areas.
    areas: Sequence[str] = ()
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class BarrierEscalated(Event):
    """A team asked its sponsor or the forum to clear a barrier."""

    type: ClassVar[str] = "barrier.escalated"
    stream: ClassVar[str] = "project"
    # Which barrier. Id of a barrier within its project.
    barrier: str
    # Who is asked.
    to: Literal["executive", "forum", "sponsor"]
    # Which forum, if it is one.
    forum: str | None = None
    # Why they are needed.
    reason: str | None = None
    # By when.
    due: str | None = None


@dataclass(frozen=True, kw_only=True)
class BarrierRaised(Event):
    """A team said what stands in its way."""

    type: ClassVar[str] = "barrier.raised"
    stream: ClassVar[str] = "project"
    # Which barrier. Id of a barrier within its project.
    barrier: str
    # What it is. One line.
    title: str
    # More about it.
    text: str | None = None
    # The role that is to clear it.
    owner: str | None = None
    # By when.
    due: str | None = None


@dataclass(frozen=True, kw_only=True)
class BarrierResolved(Event):
    """A barrier no longer stands in the way."""

    type: ClassVar[str] = "barrier.resolved"
    stream: ClassVar[str] = "project"
    # Which barrier. Id of a barrier within its project.
    barrier: str
    # How it was cleared.
    how: str | None = None


@dataclass(frozen=True, kw_only=True)
class BaselineSet(Event):
    """People decided which points show how things were; limits rest on them from now on."""

    type: ClassVar[str] = "baseline.set"
    stream: ClassVar[str] = "project"
    # Whose chart. Id of a measure within its project.
    measure: str
    # The first point; the earliest of all if not given.
    since: str | None = None
    # The last point. A day, month or year as far as it is known: 2022-05-20, 2022-05 or 2022.
    until: str
    # Why these. Free text. Names no person.
    reason: str
    # The role that decided.
    decided_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class CelebrationRecorded(Event):
    """Something was celebrated."""

    type: ClassVar[str] = "celebration.recorded"
    stream: ClassVar[str] = "*"
    # What. One line.
    title: str
    # How.
    text: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ChangeImplemented(Event):
    """A tested change became daily practice: it happens without the project asking for it."""

    type: ClassVar[str] = "change.implemented"
    stream: ClassVar[str] = "project"
    # The idea it grew from.
    change_idea: str | None = None
    # What is done from now on. Free text. Names no person.
    change: str
    # Where it is done.
    where: str | None = None
    # The role that keeps it going and trains newcomers.
    owner: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ChangeReversed(Event):
    """An implemented change is no longer done."""

    type: ClassVar[str] = "change.reversed"
    stream: ClassVar[str] = "project"
    # The idea it grew from.
    change_idea: str | None = None
    # What is no longer done. Free text. Names no person.
    change: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChangeIdeaAdded(Event):
    """A team has an idea for a change that might lead to improvement. It is a guess until it is tested."""

    type: ClassVar[str] = "change_idea.added"
    stream: ClassVar[str] = "project"
    # Which idea. Id of a change idea within its project.
    change_idea: str
    # The change. Free text. Names no person.
    text: str
    # The drivers it is meant to move. Drivers of the same project.
    drivers: Sequence[str] = ()
    # Where the idea came from.
    origin: str | None = None
    # Methods it uses. QI tools and methods, such as `PDSA`.
    tools: Sequence[str] = ()
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ChangeIdeaDropped(Event):
    """A team gave a change idea up. What its tests taught stays."""

    type: ClassVar[str] = "change_idea.dropped"
    stream: ClassVar[str] = "project"
    # Which idea. Id of a change idea within its project.
    change_idea: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChangeIdeaParked(Event):
    """A change idea is kept for later."""

    type: ClassVar[str] = "change_idea.parked"
    stream: ClassVar[str] = "project"
    # Which idea. Id of a change idea within its project.
    change_idea: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChangeIdeaRevised(Event):
    """A change idea was worded anew or serves other drivers. It is told in full."""

    type: ClassVar[str] = "change_idea.revised"
    stream: ClassVar[str] = "project"
    # Which idea. Id of a change idea within its project.
    change_idea: str
    # The change. Free text. Names no person.
    text: str
    # The drivers it is meant to move. Drivers of the same project.
    drivers: Sequence[str] = ()
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChartAnnotated(Event):
    """Somebody wrote beside a point what a reader of the chart should know."""

    type: ClassVar[str] = "chart.annotated"
    stream: ClassVar[str] = "project"
    # Whose chart. Id of a measure within its project.
    measure: str
    # The day, month or year it stands at. A day, month or year as far as it is known: 2022-05-20, 2022-05
    # or 2022.
    on: str
    # The note. One line.
    text: str
    # What it is about; `astronomical`: the point is obviously different.
    kind: Literal["astronomical", "change", "cycle", "event"] | None = None


@dataclass(frozen=True, kw_only=True)
class CharterCompleted(Event):
    """A team finished its charter together with sponsor and coach."""

    type: ClassVar[str] = "charter.completed"
    stream: ClassVar[str] = "project"
    # What is not good enough. Free text. Names no person.
    problem: str
    # Why it matters, to whom.
    rationale: str | None = None
    # What the project covers.
    scope: str | None = None
    # What it leaves to others.
    outside: str | None = None
    # For whom.
    population: str | None = None
    # What is known of how things are now.
    baseline: str | None = None
    # When the work begins.
    starts: str | None = None
    # When it is expected to end; nine to twelve months are usual.
    ends: str | None = None
    # The aim in the charter's words; `aim.set` says it in figures.
    aim: str | None = None


@dataclass(frozen=True, kw_only=True)
class CharterRevised(Event):
    """A charter was changed. It is told in full; the earlier one stays on record."""

    type: ClassVar[str] = "charter.revised"
    stream: ClassVar[str] = "project"
    # What is not good enough. Free text. Names no person.
    problem: str
    # Why it matters, to whom.
    rationale: str | None = None
    # What the project covers.
    scope: str | None = None
    # What it leaves to others.
    outside: str | None = None
    # For whom.
    population: str | None = None
    # What is known of how things are now.
    baseline: str | None = None
    # When the work begins.
    starts: str | None = None
    # When it is expected to end; nine to twelve months are usual.
    ends: str | None = None
    # The aim in the charter's words; `aim.set` says it in figures.
    aim: str | None = None
    # Why it changed.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ClientRegistered(Event):
    """A system may use this log from now on."""

    type: ClassVar[str] = "client.registered"
    stream: ClassVar[str] = "organisation"
    # Which system. An identifier of the sender's own: letters, digits, and . _ ~ -
    client: str
    # What it is called. One line.
    name: str
    # What it may do. What a client may do.
    scopes: Sequence[Literal["append", "audit", "export", "import", "operate", "read"]] = ()
    # Until when.
    expires: str | None = None


@dataclass(frozen=True, kw_only=True)
class CoachAccredited(Event):
    """A person may coach projects from now on."""

    type: ClassVar[str] = "coach.accredited"
    stream: ClassVar[str] = "person"
    # Staff, service user, carer or from outside.
    kind: Literal["carer", "external", "service_user", "staff"] | None = None
    # How they learned it.
    course: str | None = None
    # The time that is kept free for coaching.
    hours_per_month: float | None = None


@dataclass(frozen=True, kw_only=True)
class CoachAllocated(Event):
    """A project was given a QI coach. They are its coach from now on, as if `person.joined` had said so."""

    type: ClassVar[str] = "coach.allocated"
    stream: ClassVar[str] = "project"
    # Who. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address or a
    # number from outside.
    coach: str
    # The forum that allocated them.
    by: str | None = None
    # The time that is kept free for it.
    hours_per_month: float | None = None


@dataclass(frozen=True, kw_only=True)
class CoachReleased(Event):
    """A coach no longer coaches this project."""

    type: ClassVar[str] = "coach.released"
    stream: ClassVar[str] = "project"
    # Who. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address or a
    # number from outside.
    coach: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class CoachSteppedDown(Event):
    """A trained coach no longer coaches."""

    type: ClassVar[str] = "coach.stepped_down"
    stream: ClassVar[str] = "person"
    # Why, without health or private matters.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class CoachingSessionHeld(Event):
    """A coach met the team. What is kept is about the work, never about how somebody performed."""

    type: ClassVar[str] = "coaching_session.held"
    stream: ClassVar[str] = "project"
    # Who coached. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address
    # or a number from outside.
    coach: str
    # How they met.
    mode: Literal["by_telephone", "in_person", "in_writing", "online"] | None = None
    # What they worked on. One line each.
    focus: Sequence[str] = ()
    # What they agreed to do. One line each.
    actions: Sequence[str] = ()
    # How long it took.
    hours: float | None = None


@dataclass(frozen=True, kw_only=True)
class CohortCancelled(Event):
    """A cohort that had been opened is not held."""

    type: ClassVar[str] = "cohort.cancelled"
    stream: ClassVar[str] = "cohort"
    # The training programme. Id of a training programme, such as `pocket_qi` or `ilp`.
    course: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class CohortCompleted(Event):
    """A cohort ended or graduated. People who completed it are told one by one where they are known."""

    type: ClassVar[str] = "cohort.completed"
    stream: ClassVar[str] = "cohort"
    # The training programme. Id of a training programme, such as `pocket_qi` or `ilp`.
    course: str
    # What the cohort is called.
    title: str | None = None
    # Which wave or cohort.
    number: int | None = None
    # How many people completed it, where only the number is known.
    completed: int | None = None
    # For whom it was held, if for one directorate.
    directorate: str | None = None
    # The methods it taught. QI tools and methods, such as `PDSA`.
    tools: Sequence[str] = ()
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class CohortOpened(Event):
    """A wave or cohort of a training programme began, or was opened for people to apply."""

    type: ClassVar[str] = "cohort.opened"
    stream: ClassVar[str] = "cohort"
    # The training programme. Id of a training programme, such as `pocket_qi` or `ilp`.
    course: str
    # What the cohort is called.
    title: str | None = None
    # Which wave or cohort.
    number: int | None = None
    # Its first day.
    starts: str | None = None
    # Its last day.
    ends: str | None = None
    # How many people can take part.
    places: int | None = None
    # How many people began.
    participants: int | None = None
    # For whom it is held, if for one directorate.
    directorate: str | None = None
    # The methods it teaches. QI tools and methods, such as `PDSA`.
    tools: Sequence[str] = ()
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class CommentPosted(Event):
    """Somebody commented on a piece of improvement work, in its stream."""

    type: ClassVar[str] = "comment.posted"
    stream: ClassVar[str] = "*"
    # The comment. Free text, up to 8,000 characters, by or about one person: kept encrypted with a key of
    # theirs.
    text: str
    # The id of the event it answers to, if it is one.
    about: str | None = None
    # Who may see it, if not whoever may see the work.
    audience: Literal["forum", "organisation", "public", "team"] | None = None


@dataclass(frozen=True, kw_only=True)
class ConsentGiven(Event):
    """A person agreed to something, such as a story about them being public."""

    type: ClassVar[str] = "consent.given"
    stream: ClassVar[str] = "person"
    # Which consent. Id of a consent; the giver's stream says what it allows.
    consent: str
    # What they agreed to.
    purpose: Literal["contact", "film", "internal_story", "photograph", "public_story", "research"]
    # The story it is for, if it is for one.
    story: str | None = None
    # The last day it holds, if it has one.
    until: str | None = None


@dataclass(frozen=True, kw_only=True)
class ConsentWithdrawn(Event):
    """A person no longer agrees. They need not say why, and what rests on the consent has to stop."""

    type: ClassVar[str] = "consent.withdrawn"
    stream: ClassVar[str] = "person"
    # Which consent. Id of a consent; the giver's stream says what it allows.
    consent: str


@dataclass(frozen=True, kw_only=True)
class ContactChanged(Event):
    """Somebody told the vault how a person is reached. What they told is on no record."""

    type: ClassVar[str] = "contact.changed"
    stream: ClassVar[str] = "operations"
    # Whose entry it is. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail
    # address or a number from outside.
    person: str
    # Whose key it was. An identifier of the sender's own: letters, digits, and . _ ~ -
    client: str
    # The name of that key; none for an operator's command.
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class ContactEmptied(Event):
    """The vault forgot how a person is reached. Their words stay readable until they are erased."""

    type: ClassVar[str] = "contact.emptied"
    stream: ClassVar[str] = "operations"
    # Whose entry it was. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail
    # address or a number from outside.
    person: str
    # Whose key it was. An identifier of the sender's own: letters, digits, and . _ ~ -
    client: str
    # The name of that key; none for an operator's command.
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class ContactRead(Event):
    """Somebody looked up in the vault how a person is reached."""

    type: ClassVar[str] = "contact.read"
    stream: ClassVar[str] = "operations"
    # Who was looked up. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail
    # address or a number from outside.
    person: str
    # Whose key it was. An identifier of the sender's own: letters, digits, and . _ ~ -
    client: str
    # The name of that key; none for an operator's command.
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class CountPublished(Event):
    """A publication said how many there were on that day. It is a claim to compare with, and is added to no
    total.
    """

    type: ClassVar[str] = "count.published"
    stream: ClassVar[str] = "*"
    # What was counted.
    counted: Literal["involvement", "other", "people", "projects", "roles", "teams"]
    # The figures by name. Figures by name: `_from` and `_to` for before and after, `_pct` for per cent.
    figures: Mapping[str, float]
    # What they say, in words.
    title: str | None = None
    # Where it was counted, if not everywhere.
    directorate: str | None = None
    # The strategy areas it speaks of. Strategy areas.
    areas: Sequence[str] = ()
    # Methods that are named. QI tools and methods, such as `PDSA`.
    tools: Sequence[str] = ()
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class CourseOffered(Event):
    """A training programme is offered from now on."""

    type: ClassVar[str] = "course.offered"
    stream: ClassVar[str] = "course"
    # What it is called. One line.
    title: str
    # What it prepares for.
    level: Literal["coaching", "introduction", "leading", "practice", "sponsoring"] | None = None
    # How long it takes, all sessions together.
    duration_hours: float | None = None
    # Who may take part. Those it is open to.
    open_to: Sequence[Literal["carer", "external", "service_user", "staff"]] = ()
    # Whether people come with a project.
    needs_project: bool | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class CycleAbandoned(Event):
    """A planned test will not be carried out. Nothing is said about the change it would have tested."""

    type: ClassVar[str] = "cycle.abandoned"
    stream: ClassVar[str] = "project"
    # Which cycle. Id of a PDSA cycle within its project.
    cycle: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class CycleActed(Event):
    """A team decided what becomes of the change it tested. With that the cycle is over; more testing is a
    new cycle.
    """

    type: ClassVar[str] = "cycle.acted"
    stream: ClassVar[str] = "project"
    # Which cycle. Id of a PDSA cycle within its project.
    cycle: str
    # Adapt, adopt or abandon.
    decision: Literal["abandon", "adapt", "adopt"]
    # What the team does next.
    next: str | None = None
    # The cycle that goes on from here.
    next_cycle: str | None = None


@dataclass(frozen=True, kw_only=True)
class CycleDone(Event):
    """A test was carried out. What was seen is kept before anybody has made sense of it."""

    type: ClassVar[str] = "cycle.done"
    stream: ClassVar[str] = "project"
    # Which cycle. Id of a PDSA cycle within its project.
    cycle: str
    # What was seen.
    observations: str | None = None
    # What did not go as planned.
    problems: str | None = None


@dataclass(frozen=True, kw_only=True)
class CyclePlanned(Event):
    """A team planned a PDSA cycle: a small test of a change, with a prediction that the test can prove
    wrong.
    """

    type: ClassVar[str] = "cycle.planned"
    stream: ClassVar[str] = "project"
    # Which cycle. Id of a PDSA cycle within its project.
    cycle: str
    # Which in its ramp: 1 for the first test of an idea.
    number: int | None = None
    # The change that is tested.
    change_idea: str | None = None
    # What the test is for.
    objective: str | None = None
    # What it shall answer.
    question: str | None = None
    # What the team expects to happen.
    prediction: str | None = None
    # Who does what, where and when, by role.
    plan: str | None = None
    # What is counted or asked, and how.
    data_plan: str | None = None
    # How small the test is.
    scale: str | None = None
    # The series of cycles it belongs to.
    ramp: str | None = None
    # The cycle it follows from.
    previous: str | None = None
    # When it is to be studied.
    due: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class CycleStarted(Event):
    """A planned test began."""

    type: ClassVar[str] = "cycle.started"
    stream: ClassVar[str] = "project"
    # Which cycle. Id of a PDSA cycle within its project.
    cycle: str


@dataclass(frozen=True, kw_only=True)
class CycleStudied(Event):
    """A team compared what happened with what it had predicted."""

    type: ClassVar[str] = "cycle.studied"
    stream: ClassVar[str] = "project"
    # Which cycle. Id of a PDSA cycle within its project.
    cycle: str
    # What happened. Free text. Names no person.
    happened: str
    # How that compares with the prediction.
    compared: Literal["as_predicted", "better", "unclear", "worse"] | None = None
    # What the team learned.
    learned: str | None = None


@dataclass(frozen=True, kw_only=True)
class CycleTested(Event):
    """A PDSA cycle was carried out and studied. What was predicted is kept beside what happened.

    Where a report tells only that a change was tested, `tested` says what, and the rest stays open.
    """

    type: ClassVar[str] = "cycle.tested"
    stream: ClassVar[str] = "project"
    # Which cycle. Id of a PDSA cycle within its project.
    cycle: str
    # Which in its ramp: 1 for the first test of an idea.
    number: int | None = None
    # The change that was tested.
    change_idea: str | None = None
    # What was done.
    tested: str | None = None
    # What the team had expected.
    prediction: str | None = None
    # What happened instead, or as well.
    happened: str | None = None
    # How that compares with the prediction.
    compared: Literal["as_predicted", "better", "unclear", "worse"] | None = None
    # What the team learned.
    learned: str | None = None
    # What becomes of the change: adapt, adopt or abandon.
    decision: Literal["abandon", "adapt", "adopt"] | None = None
    # What the team does next.
    next: str | None = None
    # The series of cycles it belongs to.
    ramp: str | None = None
    # The cycle it follows from.
    previous: str | None = None
    # Methods that were used. QI tools and methods, such as `PDSA`.
    tools: Sequence[str] = ()
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class DirectorateClosed(Event):
    """A directorate no longer exists. No new work begins there."""

    type: ClassVar[str] = "directorate.closed"
    stream: ClassVar[str] = "directorate"
    # The directorate that takes its work over, if one does.
    successor: str | None = None
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class DirectorateCreated(Event):
    """A directorate exists from now on."""

    type: ClassVar[str] = "directorate.created"
    stream: ClassVar[str] = "directorate"
    # What it is called. One line.
    name: str
    # What sort of unit.
    kind: Literal["borough", "directorate", "division", "service", "ward"] | None = None
    # The larger unit that it is part of.
    within: str | None = None
    # Its code in the Organisation Data Service, if it has one.
    ods_code: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class DirectorateMerged(Event):
    """A directorate became part of another, where its work goes on."""

    type: ClassVar[str] = "directorate.merged"
    stream: ClassVar[str] = "directorate"
    # The directorate that goes on. Id of a directorate: its stream without `directorate/`.
    into: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class DirectorateRenamed(Event):
    """A directorate has a new name. It is the same directorate, with the same work."""

    type: ClassVar[str] = "directorate.renamed"
    stream: ClassVar[str] = "directorate"
    # What it is called from now on. One line.
    name: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class DriverAdded(Event):
    """A team thinks that something drives its aim."""

    type: ClassVar[str] = "driver.added"
    stream: ClassVar[str] = "project"
    # Which driver. Id of a driver within its project.
    driver: str
    # What drives the aim. One line.
    text: str
    # Whether it drives the aim itself or another driver.
    kind: Literal["primary", "secondary"] | None = None
    # The drivers it drives; none for one that drives the aim. Drivers nearer to the aim.
    parents: Sequence[str] = ()
    # Why the team thinks so.
    notes: str | None = None


@dataclass(frozen=True, kw_only=True)
class DriverLinked(Event):
    """A driver also drives another one."""

    type: ClassVar[str] = "driver.linked"
    stream: ClassVar[str] = "project"
    # The driver further from the aim. Id of a driver within its project.
    driver: str
    # The driver nearer to it. Id of a driver within its project.
    parent: str


@dataclass(frozen=True, kw_only=True)
class DriverRemoved(Event):
    """A team no longer thinks that this drives its aim."""

    type: ClassVar[str] = "driver.removed"
    stream: ClassVar[str] = "project"
    # Which driver. Id of a driver within its project.
    driver: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class DriverRevised(Event):
    """A driver was worded anew."""

    type: ClassVar[str] = "driver.revised"
    stream: ClassVar[str] = "project"
    # Which driver. Id of a driver within its project.
    driver: str
    # What drives the aim. One line.
    text: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ErasureDecided(Event):
    """The organisation decided on a request for erasure. Each request is decided by itself, never by a
    general rule.
    """

    type: ClassVar[str] = "erasure.decided"
    stream: ClassVar[str] = "person"
    # The decision.
    decision: Literal["granted", "partly_granted", "refused"]
    # What a refusal rests on.
    grounds: (
        Literal[
            "archiving_or_statistics",
            "legal_claims",
            "legal_obligation",
            "not_identifiable",
            "public_interest_task",
        ]
        | None
    ) = None
    # The reasons, without a word about the person.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ErasureExecuted(Event):
    """The keys to a person's data were destroyed, and copies cleared. Counts and proofs stay as they were."""

    type: ClassVar[str] = "erasure.executed"
    stream: ClassVar[str] = "person"
    # How many keys. How many.
    keys_destroyed: int
    # Where copies were cleared. Places that held a copy.
    copies: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class ErasureRequested(Event):
    """A person asked for data about them to be erased (UK GDPR, Article 17)."""

    type: ClassVar[str] = "erasure.requested"
    stream: ClassVar[str] = "person"
    # By when they must have an answer.
    due: str | None = None


@dataclass(frozen=True, kw_only=True)
class EventCorrected(Event):
    """Some fields of an earlier event of this stream were wrong. It counts as though told with these values."""

    type: ClassVar[str] = "event.corrected"
    stream: ClassVar[str] = "*"
    # The id of the event that is put right. The CloudEvents `id` under which the earlier event was told.
    of: str
    # Its source, if another system told it.
    of_source: str | None = None
    # Why.
    reason: str | None = None
    # The fields that were wrong, with their right values.
    fields: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class EventRetracted(Event):
    """An earlier event of this stream should not have been told. It stays on record, and no longer counts."""

    type: ClassVar[str] = "event.retracted"
    stream: ClassVar[str] = "*"
    # The id of the event that is put right. The CloudEvents `id` under which the earlier event was told.
    of: str
    # Its source, if another system told it.
    of_source: str | None = None
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ExportTaken(Event):
    """Somebody took a copy of the record out of the house."""

    type: ClassVar[str] = "export.taken"
    stream: ClassVar[str] = "organisation"
    # What was taken. One line.
    what: str
    # What for. Free text. Names no person.
    purpose: str
    # The last position in it.
    until_position: int | None = None
    # The role it was taken for.
    taken_for: str | None = None


@dataclass(frozen=True, kw_only=True)
class ForumClosed(Event):
    """A QI Forum no longer meets. Its projects stay on record, and move by `project.transferred`."""

    type: ClassVar[str] = "forum.closed"
    stream: ClassVar[str] = "forum"
    # The forum that takes over.
    successor: str | None = None
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ForumCreated(Event):
    """A QI Forum was set up for one or more directorates."""

    type: ClassVar[str] = "forum.created"
    stream: ClassVar[str] = "forum"
    # What it is called. One line.
    name: str
    # Whose improvement work it looks after. Directorates.
    directorates: Sequence[str] = ()
    # How often it meets.
    cadence: Literal["every_two_months", "fortnightly", "monthly", "quarterly", "weekly"] | None = None
    # The role that answers for it.
    accountable_role: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ForumDecided(Event):
    """A forum decided something that is not about one project. Decisions on a project are
    `project.reviewed`.
    """

    type: ClassVar[str] = "forum.decided"
    stream: ClassVar[str] = "forum"
    # What it was about. One line.
    title: str
    # What was decided. Free text. Names no person.
    decision: str
    # The meeting at which it was decided.
    meeting: str | None = None


@dataclass(frozen=True, kw_only=True)
class ForumRenamed(Event):
    """A QI Forum has a new name. It is the same forum, with the same projects."""

    type: ClassVar[str] = "forum.renamed"
    stream: ClassVar[str] = "forum"
    # What it is called from now on. One line.
    name: str
    # Why.
    reason: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ForumReported(Event):
    """A page or report said how a forum works. Nothing else about the forum changed."""

    type: ClassVar[str] = "forum.reported"
    stream: ClassVar[str] = "forum"
    # How it works. Free text. Names no person.
    summary: str
    # What it is called, if its creation was never told.
    name: str | None = None
    # Whose improvement work it looks after. Directorates.
    directorates: Sequence[str] = ()
    # Methods that are named. QI tools and methods, such as `PDSA`.
    tools: Sequence[str] = ()
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ForumRescoped(Event):
    """A QI Forum looks after other directorates than before, or meets in another rhythm."""

    type: ClassVar[str] = "forum.rescoped"
    stream: ClassVar[str] = "forum"
    # Whose improvement work it looks after from now on. Directorates.
    directorates: Sequence[str]
    # How often it meets from now on, if that changed.
    cadence: Literal["every_two_months", "fortnightly", "monthly", "quarterly", "weekly"] | None = None
    # The role that answers for it from now on, if that changed.
    accountable_role: str | None = None
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ForumChairAppointed(Event):
    """A person chairs the forum from now on, alone or with a co-chair."""

    type: ClassVar[str] = "forum_chair.appointed"
    stream: ClassVar[str] = "forum"
    # Who. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address or a
    # number from outside.
    person: str
    # As chair or co-chair.
    role: Literal["chair", "co_chair"]
    # Staff, service user, carer or from outside.
    kind: Literal["carer", "external", "service_user", "staff"] | None = None
    # Whom they follow; without one, whoever held this role.
    instead_of: str | None = None


@dataclass(frozen=True, kw_only=True)
class ForumMemberJoined(Event):
    """A person sits on the forum from now on. One person may sit there in several roles."""

    type: ClassVar[str] = "forum_member.joined"
    stream: ClassVar[str] = "forum"
    # Who. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address or a
    # number from outside.
    person: str
    # As what; a member if nothing is said.
    role: (
        Literal[
            "advisor",
            "carer",
            "chair",
            "co_chair",
            "coach",
            "member",
            "people_participation_lead",
            "service_user",
            "sponsor",
        ]
        | None
    ) = None
    # Staff, service user, carer or from outside.
    kind: Literal["carer", "external", "service_user", "staff"] | None = None


@dataclass(frozen=True, kw_only=True)
class ForumMemberLeft(Event):
    """A person no longer sits on the forum in a role; without a role, in none."""

    type: ClassVar[str] = "forum_member.left"
    stream: ClassVar[str] = "forum"
    # Who. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address or a
    # number from outside.
    person: str
    # The role that ended; every role if none is named.
    role: (
        Literal[
            "advisor",
            "carer",
            "chair",
            "co_chair",
            "coach",
            "member",
            "people_participation_lead",
            "service_user",
            "sponsor",
        ]
        | None
    ) = None
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class IdeaAcknowledged(Event):
    """Whoever raised the idea was told that it has been read."""

    type: ClassVar[str] = "idea.acknowledged"
    stream: ClassVar[str] = "idea"
    # What they were told.
    answer: str | None = None


@dataclass(frozen=True, kw_only=True)
class IdeaDeclined(Event):
    """An idea is not pursued, and whoever raised it was told why."""

    type: ClassVar[str] = "idea.declined"
    stream: ClassVar[str] = "idea"
    # What whoever raised it was told. Free text. Names no person.
    answer: str


@dataclass(frozen=True, kw_only=True)
class IdeaMerged(Event):
    """An idea is the same as another, and goes on with it."""

    type: ClassVar[str] = "idea.merged"
    stream: ClassVar[str] = "idea"
    # The idea that goes on. Id of an idea: its stream without `idea/`.
    into: str
    # What whoever raised it was told.
    answer: str | None = None


@dataclass(frozen=True, kw_only=True)
class IdeaParked(Event):
    """An idea is kept for later."""

    type: ClassVar[str] = "idea.parked"
    stream: ClassVar[str] = "idea"
    # What whoever raised it was told. Free text. Names no person.
    answer: str


@dataclass(frozen=True, kw_only=True)
class IdeaRaised(Event):
    """Somebody had an idea of what could be better."""

    type: ClassVar[str] = "idea.raised"
    stream: ClassVar[str] = "idea"
    # The idea. One line.
    title: str
    # The idea at more length.
    text: str | None = None
    # Where it came up.
    origin: (
        Literal[
            "audit",
            "away_day",
            "complaint",
            "compliment",
            "data",
            "huddle",
            "incident",
            "other",
            "survey",
            "team_meeting",
            "working_together_group",
        ]
        | None
    ) = None
    # The team it came up in, never a person.
    team: str | None = None
    # Where it belongs.
    directorate: str | None = None
    # The strategy areas it would contribute to. Strategy areas.
    areas: Sequence[str] = ()
    # Who is to be answered.
    raised_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class IdeaTakenUp(Event):
    """An idea became an improvement or a project."""

    type: ClassVar[str] = "idea.taken_up"
    stream: ClassVar[str] = "idea"
    # What it became: `improvement/I-3` or `project/P-17`. What something is about, by its stream:
    # `project/P-17`, `improvement/I-3`, `forum/newham`.
    into: str
    # What whoever raised it was told.
    answer: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImprovementPromoted(Event):
    """An improvement grew into a QI project. The improvement stays on record; together they count once."""

    type: ClassVar[str] = "improvement.promoted"
    stream: ClassVar[str] = "improvement"
    # The project it became. Id of a project: its stream without `project/`.
    project: str
    # What spoke for making it a project. What speaks for making it a project.
    criteria: Sequence[
        Literal["complex_issue", "fits_priorities", "forum_approves", "team_agrees", "team_in_place"]
    ] = ()
    # Why, in words.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImprovementReported(Event):
    """Somebody made something better outside any project, and told of it."""

    type: ClassVar[str] = "improvement.reported"
    stream: ClassVar[str] = "improvement"
    # What is done differently now. Free text. Names no person.
    what_changed: str
    # Who changed it: a person, a team, a workstream or a partner organisation.
    level: Literal["individual", "partner", "team", "workstream"]
    # A short name for it.
    title: str | None = None
    # The strategy areas it contributes to. Strategy areas.
    areas: Sequence[str] = ()
    # The QI tools that helped. QI tools and methods, such as `PDSA`.
    tools: Sequence[str] = ()
    # Those who feel the difference. Those who feel the difference.
    matters_to: Sequence[Literal["carers", "partners", "service_users", "staff"]] = ()
    # What they notice; no number is needed.
    noticed: str | None = None
    # When it began.
    since: str | None = None
    # When it ended, if it has.
    until: str | None = None
    # The team or service, never a person.
    team: str | None = None
    # Where it belongs.
    directorate: str | None = None
    # The idea it grew from.
    from_idea: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ImprovementStopped(Event):
    """An improvement is no longer practised. That it once was stays on record."""

    type: ClassVar[str] = "improvement.stopped"
    stream: ClassVar[str] = "improvement"
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImprovementSustained(Event):
    """An improvement has lasted: it is how things are done now."""

    type: ClassVar[str] = "improvement.sustained"
    stream: ClassVar[str] = "improvement"
    # How that shows.
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImprovementUpdated(Event):
    """There is news of an improvement."""

    type: ClassVar[str] = "improvement.updated"
    stream: ClassVar[str] = "improvement"
    # What is new. Free text. Names no person.
    note: str
    # What those concerned notice now.
    noticed: str | None = None
    # Further QI tools that helped. QI tools and methods, such as `PDSA`.
    tools: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class InvolvementExperienced(Event):
    """Somebody who takes part said, without giving a name, how they found it."""

    type: ClassVar[str] = "involvement.experienced"
    stream: ClassVar[str] = "project"
    # How they found it.
    rating: int | None = None
    # What it is about.
    theme: str | None = None
    # In their words; says nothing of who they are.
    comment: str | None = None


@dataclass(frozen=True, kw_only=True)
class InvolvementSet(Event):
    """How service users and carers take part in a project, from now on."""

    type: ClassVar[str] = "involvement.set"
    stream: ClassVar[str] = "project"
    # Not, now and then (little i), or as full members of the team (Big I).
    level: Literal["big_i", "little_i", "none"]
    # How they take part.
    notes: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class KeyCreated(Event):
    """A client was given a key."""

    type: ClassVar[str] = "key.created"
    stream: ClassVar[str] = "organisation"
    # Which system. An identifier of the sender's own: letters, digits, and . _ ~ -
    client: str
    # The name of the key; never the key. An identifier of the sender's own: letters, digits, and . _ ~ -
    key: str
    # What it may do. Scopes, such as `events:read`.
    scopes: Sequence[str]
    # For which sources it may tell. Sources; `*` is any.
    sources: Sequence[str] = ()
    # Until when it is good.
    expires: str | None = None


@dataclass(frozen=True, kw_only=True)
class KeyRevoked(Event):
    """A key is no longer good."""

    type: ClassVar[str] = "key.revoked"
    stream: ClassVar[str] = "organisation"
    # Whose. An identifier of the sender's own: letters, digits, and . _ ~ -
    client: str
    # The name of the key; never the key. An identifier of the sender's own: letters, digits, and . _ ~ -
    key: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class KeyRotated(Event):
    """A client was given a new key in place of its old one."""

    type: ClassVar[str] = "key.rotated"
    stream: ClassVar[str] = "organisation"
    # Which system. An identifier of the sender's own: letters, digits, and . _ ~ -
    client: str
    # The name of the new key; never the key. An identifier of the sender's own: letters, digits, and . _ ~
    # -
    key: str
    # Until when the new key is good.
    expires: str | None = None


@dataclass(frozen=True, kw_only=True)
class LearningCaptured(Event):
    """Somebody wrote down what they learned: from a success, from a failure, from the context."""

    type: ClassVar[str] = "learning.captured"
    stream: ClassVar[str] = "*"
    # What the learning is about.
    kind: Literal["context", "did_not_work", "worked"]
    # What was learned. Free text. Names no person.
    text: str


@dataclass(frozen=True, kw_only=True)
class LearningEventHeld(Event):
    """People met to learn from one another: a conference, a learning set, a visit.

    It is told in the stream of what held it: a programme, a directorate, the organisation.
    """

    type: ClassVar[str] = "learning_event.held"
    stream: ClassVar[str] = "*"
    # What it was. One line.
    title: str
    # What sort of gathering.
    kind: (
        Literal[
            "celebration", "conference", "course_day", "learning_set", "other", "visit", "webinar", "workshop"
        ]
        | None
    ) = None
    # Which in a series.
    number: int | None = None
    # How many people came.
    participants: int | None = None
    # The programme it belonged to.
    programme: str | None = None
    # The directorate that held it.
    directorate: str | None = None
    # The strategy areas it was about. Strategy areas.
    areas: Sequence[str] = ()
    # Methods that were taught or shown. QI tools and methods, such as `PDSA`.
    tools: Sequence[str] = ()
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class LegalHoldLifted(Event):
    """A legal hold no longer holds."""

    type: ClassVar[str] = "legal_hold.lifted"
    stream: ClassVar[str] = "*"
    # Which hold. A few words.
    hold: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class LegalHoldSet(Event):
    """Nothing about this may be erased until the hold is lifted."""

    type: ClassVar[str] = "legal_hold.set"
    stream: ClassVar[str] = "*"
    # Which hold. A few words.
    hold: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class LimitsRecalculated(Event):
    """People decided that a process has changed for good: from here on the chart has new limits (a step
    change).
    """

    type: ClassVar[str] = "limits.recalculated"
    stream: ClassVar[str] = "project"
    # Whose chart. Id of a measure within its project.
    measure: str
    # The first point of the new phase. A day, month or year as far as it is known: 2022-05-20, 2022-05 or
    # 2022.
    since: str
    # The cause, as it is understood. Free text. Names no person.
    reason: str
    # The role that decided.
    decided_by: str | None = None
    # The rules by which the change was seen.
    rule_set: str | None = None


@dataclass(frozen=True, kw_only=True)
class MasterKeyRotated(Event):
    """The keys of persons were wrapped by another master key. What they encrypt was not touched."""

    type: ClassVar[str] = "master_key.rotated"
    stream: ClassVar[str] = "operations"
    # The name of the master key before; none if there were several.
    was: str | None = None
    # The name of the master key now. One line.
    now: str
    # How many keys were wrapped anew. How many.
    keys: int


@dataclass(frozen=True, kw_only=True)
class MeasureDefined(Event):
    """A project said what it measures, so that two people who measure it would get the same number."""

    type: ClassVar[str] = "measure.defined"
    stream: ClassVar[str] = "project"
    # Which measure. Id of a measure within its project.
    measure: str
    # What it is called. One line.
    name: str
    # Whether it shows the outcome, the process, or harm done elsewhere.
    kind: Literal["balancing", "outcome", "process"] | None = None
    # The operational definition.
    definition: str | None = None
    # What a value is counted in.
    unit: str | None = None
    # What is counted above the line, if it is a share or rate.
    numerator: str | None = None
    # What is counted below the line.
    denominator: str | None = None
    # Shown times this: 1000 for a rate per 1,000 bed days.
    multiply: float | None = None
    # The chart that fits the data.
    chart: (
        Literal["c", "g", "i", "i_prime", "mr", "p", "p_prime", "run", "s", "t", "u", "u_prime", "xbar"]
        | None
    ) = None
    # How often it is measured.
    interval: (
        Literal["daily", "fortnightly", "irregular", "monthly", "quarterly", "weekly", "yearly"] | None
    ) = None
    # Which way is better.
    direction: Literal["decrease", "increase", "neutral"] | None = None
    # The value to reach, in the unit shown.
    target: float | None = None
    # The role that collects it.
    owner: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class MeasureRetired(Event):
    """A measure is no longer collected. Its data stay."""

    type: ClassVar[str] = "measure.retired"
    stream: ClassVar[str] = "project"
    # Which measure. Id of a measure within its project.
    measure: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class MeasureRevised(Event):
    """A measure was defined anew. It is told in full; values before and after may not compare."""

    type: ClassVar[str] = "measure.revised"
    stream: ClassVar[str] = "project"
    # Which measure. Id of a measure within its project.
    measure: str
    # What it is called. One line.
    name: str
    # Whether it shows the outcome, the process, or harm done elsewhere.
    kind: Literal["balancing", "outcome", "process"] | None = None
    # The operational definition.
    definition: str | None = None
    # What a value is counted in.
    unit: str | None = None
    # What is counted above the line, if it is a share or rate.
    numerator: str | None = None
    # What is counted below the line.
    denominator: str | None = None
    # Shown times this: 1000 for a rate per 1,000 bed days.
    multiply: float | None = None
    # The chart that fits the data.
    chart: (
        Literal["c", "g", "i", "i_prime", "mr", "p", "p_prime", "run", "s", "t", "u", "u_prime", "xbar"]
        | None
    ) = None
    # How often it is measured.
    interval: (
        Literal["daily", "fortnightly", "irregular", "monthly", "quarterly", "weekly", "yearly"] | None
    ) = None
    # Which way is better.
    direction: Literal["decrease", "increase", "neutral"] | None = None
    # The value to reach, in the unit shown.
    target: float | None = None
    # The role that collects it.
    owner: str | None = None
    # Where this was read.
    published: Citation | None = None
    # Why the measure changed.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class MeasurementCorrected(Event):
    """A measurement was wrong. It counts as though this reading had been recorded: the right one, told in
    full.
    """

    type: ClassVar[str] = "measurement.corrected"
    stream: ClassVar[str] = "project"
    # The id of the event that is put right. The CloudEvents `id` under which the earlier event was told.
    of: str
    # Its source, if another system told it.
    of_source: str | None = None
    # Why.
    reason: str | None = None
    # The right value.
    value: float | None = None
    # The right count above the line.
    numerator: float | None = None
    # The right count below the line.
    denominator: float | None = None
    # How many people, cases or days it rests on, if that was wrong as well.
    n: float | None = None
    # A new note, if the old one was wrong.
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class MeasurementExcluded(Event):
    """People decided to leave a point out of the limits. It is still drawn."""

    type: ClassVar[str] = "measurement.excluded"
    stream: ClassVar[str] = "project"
    # Whose chart. Id of a measure within its project.
    measure: str
    # The period of the point, as it was recorded. A day, month or year as far as it is known: 2022-05-20,
    # 2022-05 or 2022.
    period: str
    # Its subgroup, if it has one.
    subgroup: str | None = None
    # Why. Free text. Names no person.
    reason: str
    # The role that decided.
    decided_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class MeasurementRecorded(Event):
    """One measurement: a value, or a numerator and a denominator, for a period.

    A measure has one value for each period and subgroup; another is put right by `measurement.corrected`.
    """

    type: ClassVar[str] = "measurement.recorded"
    stream: ClassVar[str] = "project"
    # Which measure. Id of a measure within its project.
    measure: str
    # The day, month or year that it is of; the first day of any other period. A day, month or year as far
    # as it is known: 2022-05-20, 2022-05 or 2022.
    period: str
    # The last day of the period, where that is not plain.
    until: str | None = None
    # Which of several measurements of the period.
    subgroup: str | None = None
    # The value, in the measure's unit.
    value: float | None = None
    # What was counted above the line.
    numerator: float | None = None
    # What was counted below the line.
    denominator: float | None = None
    # How many people, cases or days a value rests on.
    n: float | None = None
    # What a reader of this point should know.
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class MeetingCancelled(Event):
    """A planned meeting does not take place."""

    type: ClassVar[str] = "meeting.cancelled"
    stream: ClassVar[str] = "forum"
    # Which meeting. Id of a meeting within its forum.
    meeting: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class MeetingHeld(Event):
    """A meeting took place. Attendance is counted, never listed."""

    type: ClassVar[str] = "meeting.held"
    stream: ClassVar[str] = "forum"
    # Which meeting. Id of a meeting within its forum.
    meeting: str
    # The day, if it is not the day of this event.
    on: str | None = None
    # How many members of staff came.
    staff: int | None = None
    # How many service users came.
    service_users: int | None = None
    # How many carers came.
    carers: int | None = None
    # How many others came.
    others: int | None = None
    # How many teams were represented.
    teams: int | None = None
    # Where the minutes are.
    minutes: str | None = None


@dataclass(frozen=True, kw_only=True)
class MeetingScheduled(Event):
    """A meeting was planned, or planned for another day."""

    type: ClassVar[str] = "meeting.scheduled"
    stream: ClassVar[str] = "forum"
    # Which meeting. Id of a meeting within its forum.
    meeting: str
    # The day. A day, month or year as far as it is known: 2022-05-20, 2022-05 or 2022.
    on: str
    # What it is called.
    title: str | None = None


@dataclass(frozen=True, kw_only=True)
class PartnershipEnded(Event):
    """A partnership came to its end."""

    type: ClassVar[str] = "partnership.ended"
    stream: ClassVar[str] = "organisation"
    # The other organisation. One line.
    partner: str
    # Why.
    reason: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class PartnershipStarted(Event):
    """The organisation began to work on improvement together with another."""

    type: ClassVar[str] = "partnership.started"
    stream: ClassVar[str] = "organisation"
    # The other organisation. One line.
    partner: str
    # What they do together.
    summary: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class PeoplePacked(Event):
    """The keys and addresses of the organisation's people were sealed into a file, for another installation."""

    type: ClassVar[str] = "people.packed"
    stream: ClassVar[str] = "operations"
    # To which invitation. An identifier of the sender's own: letters, digits, and . _ ~ -
    invitation: str
    # Of how many. How many.
    persons: int
    # How many erasures went along. How many.
    erased: int | None = None


@dataclass(frozen=True, kw_only=True)
class PeopleTakenIn(Event):
    """The people of the organisation came from another installation, beside their log."""

    type: ClassVar[str] = "people.taken_in"
    stream: ClassVar[str] = "operations"
    # By which invitation. An identifier of the sender's own: letters, digits, and . _ ~ -
    invitation: str
    # The name of their log in the checkpoints of the place they came from. One line.
    origin: str
    # How many came. How many.
    persons: int
    # How many did not, because they were erased. How many.
    erased: int | None = None


@dataclass(frozen=True, kw_only=True)
class PersonChangedRole(Event):
    """A person took another role in a project in place of the one they had."""

    type: ClassVar[str] = "person.changed_role"
    stream: ClassVar[str] = "project"
    # Who. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address or a
    # number from outside.
    person: str
    # The role that ended.
    was: Literal["advisor", "carer", "co_lead", "coach", "data", "lead", "member", "service_user", "sponsor"]
    # The role that began.
    role: Literal["advisor", "carer", "co_lead", "coach", "data", "lead", "member", "service_user", "sponsor"]
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class PersonErased(Event):
    """The key of a person was destroyed: their words can be read by nobody any more, in no copy."""

    type: ClassVar[str] = "person.erased"
    stream: ClassVar[str] = "operations"
    # Whose key it was. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail
    # address or a number from outside.
    person: str
    # The names of the keys that were destroyed. Names of keys, never the keys.
    keys: Sequence[str]
    # On which grounds. A few words.
    grounds: str
    # Whether the vault held an entry, now emptied.
    contact: bool | None = None


@dataclass(frozen=True, kw_only=True)
class PersonJoined(Event):
    """A person joined a project in a role. One person may hold several roles, each joined and left on its
    own.
    """

    type: ClassVar[str] = "person.joined"
    stream: ClassVar[str] = "project"
    # Who. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address or a
    # number from outside.
    person: str
    # As what.
    role: Literal["advisor", "carer", "co_lead", "coach", "data", "lead", "member", "service_user", "sponsor"]
    # Staff, service user, carer or from outside.
    kind: Literal["carer", "external", "service_user", "staff"] | None = None
    # The professional group, never a job title that only one person has.
    profession: str | None = None


@dataclass(frozen=True, kw_only=True)
class PersonLeft(Event):
    """A person no longer holds a role in a project; without a role, they left the project in every role."""

    type: ClassVar[str] = "person.left"
    stream: ClassVar[str] = "project"
    # Who. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address or a
    # number from outside.
    person: str
    # The role that ended; every role if none is named.
    role: (
        Literal["advisor", "carer", "co_lead", "coach", "data", "lead", "member", "service_user", "sponsor"]
        | None
    ) = None
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class PersonReferenceIssued(Event):
    """A person was given an opaque reference under which improvement work can name them."""

    type: ClassVar[str] = "person.reference_issued"
    stream: ClassVar[str] = "person"
    # Staff, service user, carer or from outside.
    kind: Literal["carer", "external", "service_user", "staff"] | None = None
    # Where they belong.
    directorate: str | None = None
    # The professional group, never a job title that only one person has.
    profession: str | None = None


@dataclass(frozen=True, kw_only=True)
class PersonRolesChanged(Event):
    """A person does other things for improvement in the organisation than before."""

    type: ClassVar[str] = "person.roles_changed"
    stream: ClassVar[str] = "person"
    # All that they do from now on. What a person does for improvement in the organisation.
    roles: Sequence[
        Literal[
            "administrator",
            "auditor",
            "coach",
            "communications",
            "guru",
            "improvement_advisor",
            "people_participation_lead",
            "sponsor",
            "training_team",
        ]
    ]
    # Where they do it, if not everywhere.
    directorate: str | None = None
    # Why, without private matters.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class PortfolioPublished(Event):
    """A list of improvement projects was published: what the directorate, forum or organisation was working
    on.
    """

    type: ClassVar[str] = "portfolio.published"
    stream: ClassVar[str] = "*"
    # Its title. One line.
    title: str
    # Whose projects it lists.
    directorate: str | None = None
    # How many it lists.
    projects: int | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class PortfolioReviewed(Event):
    """A list of projects was gone through. Each project that ended by it has an event of its own where it is
    known.
    """

    type: ClassVar[str] = "portfolio.reviewed"
    stream: ClassVar[str] = "*"
    # What was reviewed. One line.
    title: str
    # How many projects were looked at.
    reviewed: int | None = None
    # How many were closed by it.
    closed: int | None = None
    # Why, or by which rule.
    reason: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class PriorityAgreed(Event):
    """An improvement priority was agreed. Without forum or directorate it is a priority of the whole
    organisation.
    """

    type: ClassVar[str] = "priority.agreed"
    stream: ClassVar[str] = "priority"
    # What is to become better. One line.
    title: str
    # What it answers to.
    why: str | None = None
    # The forum whose priority it is.
    forum: str | None = None
    # The directorate whose priority it is.
    directorate: str | None = None
    # The strategy areas it belongs to. Strategy areas.
    areas: Sequence[str] = ()
    # The first day it holds.
    since: str | None = None
    # The last day it holds.
    until: str | None = None


@dataclass(frozen=True, kw_only=True)
class PriorityRetired(Event):
    """A priority no longer holds. Work that began under it goes on as it may."""

    type: ClassVar[str] = "priority.retired"
    stream: ClassVar[str] = "priority"
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProgrammeAimSet(Event):
    """A programme was given an aim that its teams share, or a new one."""

    type: ClassVar[str] = "programme.aim_set"
    stream: ClassVar[str] = "programme"
    # The aim in full: how much, of what, for whom, by when. Free text. Names no person.
    statement: str
    # Where it starts.
    baseline: float | None = None
    # Where it wants to be.
    target: float | None = None
    # What baseline and target are counted in.
    unit: str | None = None
    # When the aim is to be met.
    by: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ProgrammeCompleted(Event):
    """A programme ended."""

    type: ClassVar[str] = "programme.completed"
    stream: ClassVar[str] = "programme"
    # How many teams had begun.
    teams_started: int | None = None
    # How many stayed to the end.
    teams_completed: int | None = None
    # How many saw their outcome improve.
    teams_improved: int | None = None
    # What was learned, whether or not the aim was met.
    learned: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ProgrammePaused(Event):
    """Work on a programme was interrupted, to be taken up again."""

    type: ClassVar[str] = "programme.paused"
    stream: ClassVar[str] = "programme"
    # Why.
    reason: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ProgrammeReported(Event):
    """A page or report said how a programme stands. Nothing else about the programme changed."""

    type: ClassVar[str] = "programme.reported"
    stream: ClassVar[str] = "programme"
    # How it stands. Free text. Names no person.
    summary: str
    # What it is called, if its start was never told.
    title: str | None = None
    # Whose teams take part. Directorates.
    directorates: Sequence[str] = ()
    # Methods that are named. QI tools and methods, such as `PDSA`.
    tools: Sequence[str] = ()
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ProgrammeResumed(Event):
    """A paused programme was taken up again."""

    type: ClassVar[str] = "programme.resumed"
    stream: ClassVar[str] = "programme"
    # Why now.
    reason: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ProgrammeStarted(Event):
    """A programme, collaborative or learning system began."""

    type: ClassVar[str] = "programme.started"
    stream: ClassVar[str] = "programme"
    # What it is called. One line.
    title: str
    # How its teams work together.
    kind: Literal["collaborative", "learning_system", "programme"] | None = None
    # What it is for.
    aim: str | None = None
    # The strategy areas it contributes to. Strategy areas.
    areas: Sequence[str] = ()
    # Whose teams take part. Directorates.
    directorates: Sequence[str] = ()
    # How many teams began.
    teams: int | None = None
    # When it is meant to end.
    ends: str | None = None
    # The methods it uses. QI tools and methods, such as `PDSA`.
    tools: Sequence[str] = ()
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ProgressScored(Event):
    """Somebody scored how far a project has come. Scores are people's judgements; they may fall as well as
    rise.
    """

    type: ClassVar[str] = "progress.scored"
    stream: ClassVar[str] = "project"
    # The score. 0.5, 1.0, 1.5 … 5.0 on the scale named.
    score: float
    # The scale it is on. A scale and its version: `life_qi` (0.5 to 5), `ihi` (1 to 5), or your own such as
    # `ours.2`.
    scale: str
    # Who judged: the team itself, its coach, an improvement advisor or the forum.
    assessor: Literal["advisor", "coach", "forum", "self"]
    # Why this score.
    rationale: str | None = None
    # What it rests on: cycles, measures, anything that can be looked up. One line each.
    evidence: Sequence[str] = ()
    # What the next score needs.
    next: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectCancelled(Event):
    """A project ended before its time. It no longer counts as active or completed; what it learned stays."""

    type: ClassVar[str] = "project.cancelled"
    stream: ClassVar[str] = "project"
    # The kind of reason.
    because: (
        Literal[
            "aim_unachievable", "duplicate", "merged", "never_started", "not_needed", "other", "team_left"
        ]
        | None
    ) = None
    # Why.
    reason: str | None = None
    # What was learned.
    learned: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectCompleted(Event):
    """A project ended as planned, whether or not its aim was met: what it learned counts either way."""

    type: ClassVar[str] = "project.completed"
    stream: ClassVar[str] = "project"
    # Whether the aim was met.
    outcome: Literal["met", "not_met", "partly_met"] | None = None
    # What was learned.
    learned: str | None = None
    # How the gain is to be kept.
    sustain: SustainPlan | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class HandedToQualityControl(Event):
    """A project's gains were handed over to quality control: daily work keeps them from now on."""

    type: ClassVar[str] = "project.handed_over"
    stream: ClassVar[str] = "project"
    # The role that keeps watch. A few words.
    owner_role: str
    # What is watched.
    measure: str | None = None
    # Where and how often it is looked at.
    how: str | None = None
    # When it is checked next.
    review_due: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectJoinedProgramme(Event):
    """A project became part of a programme. It stays one project, and may be in several programmes."""

    type: ClassVar[str] = "project.joined_programme"
    stream: ClassVar[str] = "project"
    # The programme it joined. Id of a programme or collaborative: its stream without `programme/`.
    programme: str
    # Why.
    reason: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectLeftProgramme(Event):
    """A project is no longer part of a programme."""

    type: ClassVar[str] = "project.left_programme"
    stream: ClassVar[str] = "project"
    # The programme it left. Id of a programme or collaborative: its stream without `programme/`.
    programme: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectMerged(Event):
    """A project was merged into another, where its work goes on. It stays on record under its own id."""

    type: ClassVar[str] = "project.merged"
    stream: ClassVar[str] = "project"
    # The project that goes on. Id of a project: its stream without `project/`.
    into: str
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectPaused(Event):
    """Work on a project was interrupted, to be taken up again. It still counts as active."""

    type: ClassVar[str] = "project.paused"
    stream: ClassVar[str] = "project"
    # Why.
    reason: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectProposed(Event):
    """Somebody proposed a QI project: a quality issue that a team wants to work on for some months."""

    type: ClassVar[str] = "project.proposed"
    stream: ClassVar[str] = "project"
    # What the project is called. One line.
    title: str
    # The quality issue it is about.
    problem: str | None = None
    # Where it belongs.
    directorate: str | None = None
    # The forum that is to approve it and look after it.
    forum: str | None = None
    # The strategy areas it contributes to. Strategy areas.
    areas: Sequence[str] = ()
    # Who proposed it.
    proposer: str | None = None
    # The idea it grew from.
    from_idea: str | None = None
    # The improvement outside projects it grew from.
    from_improvement: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectRedescribed(Event):
    """A project has a new title, or contributes to other strategy areas than before."""

    type: ClassVar[str] = "project.redescribed"
    stream: ClassVar[str] = "project"
    # What it is called from now on, if that changed.
    title: str | None = None
    # The quality issue, if it is worded anew.
    problem: str | None = None
    # All strategy areas it contributes to from now on, if they changed.
    areas: Sequence[str] | None = ()
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectReopened(Event):
    """A completed or cancelled project is worked on again."""

    type: ClassVar[str] = "project.reopened"
    stream: ClassVar[str] = "project"
    # Why.
    reason: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectReported(Event):
    """A page, poster or report described a project. Its state did not change; it is a sign of life."""

    type: ClassVar[str] = "project.reported"
    stream: ClassVar[str] = "project"
    # What the project is called.
    title: str | None = None
    # What was said of it.
    summary: str | None = None
    # Where it belongs.
    directorate: str | None = None
    # The strategy areas it contributes to. Strategy areas.
    areas: Sequence[str] = ()
    # Methods that are named. QI tools and methods, such as `PDSA`.
    tools: Sequence[str] = ()
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectResumed(Event):
    """A paused project was taken up again."""

    type: ClassVar[str] = "project.resumed"
    stream: ClassVar[str] = "project"
    # Why now.
    reason: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectReviewed(Event):
    """A forum discussed a project and decided. The decision stands here; pausing or closing are events of
    their own.
    """

    type: ClassVar[str] = "project.reviewed"
    stream: ClassVar[str] = "project"
    # The forum that decided. Id of a QI Forum: its stream without `forum/`.
    forum: str
    # What it decided.
    outcome: Literal[
        "approved",
        "approved_with_conditions",
        "close",
        "continue",
        "declined",
        "deferred",
        "escalate",
        "pause",
        "support_requested",
    ]
    # The meeting at which it decided.
    meeting: str | None = None
    # What the approval depends on. One line each.
    conditions: Sequence[str] = ()
    # What the team should know.
    comment: str | None = None
    # When the forum wants to see it again.
    next_review: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectSplit(Event):
    """Parts of a project go on as projects of their own."""

    type: ClassVar[str] = "project.split"
    stream: ClassVar[str] = "project"
    # The projects that carry parts of it on.
    into: Sequence[str]
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectStarted(Event):
    """A project began. What is told here of its title or place counts if no proposal was told, or changed
    since.
    """

    type: ClassVar[str] = "project.started"
    stream: ClassVar[str] = "project"
    # The forum that approved it.
    approved_by: str | None = None
    # Why it began without approval, if it did.
    waiver: str | None = None
    # What it is called.
    title: str | None = None
    # Where it belongs.
    directorate: str | None = None
    # The forum that looks after it.
    forum: str | None = None
    # The strategy areas it contributes to. Strategy areas.
    areas: Sequence[str] = ()
    # The methods it begins with. QI tools and methods, such as `PDSA`.
    tools: Sequence[str] = ()
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectSubmitted(Event):
    """A proposed project was put to a forum for approval."""

    type: ClassVar[str] = "project.submitted"
    stream: ClassVar[str] = "project"
    # The forum that is to decide. Id of a QI Forum: its stream without `forum/`.
    forum: str
    # The meeting at which it is to be discussed.
    meeting: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectTransferred(Event):
    """A project moved to another forum or directorate. From then on it counts there, and only there."""

    type: ClassVar[str] = "project.transferred"
    stream: ClassVar[str] = "project"
    # Where it belongs now, if that changed.
    directorate: str | None = None
    # The forum that looks after it now, if that changed.
    forum: str | None = None
    # Why.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class RatingReceived(Event):
    """A regulator rated the organisation or a part of it."""

    type: ClassVar[str] = "rating.received"
    stream: ClassVar[str] = "organisation"
    # Who gave it. A few words.
    given_by: str
    # The rating, in the regulator's words. A few words.
    rating: str
    # What was rated.
    scope: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class RecordsRead(Event):
    """Auditors read, or somebody read words in clear, in the seconds before."""

    type: ClassVar[str] = "records.read"
    stream: ClassVar[str] = "operations"
    # Who read what.
    reads: Sequence[Reads]
    # Over how many seconds it was counted. A size that is not negative.
    seconds: float
    # Reads beyond those listed. How many.
    others: int | None = None


@dataclass(frozen=True, kw_only=True)
class RectificationApplied(Event):
    """Data about a person were put right at their request (UK GDPR, Article 16)."""

    type: ClassVar[str] = "rectification.applied"
    stream: ClassVar[str] = "person"
    # How many events were corrected. How many.
    corrected: int


@dataclass(frozen=True, kw_only=True)
class RequestsRefused(Event):
    """Requests were refused in the seconds before, counted by reason, door and key."""

    type: ClassVar[str] = "requests.refused"
    stream: ClassVar[str] = "operations"
    # What was refused how often.
    refusals: Sequence[Refusals]
    # Over how many seconds it was counted. A size that is not negative.
    seconds: float
    # Refusals beyond those listed. How many.
    others: int | None = None


@dataclass(frozen=True, kw_only=True)
class ResultReported(Event):
    """A result was reported: before and after, or in words. The data behind it are `measurement.recorded`."""

    type: ClassVar[str] = "result.reported"
    stream: ClassVar[str] = "*"
    # What was found. One line.
    title: str
    # What was found, at more length.
    summary: str | None = None
    # The measure it is of, if the project has defined it.
    measure: str | None = None
    # The value before the changes.
    before: float | None = None
    # The value after.
    after: float | None = None
    # What the values are counted in.
    unit: str | None = None
    # Which way is better.
    direction: Literal["decrease", "increase", "neutral"] | None = None
    # When the value before was taken.
    since: str | None = None
    # When the value after was taken.
    until: str | None = None
    # Where it was reached.
    directorate: str | None = None
    # The strategy areas it contributes to. Strategy areas.
    areas: Sequence[str] = ()
    # Methods that led to it. QI tools and methods, such as `PDSA`.
    tools: Sequence[str] = ()
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ReviewReceived(Event):
    """Somebody from outside reviewed how the organisation improves."""

    type: ClassVar[str] = "review.received"
    stream: ClassVar[str] = "organisation"
    # Who reviewed. One line.
    by: str
    # What they found.
    summary: str | None = None
    # The strategy areas it speaks of. Strategy areas.
    areas: Sequence[str] = ()
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ServicesMoved(Event):
    """Services joined the organisation or left it. Counts before and after do not compare as they stand."""

    type: ClassVar[str] = "services.moved"
    stream: ClassVar[str] = "organisation"
    # Which services. One line.
    title: str
    # Which way they moved.
    change: Literal["joined", "left"]
    # The directorate that gained or lost them.
    directorate: str | None = None
    # The organisation they came from or went to.
    other: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class SignalAcknowledged(Event):
    """Somebody saw a signal of the chart and said what they think caused it."""

    type: ClassVar[str] = "signal.acknowledged"
    stream: ClassVar[str] = "project"
    # Whose chart. Id of a measure within its project.
    measure: str
    # The rules by which it is a signal. The rules by which a chart is read, such as `making-data-count-1`
    # or `anhoej-1`.
    rule_set: str
    # The rule that it broke. A few words.
    rule: str
    # The first point of the signal. A day, month or year as far as it is known: 2022-05-20, 2022-05 or
    # 2022.
    since: str
    # The last point so far.
    until: str | None = None
    # What they think caused it.
    cause: str | None = None


@dataclass(frozen=True, kw_only=True)
class SponsorUpdated(Event):
    """The sponsor was told how a project stands, as coaches do each month."""

    type: ClassVar[str] = "sponsor.updated"
    stream: ClassVar[str] = "project"
    # How it stands.
    summary: str | None = None
    # What the team needs from the sponsor. One line each.
    asks: Sequence[str] = ()
    # Who told them.
    by: str | None = None


@dataclass(frozen=True, kw_only=True)
class SpreadAdopted(Event):
    """A project's change was taken up elsewhere. It counts for the project it came from."""

    type: ClassVar[str] = "spread.adopted"
    stream: ClassVar[str] = "project"
    # Where: a team, a directorate, an organisation. One line.
    to: str
    # How far that is.
    reach: Literal["directorate", "organisation", "other_organisation", "team"] | None = None
    # The change.
    change_idea: str | None = None
    # What is done differently there.
    adaptation: str | None = None
    # The project there, if it is one.
    new_project: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class SpreadPlanned(Event):
    """A project's change is meant to be taken up elsewhere."""

    type: ClassVar[str] = "spread.planned"
    stream: ClassVar[str] = "project"
    # Where: a team, a directorate, an organisation. One line.
    to: str
    # How far that is.
    reach: Literal["directorate", "organisation", "other_organisation", "team"] | None = None
    # The change.
    change_idea: str | None = None
    # How it is to get there.
    plan: str | None = None
    # The role that looks after it.
    owner: str | None = None
    # By when.
    by: str | None = None


@dataclass(frozen=True, kw_only=True)
class StoryLinked(Event):
    """A story turned out to be about something more."""

    type: ClassVar[str] = "story.linked"
    stream: ClassVar[str] = "story"
    # What it is also about. What something is about, by its stream: `project/P-17`, `improvement/I-3`,
    # `forum/newham`.
    to: str
    # How they belong together.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class StoryShared(Event):
    """A story of improvement was shared: on a page, on a poster, in a paper, in a talk."""

    type: ClassVar[str] = "story.shared"
    stream: ClassVar[str] = "story"
    # Its title. One line.
    title: str
    # What it tells.
    summary: str | None = None
    # The story itself, if it is short.
    text: str | None = None
    # Where it can be read, seen or heard.
    address: str | None = None
    # The projects, improvements, programmes or ideas it is about. What it is about, by their streams.
    about: Sequence[str] = ()
    # The form it is told in.
    format: (
        Literal[
            "audio",
            "guide",
            "newsletter",
            "paper",
            "poster",
            "press",
            "report",
            "slides",
            "talk",
            "video",
            "written",
        ]
        | None
    ) = None
    # The strategy areas it speaks to. Strategy areas.
    areas: Sequence[str] = ()
    # The QI tools it shows in use. QI tools and methods, such as `PDSA`.
    tools: Sequence[str] = ()
    # Where it comes from.
    directorate: str | None = None
    # Who may see it.
    audience: Literal["forum", "organisation", "public", "team"] | None = None
    # The language it is told in.
    language: str | None = None
    # The consents it rests on; a public story about people needs theirs. Consents of those the story is
    # about.
    consents: Sequence[str] = ()
    # The story it tells anew, in another form or language.
    retells: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class StoryWithdrawn(Event):
    """A story must not be told any more. Every copy has to go; that it was once shared stays on record."""

    type: ClassVar[str] = "story.withdrawn"
    stream: ClassVar[str] = "story"
    # Why, without saying of whom.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class StrategyAdopted(Event):
    """An organisation adopted a strategy. Its areas are what improvement work is counted under while it is
    in force.
    """

    type: ClassVar[str] = "strategy.adopted"
    stream: ClassVar[str] = "strategy"
    # What the strategy is called. One line.
    title: str
    # Since when it is in force. A day, month or year as far as it is known: 2022-05-20, 2022-05 or 2022.
    valid_from: str
    # Which wording this is. 1 for the first wording of a strategy, then 2, 3 …
    version: int | None = None
    # Until when it is meant to be in force.
    valid_to: str | None = None
    # Its areas; none for a pledge or vision without areas of its own.
    areas: Sequence[Area] = ()
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class StrategyRefreshed(Event):
    """A strategy was worded anew. Earlier work keeps counting under the version that was in force, or is
    mapped.
    """

    type: ClassVar[str] = "strategy.refreshed"
    stream: ClassVar[str] = "strategy"
    # Which wording this is. 1 for the first wording of a strategy, then 2, 3 …
    version: int
    # Since when it is in force. A day, month or year as far as it is known: 2022-05-20, 2022-05 or 2022.
    valid_from: str
    # Its new title, if that changed.
    title: str | None = None
    # Until when it is meant to be in force.
    valid_to: str | None = None
    # All areas of the new wording.
    areas: Sequence[Area]
    # What became of each area of the version before.
    maps_from: Sequence[AreaMove] = ()
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class SubjectAccessGiven(Event):
    """All that is kept about a person was put together for them."""

    type: ClassVar[str] = "subject_access.given"
    stream: ClassVar[str] = "operations"
    # About whom. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address or
    # a number from outside.
    person: str
    # How many events name them. How many.
    events: int
    # How many fields were read in clear. How many.
    words: int | None = None


@dataclass(frozen=True, kw_only=True)
class SupportOffered(Event):
    """A new kind of help with improvement work is open to people."""

    type: ClassVar[str] = "support.offered"
    stream: ClassVar[str] = "organisation"
    # What it is called. One line.
    title: str
    # What it offers, and to whom.
    summary: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class SustainCheckRecorded(Event):
    """Somebody looked whether the gains of a finished project still hold. Where they slipped, work can be
    reopened.
    """

    type: ClassVar[str] = "sustain_check.recorded"
    stream: ClassVar[str] = "project"
    # What they found.
    result: Literal["held", "slipped", "unclear"]
    # What they looked at.
    measure: str | None = None
    # What they saw.
    note: str | None = None
    # When to look again.
    next_due: str | None = None


@dataclass(frozen=True, kw_only=True)
class TeamCreated(Event):
    """A standing team for improvement was set up."""

    type: ClassVar[str] = "team.created"
    stream: ClassVar[str] = "organisation"
    # What it is called. One line.
    name: str
    # What it is for.
    purpose: str | None = None
    # Where it works, if not for all.
    directorate: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class ToolAdopted(Event):
    """The organisation took a platform or tool for improvement work into use."""

    type: ClassVar[str] = "tool.adopted"
    stream: ClassVar[str] = "organisation"
    # Which. One line.
    tool: str
    # What it is used for.
    summary: str | None = None
    # Where this was read.
    published: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingAttended(Event):
    """A person attended one session of a cohort."""

    type: ClassVar[str] = "training.attended"
    stream: ClassVar[str] = "cohort"
    # The training programme. Id of a training programme, such as `pocket_qi` or `ilp`.
    course: str
    # Who. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address or a
    # number from outside.
    person: str
    # Staff, service user, carer or from outside.
    kind: Literal["carer", "external", "service_user", "staff"] | None = None
    # Which session.
    session: str | None = None
    # How long.
    hours: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingCompleted(Event):
    """A person completed a training programme. They count once for each cohort."""

    type: ClassVar[str] = "training.completed"
    stream: ClassVar[str] = "cohort"
    # The training programme. Id of a training programme, such as `pocket_qi` or `ilp`.
    course: str
    # Who. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address or a
    # number from outside.
    person: str
    # Staff, service user, carer or from outside.
    kind: Literal["carer", "external", "service_user", "staff"] | None = None
    # The project they learned with.
    project: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingEnrolled(Event):
    """A person was given a place in a cohort."""

    type: ClassVar[str] = "training.enrolled"
    stream: ClassVar[str] = "cohort"
    # The training programme. Id of a training programme, such as `pocket_qi` or `ilp`.
    course: str
    # Who. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address or a
    # number from outside.
    person: str
    # Staff, service user, carer or from outside.
    kind: Literal["carer", "external", "service_user", "staff"] | None = None
    # The professional group.
    profession: str | None = None
    # The project they come with.
    project: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingRequestEnded(Event):
    """A person no longer waits for a place in a training programme: they have one, or thought better of it."""

    type: ClassVar[str] = "training.request_ended"
    stream: ClassVar[str] = "course"
    # Who. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address or a
    # number from outside.
    person: str


@dataclass(frozen=True, kw_only=True)
class TrainingRequested(Event):
    """A person asked for a place in the next cohort of a training programme, and hears when one opens."""

    type: ClassVar[str] = "training.requested"
    stream: ClassVar[str] = "course"
    # Who. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address or a
    # number from outside.
    person: str
    # Staff, service user, carer or from outside.
    kind: Literal["carer", "external", "service_user", "staff"] | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingWithdrawn(Event):
    """A person gave up their place in a cohort, or left it before its end."""

    type: ClassVar[str] = "training.withdrawn"
    stream: ClassVar[str] = "cohort"
    # The training programme. Id of a training programme, such as `pocket_qi` or `ilp`.
    course: str
    # Who. An opaque reference to a person, such as `person/k7q2`. Never a name, an e-mail address or a
    # number from outside.
    person: str
    # Staff, service user, carer or from outside.
    kind: Literal["carer", "external", "service_user", "staff"] | None = None
    # Why, without health or private matters.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class VisibilitySet(Event):
    """Who may see a piece of work from now on. It is counted either way; only lists and pages leave it out."""

    type: ClassVar[str] = "visibility.set"
    stream: ClassVar[str] = "*"
    # Everybody, the organisation, its forum or its team.
    audience: Literal["forum", "organisation", "public", "team"]
    # Why.
    reason: str | None = None


TYPES: Mapping[str, type[Event]] = {
    "access.reported": AccessReported,
    "aim.revised": AimRevised,
    "aim.set": AimSet,
    "award.received": AwardReceived,
    "barrier.escalated": BarrierEscalated,
    "barrier.raised": BarrierRaised,
    "barrier.resolved": BarrierResolved,
    "baseline.set": BaselineSet,
    "celebration.recorded": CelebrationRecorded,
    "change.implemented": ChangeImplemented,
    "change.reversed": ChangeReversed,
    "change_idea.added": ChangeIdeaAdded,
    "change_idea.dropped": ChangeIdeaDropped,
    "change_idea.parked": ChangeIdeaParked,
    "change_idea.revised": ChangeIdeaRevised,
    "chart.annotated": ChartAnnotated,
    "charter.completed": CharterCompleted,
    "charter.revised": CharterRevised,
    "client.registered": ClientRegistered,
    "coach.accredited": CoachAccredited,
    "coach.allocated": CoachAllocated,
    "coach.released": CoachReleased,
    "coach.stepped_down": CoachSteppedDown,
    "coaching_session.held": CoachingSessionHeld,
    "cohort.cancelled": CohortCancelled,
    "cohort.completed": CohortCompleted,
    "cohort.opened": CohortOpened,
    "comment.posted": CommentPosted,
    "consent.given": ConsentGiven,
    "consent.withdrawn": ConsentWithdrawn,
    "contact.changed": ContactChanged,
    "contact.emptied": ContactEmptied,
    "contact.read": ContactRead,
    "count.published": CountPublished,
    "course.offered": CourseOffered,
    "cycle.abandoned": CycleAbandoned,
    "cycle.acted": CycleActed,
    "cycle.done": CycleDone,
    "cycle.planned": CyclePlanned,
    "cycle.started": CycleStarted,
    "cycle.studied": CycleStudied,
    "cycle.tested": CycleTested,
    "directorate.closed": DirectorateClosed,
    "directorate.created": DirectorateCreated,
    "directorate.merged": DirectorateMerged,
    "directorate.renamed": DirectorateRenamed,
    "driver.added": DriverAdded,
    "driver.linked": DriverLinked,
    "driver.removed": DriverRemoved,
    "driver.revised": DriverRevised,
    "erasure.decided": ErasureDecided,
    "erasure.executed": ErasureExecuted,
    "erasure.requested": ErasureRequested,
    "event.corrected": EventCorrected,
    "event.retracted": EventRetracted,
    "export.taken": ExportTaken,
    "forum.closed": ForumClosed,
    "forum.created": ForumCreated,
    "forum.decided": ForumDecided,
    "forum.renamed": ForumRenamed,
    "forum.reported": ForumReported,
    "forum.rescoped": ForumRescoped,
    "forum_chair.appointed": ForumChairAppointed,
    "forum_member.joined": ForumMemberJoined,
    "forum_member.left": ForumMemberLeft,
    "idea.acknowledged": IdeaAcknowledged,
    "idea.declined": IdeaDeclined,
    "idea.merged": IdeaMerged,
    "idea.parked": IdeaParked,
    "idea.raised": IdeaRaised,
    "idea.taken_up": IdeaTakenUp,
    "improvement.promoted": ImprovementPromoted,
    "improvement.reported": ImprovementReported,
    "improvement.stopped": ImprovementStopped,
    "improvement.sustained": ImprovementSustained,
    "improvement.updated": ImprovementUpdated,
    "involvement.experienced": InvolvementExperienced,
    "involvement.set": InvolvementSet,
    "key.created": KeyCreated,
    "key.revoked": KeyRevoked,
    "key.rotated": KeyRotated,
    "learning.captured": LearningCaptured,
    "learning_event.held": LearningEventHeld,
    "legal_hold.lifted": LegalHoldLifted,
    "legal_hold.set": LegalHoldSet,
    "limits.recalculated": LimitsRecalculated,
    "master_key.rotated": MasterKeyRotated,
    "measure.defined": MeasureDefined,
    "measure.retired": MeasureRetired,
    "measure.revised": MeasureRevised,
    "measurement.corrected": MeasurementCorrected,
    "measurement.excluded": MeasurementExcluded,
    "measurement.recorded": MeasurementRecorded,
    "meeting.cancelled": MeetingCancelled,
    "meeting.held": MeetingHeld,
    "meeting.scheduled": MeetingScheduled,
    "partnership.ended": PartnershipEnded,
    "partnership.started": PartnershipStarted,
    "people.packed": PeoplePacked,
    "people.taken_in": PeopleTakenIn,
    "person.changed_role": PersonChangedRole,
    "person.erased": PersonErased,
    "person.joined": PersonJoined,
    "person.left": PersonLeft,
    "person.reference_issued": PersonReferenceIssued,
    "person.roles_changed": PersonRolesChanged,
    "portfolio.published": PortfolioPublished,
    "portfolio.reviewed": PortfolioReviewed,
    "priority.agreed": PriorityAgreed,
    "priority.retired": PriorityRetired,
    "programme.aim_set": ProgrammeAimSet,
    "programme.completed": ProgrammeCompleted,
    "programme.paused": ProgrammePaused,
    "programme.reported": ProgrammeReported,
    "programme.resumed": ProgrammeResumed,
    "programme.started": ProgrammeStarted,
    "progress.scored": ProgressScored,
    "project.cancelled": ProjectCancelled,
    "project.completed": ProjectCompleted,
    "project.handed_over": HandedToQualityControl,
    "project.joined_programme": ProjectJoinedProgramme,
    "project.left_programme": ProjectLeftProgramme,
    "project.merged": ProjectMerged,
    "project.paused": ProjectPaused,
    "project.proposed": ProjectProposed,
    "project.redescribed": ProjectRedescribed,
    "project.reopened": ProjectReopened,
    "project.reported": ProjectReported,
    "project.resumed": ProjectResumed,
    "project.reviewed": ProjectReviewed,
    "project.split": ProjectSplit,
    "project.started": ProjectStarted,
    "project.submitted": ProjectSubmitted,
    "project.transferred": ProjectTransferred,
    "rating.received": RatingReceived,
    "records.read": RecordsRead,
    "rectification.applied": RectificationApplied,
    "requests.refused": RequestsRefused,
    "result.reported": ResultReported,
    "review.received": ReviewReceived,
    "services.moved": ServicesMoved,
    "signal.acknowledged": SignalAcknowledged,
    "sponsor.updated": SponsorUpdated,
    "spread.adopted": SpreadAdopted,
    "spread.planned": SpreadPlanned,
    "story.linked": StoryLinked,
    "story.shared": StoryShared,
    "story.withdrawn": StoryWithdrawn,
    "strategy.adopted": StrategyAdopted,
    "strategy.refreshed": StrategyRefreshed,
    "subject_access.given": SubjectAccessGiven,
    "support.offered": SupportOffered,
    "sustain_check.recorded": SustainCheckRecorded,
    "team.created": TeamCreated,
    "tool.adopted": ToolAdopted,
    "training.attended": TrainingAttended,
    "training.completed": TrainingCompleted,
    "training.enrolled": TrainingEnrolled,
    "training.request_ended": TrainingRequestEnded,
    "training.requested": TrainingRequested,
    "training.withdrawn": TrainingWithdrawn,
    "visibility.set": VisibilitySet,
}
"""Every event type by the name under which it is told."""
