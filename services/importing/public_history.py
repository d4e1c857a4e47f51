"""The published history of improvement: what becomes of each of its lines. Pure: a line in, events or a reason out.

A line is one published fact (`services/data/README.md`). It becomes one or more events; or a check, if it is a counter;
or it is not understood, and that is said. What the mapping decides, it decides here:

- **Nothing is made up.** A field that the fact does not give stays open: no prediction, no outcome of a test, no
  approval by a forum, no person. Published figures, the page, its title, the note of whoever read it and what was
  inferred stay with each event as its citation (`published`).
- **Dates** are those of the fact, with their precision: a `month` or `year` is told as such.
- **Ids** are the facts' own (`elft-0001`), under one source that says what this is. Where a fact gives several events,
  the later ones are `elft-0055-2`, and one that makes a project known is `elft-0085-project`.
- **Streams** are slugs of subjects: `project/ivory-ward-length-of-stay`. `subjects.py` says what each subject is.
  Awards, results, celebrations and the like are told of their subject; where that is a theme only, of the directorate
  that is named, else of the organisation. A story, paper or guide has a stream of its own, `story/elft-0008`, and says
  what it is about.
- **Counters** (`COUNTERS`) say how many there were on a day. They are kept to compare with, and are no events.
- `change_tested` is `cycle.tested` with what was tested, and no more. Where its subject is a programme, it is told of a
  project that is named like it: cycles belong to projects, and the pages do not tell the teams' projects apart.
- `project_reported`, `project_completed` and `project_paused` of a subject that is a programme are told of it.
- `target_set` is `aim.set` or `programme.aim_set`. The day an aim was set is seldom published: where the date is the
  one by which it was to be met (its note says so), that stands in `by` as well.
- `result_reported` has a before and an after only where the page gives both as single values of one measure; with two
  measures, it is two events.
- `strategy_adopted` names areas only where the page names them as the strategy's own.
- `training_completed` that is no end of a course (a first day, or sessions held here and there) is a course day.
"""

import re
from collections.abc import Callable, Mapping

import msgspec

from services.importing import public_organisation, public_programmes, public_projects, public_stories
from services.importing.published_fact import FACT_ID, Fact, Mapped
from services.importing.reading import LINE_BYTES_MAX, Check, Events, NotUnderstood, Reading
from services.importing.subjects import MAKES_KNOWN
from services.importing.telling import Telling, start_of

SOURCE = "https://qiledger.example/history/public"

COUNTERS = ("project_count", "headcount", "role_count", "team_count", "involvement_level", "rating")

MAPPINGS: Mapping[str, Callable[[Fact], Mapped]] = {
    "project_started": public_projects.project_started,
    "project_reported": public_projects.project_reported,
    "project_completed": public_projects.project_completed,
    "project_paused": public_projects.project_paused,
    "target_set": public_projects.target_set,
    "change_tested": public_projects.change_tested,
    "result_reported": public_projects.result_reported,
    "programme_started": public_programmes.programme_started,
    "programme_completed": public_programmes.programme_completed,
    "programme_paused": public_programmes.programme_paused,
    "programme_resumed": public_programmes.programme_resumed,
    "programme_anniversary": public_programmes.programme_anniversary,
    "forum_created": public_programmes.forum_created,
    "forum_event": public_programmes.forum_event,
    "strategy_adopted": public_programmes.strategy_adopted,
    "story_shared": public_stories.story_shared,
    "publication": public_stories.publication,
    "resource_published": public_stories.resource_published,
    "learning_event": public_stories.learning_event,
    "training_cohort_opened": public_stories.training_cohort_opened,
    "training_completed": public_stories.training_completed,
    "award": public_organisation.award,
    "portfolio_published": public_organisation.portfolio_published,
    "portfolio_reviewed": public_organisation.portfolio_reviewed,
    "partnership_started": public_organisation.partnership_started,
    "external_review": public_organisation.external_review,
    "tool_adopted": public_organisation.tool_adopted,
    "team_created": public_organisation.team_created,
    "organisation_change": public_organisation.organisation_change,
    "support_offered": public_organisation.support_offered,
}


_decode = msgspec.json.Decoder(Fact).decode


def read(line: bytes) -> Reading:
    """What becomes of one line. Never raises: a line that cannot be read is not understood, and says why."""
    if len(line) > LINE_BYTES_MAX:
        return NotUnderstood(why=f"the line has more than {LINE_BYTES_MAX} bytes")
    try:
        fact = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        return NotUnderstood(why=f"not a published fact: {wrong}", name=_id_of(line))
    if fact.kind in COUNTERS:
        return _check(fact)
    mapping = MAPPINGS.get(fact.kind)
    if mapping is None:
        return NotUnderstood(why=f"facts of the kind {fact.kind!r} are not known", name=fact.id)
    try:
        tellings = _told(fact, mapping(fact))
        for telling in tellings:
            telling.check()
    except (ValueError, msgspec.ValidationError) as wrong:  # an impossible date, or a field out of bounds
        return NotUnderstood(why=str(wrong), name=fact.id)
    wires = tuple(telling.wire() for telling in tellings)
    return Events(name=fact.id, organisation=fact.organisation, wires=wires)


def _id_of(line: bytes) -> str | None:
    """The id in a line that is otherwise no fact."""
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    claimed = found.get("id") if isinstance(found, dict) else None
    return claimed if isinstance(claimed, str) and re.match(FACT_ID, claimed) else None


def _check(fact: Fact) -> Check:
    return Check(
        name=fact.id,
        organisation=fact.organisation,
        counted=fact.kind,
        written=fact.written,
        title=fact.title,
        figures=dict(fact.numbers),
        page=fact.url,
    )


def _told(fact: Fact, happened: Mapped) -> tuple[Telling, ...]:
    """The events with their ids and dates; the one that makes a project known comes first, as it should be read."""
    ids = [fact.id, *(f"{fact.id}-{number}" for number in range(2, len(happened) + 1))]
    named = list(zip(ids, happened, strict=True))
    if fact.id in MAKES_KNOWN:
        named.insert(0, (f"{fact.id}-project", public_projects.known_project(fact)))
    return tuple(
        Telling(
            organisation=fact.organisation,
            source=SOURCE,
            id=id_,
            stream=stream,
            occurred_at=start_of(fact.written),
            precise_to=fact.date_precision,
            event=event,
        )
        for id_, (stream, event) in named
    )
