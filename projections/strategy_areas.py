"""What improvement work contributes to each strategy area, by directorate and month. Boards and dashboards read it.

What is counted, on any day:

- **active or completed** projects: active, paused and completed ones; begun, and neither cancelled nor merged into
  another. Paused ones are shown by themselves as well.
- **improvements** outside projects: all that were told by then, whether or not they are still practised.
- **stories**: those shared by then and not withdrawn; one that retells another counts once with it.
- **together**: projects active or completed, and improvements. An improvement that grew into a project, and that
  project, are counted once, whichever of the two says so.

Work for several areas counts in each of them, and once in the totals over all areas, which stand under the area `*`;
the directorate `*` is all of them. Work that names no area stands under the empty area, and work of no directorate
under the empty directorate, so that nothing is lost. What is known only to the month or year counts from its first day.

Areas are counted as the work names them; or, for a chosen version of a strategy, as that version has them: work under
an area that was taken over counts under the one that took it over, work under a retired area stays where it was.
"""

from datetime import date, datetime
from typing import Literal

import msgspec

from events.fields import first_day
from events.improvements import ImprovementPromoted, ImprovementReported, ImprovementStopped
from events.log.record import Record
from events.projects import ProjectProposed
from events.stories import StoryShared, StoryWithdrawn
from events.strategies import Area, AreaMove, StrategyAdopted, StrategyRefreshed
from events.vocabulary import Event
from projections.engine.projection import Projection
from projections.moments import first_day_of, last_day, last_moment_of, latest, may_precede
from projections.project_life import LIFE, ProjectLife, lived

SPANS_MAX = 200  # changes of state, place or areas of one project; the latest are kept
VERSIONS_MAX = 100  # of one strategy; the latest are kept

Standing = Literal["reported", "stopped", "shared", "withdrawn"]


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """From a day on, until the next span: how a piece of work stood, where, and for which areas."""

    since: date
    until: date | None = None  # the first day on which it no longer stood so
    state: str
    directorate: str
    areas: tuple[str, ...]


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One wording of a strategy."""

    version: int
    valid_from: date
    valid_to: date | None  # the last day on which it is meant to be in force
    title: str | None
    areas: tuple[Area, ...]
    moves: tuple[AreaMove, ...]


class Work(ProjectLife, frozen=True, kw_only=True):
    """A project, an improvement or a story, and how it stood from when to when; or a strategy and its versions."""

    kind: Literal["project", "improvement", "story", "strategy"] = "project"
    spans: tuple[Span, ...] = ()
    counts_as: str | None = None  # the project that an improvement grew into, the story that a story retells
    grew_from: str | None = None  # the improvement that a project was proposed from
    withdrawn_until: datetime | None = None  # of a story: the last moment at which it may have been withdrawn
    versions: tuple[Version, ...] = ()


areas = Projection(
    "strategy_areas",
    revision=5,
    row=Work,
    doc=__doc__,
    streams=["project", "improvement", "story", "strategy"],
    indexes=["(organisation, kind)"],
)


def project(work: Work | None, event: Event, record: Record) -> Work | None:
    """A project's state, directorate or areas may have changed. Who may see it makes no difference to what counts."""
    if not record.stream.startswith("project/"):
        return work
    work = lived(work or Work(), event, record)
    if isinstance(event, ProjectProposed) and event.from_improvement is not None:
        work = msgspec.structs.replace(work, grew_from=f"improvement/{event.from_improvement}")
    return _stands(work, record, work.state, work.directorate, work.areas)


for _kind in LIFE:
    areas.on(_kind)(project)


@areas.on(ImprovementReported)
def improvement_reported(work: Work | None, event: ImprovementReported, record: Record) -> Work:
    work = work or Work(kind="improvement")
    return _stands(work, record, "reported", event.directorate, event.areas)


@areas.on(ImprovementStopped)
def improvement_stopped(work: Work | None, event: ImprovementStopped, record: Record) -> Work:
    """It is no longer practised. That it once was still counts."""
    work = work or Work(kind="improvement")
    return _stands(work, record, "stopped", *_place(work))


@areas.on(ImprovementPromoted)
def improvement_promoted(work: Work | None, event: ImprovementPromoted, record: Record) -> Work:
    return msgspec.structs.replace(work or Work(kind="improvement"), counts_as=f"project/{event.project}")


@areas.on(StoryShared)
def story_shared(work: Work | None, event: StoryShared, record: Record) -> Work:
    """Shared on the day, or in the month, of which a withdrawal is known, it stays withdrawn."""
    work = work or Work(kind="story")
    if may_precede(record, work.withdrawn_until):
        return work
    if event.retells is not None:
        work = msgspec.structs.replace(work, counts_as=f"story/{event.retells}")
    return _stands(work, record, "shared", event.directorate, event.areas)


@areas.on(StoryWithdrawn)
def story_withdrawn(work: Work | None, event: StoryWithdrawn, record: Record) -> Work:
    work = work or Work(kind="story")
    until = latest(work.withdrawn_until, last_moment_of(record))
    work = msgspec.structs.replace(work, withdrawn_until=until)
    return _stands(work, record, "withdrawn", *_place(work))


@areas.on(StrategyAdopted)
@areas.on(StrategyRefreshed)
def strategy(work: Work | None, event: StrategyAdopted | StrategyRefreshed, record: Record) -> Work:
    """A wording with its areas; told again, the later telling holds."""
    work = work or Work(kind="strategy")
    told = Version(
        version=event.version,
        valid_from=first_day(event.valid_from),
        valid_to=None if event.valid_to is None else last_day(event.valid_to),
        title=event.title or work.title,
        areas=event.areas,
        moves=event.maps_from if isinstance(event, StrategyRefreshed) else (),
    )
    others = [version for version in work.versions if version.version != event.version]
    versions = sorted([*others, told], key=lambda version: version.version)[-VERSIONS_MAX:]
    return msgspec.structs.replace(work, title=told.title, versions=tuple(versions))


def _place(work: Work) -> tuple[str, tuple[str, ...]]:
    """Where a piece of work stood last."""
    return (work.spans[-1].directorate, work.spans[-1].areas) if work.spans else ("", ())


def _stands(work: Work, record: Record, state: str, directorate: str | None, named: tuple[str, ...]) -> Work:
    """The work with a new span, if anything that counts has changed. Several changes on one day are one."""
    span = Span(since=first_day_of(record), state=state, directorate=directorate or "", areas=named)
    spans = work.spans
    if spans and msgspec.structs.replace(span, since=spans[-1].since) == spans[-1]:
        return work
    if spans and spans[-1].since == span.since:
        spans = spans[:-1]
    elif spans:
        spans = (*spans[:-1], msgspec.structs.replace(spans[-1], until=span.since))
    return msgspec.structs.replace(work, spans=(*spans, span)[-SPANS_MAX:])


class Monthly(msgspec.Struct, frozen=True, kw_only=True):
    since: date  # any day of the first month
    until: date  # the last day: a month shows how things stood on its last day, or on this one
    area: str | None = None  # one area only; `*` for all together
    directorate: str | None = None  # one directorate only; `*` for all together
    strategy: str | None = None  # count under the areas of this strategy …
    version: int | None = None  # … in this version; its latest if none is named


class MonthlyTotals(msgspec.Struct, frozen=True, kw_only=True):
    """How things stood on the last day of a month, or of the time asked for, in an area and a directorate."""

    month: str
    day: date
    area: str  # `*` for all areas together, empty for work that names none
    directorate: str  # `*` for all of them, empty for work of no directorate
    active: int
    paused: int
    completed: int
    active_or_completed: int  # active, paused and completed
    improvements: int
    stories: int
    together: int  # projects active or completed and improvements, each piece of work once


MONTHLY = """
    WITH RECURSIVE days AS (
        SELECT to_char(month, 'YYYY-MM') AS month,
               least((month + interval '1 month - 1 day')::date, %(until)s::date) AS day,
               month AS begins
          FROM generate_series(date_trunc('month', %(since)s::date::timestamp),
                               least(%(until)s::date::timestamp, %(since)s::date + interval '600 months'),
                               interval '1 month') AS month
    ),
    moves AS (
        SELECT version.version, move.old, move.new
          FROM strategy_areas
         CROSS JOIN LATERAL jsonb_to_recordset(versions) AS version (version bigint, moves jsonb)
         CROSS JOIN LATERAL jsonb_to_recordset(version.moves) AS move (old text, new text)
         WHERE organisation = %(organisation)s AND key = 'strategy/' || %(strategy)s::text
           AND version.version <= coalesce(%(version)s::bigint, version.version)
           AND move.new IS NOT NULL
    ),
    moved AS (
        SELECT old AS named, new AS area, version FROM moves
         UNION
        SELECT moved.named, moves.new, moves.version
          FROM moved
          JOIN moves ON moves.old = moved.area AND moves.version > moved.version
    ),
    took_over AS (
        SELECT named, area
          FROM moved
         WHERE NOT EXISTS (SELECT FROM moves WHERE moves.old = moved.area AND moves.version > moved.version)
    ),
    grown AS MATERIALIZED (
        SELECT grew_from AS key, min(key) AS project
          FROM strategy_areas
         WHERE organisation = %(organisation)s AND grew_from IS NOT NULL
         GROUP BY grew_from
    ),
    retold AS (  -- on from telling to telling, as far as it goes, or until it comes round to one that was there
        SELECT key, ARRAY[key, counts_as] AS tellings
          FROM strategy_areas
         WHERE organisation = %(organisation)s AND kind = 'story' AND counts_as IS NOT NULL
         UNION ALL
        SELECT retold.key, tellings || before.counts_as
          FROM retold
          JOIN strategy_areas AS before
            ON before.organisation = %(organisation)s AND before.key = tellings[cardinality(tellings)]
         WHERE before.counts_as IS NOT NULL
           AND array_position(tellings, before.key) = cardinality(tellings)
           AND cardinality(tellings) < 50
    ),
    roots AS MATERIALIZED (
        SELECT DISTINCT ON (key) key,
               (SELECT min(round)
                  FROM unnest(tellings[array_position(tellings, tellings[cardinality(tellings)]):]) AS round) AS root
          FROM retold
         ORDER BY key, cardinality(tellings) DESC
    ),
    spans AS MATERIALIZED (
        SELECT work.key, coalesce(roots.root, work.counts_as, grown.project, work.key) AS counts_as,
               span.since, span.until, span.state, span.directorate, span.areas
          FROM strategy_areas AS work
          LEFT JOIN grown USING (key)
          LEFT JOIN roots USING (key)
         CROSS JOIN LATERAL jsonb_to_recordset(work.spans)
               AS span (since date, until date, state text, directorate text, areas jsonb)
         WHERE work.organisation = %(organisation)s AND span.since <= %(until)s::date
    ),
    named AS MATERIALIZED (
        SELECT DISTINCT told.areas, one.area
          FROM (SELECT DISTINCT areas FROM spans) AS told
         CROSS JOIN LATERAL (
               SELECT '*' AS area
                UNION ALL
               SELECT '' WHERE told.areas = '[]'
                UNION ALL
               SELECT coalesce(took_over.area, by_name.area)
                 FROM jsonb_array_elements_text(told.areas) AS by_name (area)
                 LEFT JOIN took_over ON took_over.named = by_name.area
               ) AS one
         WHERE %(area)s::text IS NULL OR one.area = %(area)s
    ),
    several AS MATERIALIZED (
        SELECT counts_as FROM spans GROUP BY counts_as HAVING min(key) <> max(key)
    ),
    by_day AS MATERIALIZED (
        SELECT areas, directorate, state, alone, on_day, sum(step)::int AS step
          FROM (SELECT *, counts_as NOT IN (SELECT counts_as FROM several) AS alone FROM spans) AS work
         CROSS JOIN LATERAL (VALUES (since, 1), (until, -1)) AS stepped (on_day, step)
         WHERE on_day <= %(until)s::date
         GROUP BY 1, 2, 3, 4, 5
    ),
    by_set AS MATERIALIZED (
        SELECT areas, directorate, date_trunc('month', on_day::timestamp) AS month,
               (sum(step) FILTER (WHERE state = 'active'))::int AS active,
               (sum(step) FILTER (WHERE state = 'paused'))::int AS paused,
               (sum(step) FILTER (WHERE state = 'completed'))::int AS completed,
               (sum(step) FILTER (WHERE state IN ('reported', 'stopped')))::int AS improvements,
               (sum(step) FILTER (WHERE alone AND state = 'shared'))::int AS stories,
               (sum(step) FILTER (WHERE alone AND state IN (
                   'active', 'paused', 'completed', 'reported', 'stopped')))::int AS together,
               sum(step)::int AS anything
          FROM by_day
         GROUP BY 1, 2, 3
    ),
    once AS (
        SELECT named.area, place.directorate, span.state = 'shared' AS told,
               unnest(range_agg(daterange(span.since, span.until))) AS during
          FROM spans AS span
          JOIN named ON named.areas = span.areas
         CROSS JOIN LATERAL (VALUES ('*'), (span.directorate)) AS place (directorate)
         WHERE span.counts_as IN (SELECT counts_as FROM several)
           AND span.state IN ('active', 'paused', 'completed', 'reported', 'stopped', 'shared')
         GROUP BY 1, 2, 3, span.counts_as
    ),
    steps AS (
        SELECT named.area, place.directorate, month, active, paused, completed, improvements, stories, together,
               anything
          FROM by_set
          JOIN named USING (areas)
         CROSS JOIN LATERAL (VALUES ('*'), (by_set.directorate)) AS place (directorate)
         UNION ALL
        SELECT area, directorate, date_trunc('month', on_day::timestamp), 0, 0, 0, 0,
               CASE WHEN told THEN step ELSE 0 END, CASE WHEN told THEN 0 ELSE step END, 0
          FROM once
         CROSS JOIN LATERAL (VALUES (lower(during), 1), (upper(during), -1)) AS stepped (on_day, step)
         WHERE on_day <= %(until)s::date
    ),
    changes AS MATERIALIZED (
        SELECT area, directorate, greatest(month, (SELECT min(days.begins) FROM days)) AS begins,
               coalesce(sum(active), 0)::int AS active, coalesce(sum(paused), 0)::int AS paused,
               coalesce(sum(completed), 0)::int AS completed, coalesce(sum(improvements), 0)::int AS improvements,
               coalesce(sum(stories), 0)::int AS stories, coalesce(sum(together), 0)::int AS together,
               sum(anything)::int AS anything
          FROM steps
         WHERE %(directorate)s::text IS NULL OR directorate = %(directorate)s
         GROUP BY 1, 2, 3
    ),
    stood AS (
        SELECT days.month, days.day, place.area, place.directorate,
               sum(active) OVER so_far AS active, sum(paused) OVER so_far AS paused,
               sum(completed) OVER so_far AS completed, sum(improvements) OVER so_far AS improvements,
               sum(stories) OVER so_far AS stories, sum(together) OVER so_far AS together,
               sum(anything) OVER so_far AS anything
          FROM (SELECT DISTINCT area, directorate FROM changes) AS place
         CROSS JOIN days
          LEFT JOIN changes
                 ON changes.area = place.area AND changes.directorate = place.directorate
                AND changes.begins = days.begins
        WINDOW so_far AS (PARTITION BY place.area, place.directorate ORDER BY days.begins)
    )
    SELECT month, day, area, directorate, active, paused, completed,
           active + paused + completed AS active_or_completed, improvements, stories, together
      FROM stood
     WHERE anything > 0
       AND (%(strategy)s::text IS NULL OR EXISTS (
           SELECT FROM strategy_areas AS chosen
            CROSS JOIN LATERAL jsonb_to_recordset(chosen.versions) AS worded (version bigint)
            WHERE chosen.organisation = %(organisation)s AND chosen.key = 'strategy/' || %(strategy)s::text
              AND worded.version = coalesce(%(version)s::bigint, worded.version)))
"""
areas.question(
    "monthly",
    MONTHLY,
    asks=Monthly,
    answers=MonthlyTotals,
    order=["month", "area", "directorate"],
    doc="Totals on the last day of each month, by strategy area and directorate; of one day, if since = until. Nothing "
    "under a strategy or version that nobody has told of.",
)


class AreasInForce(msgspec.Struct, frozen=True, kw_only=True):
    on: date  # the versions in force on this day


class NamedArea(msgspec.Struct, frozen=True, kw_only=True):
    """An area as the version of a strategy that is in force words it."""

    strategy: str
    version: int
    valid_from: date
    title: str | None
    area: str
    label: str


AREAS_IN_FORCE = """
    SELECT strategy, version, valid_from, title, named.area, named.label
      FROM (SELECT DISTINCT ON (key) split_part(key, '/', 2) AS strategy, worded.*
              FROM strategy_areas
             CROSS JOIN LATERAL jsonb_to_recordset(versions)
                   AS worded (version bigint, valid_from date, valid_to date, title text, areas jsonb)
             WHERE organisation = %(organisation)s AND kind = 'strategy' AND valid_from <= %(on)s
             ORDER BY key, version DESC) AS in_force
     CROSS JOIN LATERAL jsonb_to_recordset(areas) AS named (area text, label text)
     WHERE coalesce(valid_to >= %(on)s, true)
"""
areas.question(
    "in_force",
    AREAS_IN_FORCE,
    asks=AreasInForce,
    answers=NamedArea,
    order=["strategy", "area"],
    doc="The strategies' areas by id, with the labels that hold on a day.",
)
