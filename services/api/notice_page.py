"""What a person finds behind the link in a message: the notice, and how what it is about stands now. Plain HTML.

Shown of a piece of work is what the whole organisation may see, whoever holds the link: messages are forwarded. Of what
happened there are the kinds and days, and nobody's words or names.
"""

import re
from calendar import month_name
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from html import escape
from itertools import groupby
from typing import Any

import msgspec

from projections.agenda_pack import AgendaItem
from projections.charts.message import message
from projections.charts.svg import svg
from projections.charts.table import html_table
from projections.measure_charts import MeasureChart
from projections.moments import LONDON
from projections.notices.engine.agenda import TITLES
from projections.projects import ShownProject
from projections.timeline import Happened

STATES = {
    "unknown": "not known",
    "active": "under way",
    "deferred": "put off by its forum",
    "merged": "merged into another project",
}


class ToldNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A notice as its recipient has it."""

    rule: str
    subject: str
    recipient: str
    title: str
    why: str
    action: bool
    facts: Mapping[str, Any]
    made: datetime
    cleared: datetime | None


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """How that which a notice is about stands: nothing of it if the organisation may not see it."""

    project: ShownProject | None = None
    agenda: Sequence[AgendaItem] = ()
    happened: Sequence[Happened] = ()
    charts: Sequence[MeasureChart] = ()
    known: bool = False  # whether it is of a kind that can be shown at all


def body_of(notice: ToldNotice, subject: Subject, *, preferences: str | None) -> str:
    """The body of the page, whose heading is the notice's title."""
    parts = [_said(notice)]
    if subject.project is not None:
        parts.append(_project(subject.project))
    parts += [_chart(chart, number) for number, chart in enumerate(subject.charts, 1)]
    parts += [_section(name, list(items)) for name, items in groupby(subject.agenda, lambda one: one.section)]
    if subject.happened:
        parts.append(_happened(subject.happened))
    elif subject.known:
        parts.append("<p>There is nothing more to show here that the whole organisation may see.</p>")
    if preferences is not None:
        parts.append(f'<p><a href="{escape(preferences)}">Choose what you are told, and how soon</a></p>')
    return "\n".join(parts)


def _said(notice: ToldNotice) -> str:
    """When and why it was told, and whether it still holds."""
    if notice.cleared is not None:
        stands = f"This was settled on {day_of(notice.cleared)}: there is nothing left to do."
        if not notice.action:
            stands = f"This no longer holds, since {day_of(notice.cleared)}."
    else:
        stands = "This still waits for somebody to act." if notice.action else ""
    told = f"<p>You were told on {day_of(notice.made)}, because {escape(notice.why)}</p>"
    return f"{told}\n<p><strong>{stands}</strong></p>" if stands else told


def _project(project: ShownProject) -> str:
    facts = {
        "Stands": STATES.get(project.state, project.state),
        "Since": _when(project.state_since),
        "Forum": project.forum,
        "Progress score": None
        if project.score is None
        else f"{project.score:g}, since {_when(project.score_since)}",
        "Cycles tested": str(project.cycles_tested),
        "Latest data": _when(project.last_data),
        "Next review": _when(project.next_review),
        "Last news": _when(project.last_sign_of_life),
    }
    rows = "\n".join(
        f"<dt>{name}</dt><dd>{escape(str(fact))}</dd>" for name, fact in facts.items() if fact is not None
    )
    return f"<h2>{escape(project.title or f'Project {project.project}')}</h2>\n<dl>\n{rows}\n</dl>"


def _chart(drawn: MeasureChart, number: int) -> str:
    """The picture, what it says in words, and its numbers for those who cannot see it."""
    numbers = f"<details><summary>The numbers</summary>\n{html_table(drawn.chart)}\n</details>"
    return f"<h2>{escape(message(drawn.chart))}</h2>\n{svg(drawn.chart, name=f'measure-{number}')}\n{numbers}"


def _section(name: str, items: Sequence[AgendaItem]) -> str:
    """A part of an agenda."""
    lines = "\n".join(
        f"<li>{escape(item.title or f'Project {item.project}')}: {escape(item.says)}</li>" for item in items
    )
    return f"<h2>{TITLES[name]}</h2>\n<ul>\n{lines}\n</ul>"


def _happened(lines: Sequence[Happened]) -> str:
    """What happened, the latest first; what happened several times in a row on a day is said once."""
    said = [
        (f"{_when(day) or ''}: {what}", len(list(same)))
        for (day, what), same in groupby(lines, lambda line: (line.occurred[:10], line.said))
    ]
    items = "\n".join(
        f"<li>{escape(words)}{'' if times == 1 else f' ({times} times)'}</li>" for words, times in said
    )
    return f"<h2>What happened last</h2>\n<ul>\n{items}\n</ul>"


def _when(written: str | None) -> str | None:
    """A day or month as people write it, as exactly as it is known; anything else as it stands."""
    known = re.fullmatch(r"(\d{4})-(\d\d)(?:-(\d\d))?(?:T.*)?", written or "")
    if known is None:
        return written
    year, month, day = known.groups()
    of = f"{month_name[int(month)]} {year}" if 1 <= int(month) <= 12 else written
    return f"{int(day)} {of}" if day else of


def day_of(moment: datetime) -> str:
    """The day of a moment, in London, as people write it."""
    day: date = moment.astimezone(LONDON).date()
    return f"{day.day} {day:%B %Y}"
