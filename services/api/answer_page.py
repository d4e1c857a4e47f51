"""An answer as a page to read or print, for a person who holds a key: plain HTML, with no script.

It shows the very rows that the JSON has, for the same reader. Everything in them is somebody's text, and is escaped.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from services.api.pages import PLAIN

NOT_SHOWN = ("_until", "_from")  # days to reckon with
CHART_FORMS = {"html": "chart and numbers", "svg": "picture"}
STYLE = """
body { font: 100%/1.5 sans-serif; margin: 1.5rem; color: #111; background: #fff }
main { max-width: 80rem }
table { border-collapse: collapse; margin: 1rem 0 }
caption { text-align: left; font-weight: bold; padding: .25rem 0 }
th, td { border: 1px solid #767676; padding: .25rem .5rem; text-align: left; vertical-align: top }
dt { font-weight: bold } dd { margin: 0 0 .5rem 1rem } dd ul { margin: 0; padding-left: 1rem }
@media print { body { margin: 0; font-size: 10pt } nav { display: none } thead { display: table-header-group }
  tr, dd { break-inside: avoid } a { color: inherit; text-decoration: none } }
"""
STYLED = PLAIN | {
    "content-security-policy": f"{PLAIN['content-security-policy']}; style-src 'sha256-"
    f"{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
}


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a page is made of: the rows as they are in the JSON, and where they come from."""

    organisation: str
    address: str  # of the question
    asked: Mapping[str, str]  # every parameter, as given or as reckoned
    says: str  # what the question is about
    whole: bool  # whether it is about one thing that was named
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    position: int
    parked: int
    unheard_of: Sequence[Mapping[str, Any]]
    next: str | None


def title_of(page: Shown) -> str:
    """What the page is headed by: the one thing that it shows, else what was asked."""
    if page.whole and len(page.rows) == 1:
        (row,) = page.rows
        named = row.get("title") or row.get("name") or next(iter(row.values()), None)
        if isinstance(named, str) and named:
            return named
    return page.says.partition("\n\n")[0].rstrip(".")


def body_of(page: Shown) -> str:
    """The body of the page, below its heading. HTML."""
    if not page.rows:
        shown = "<p>Nothing fits.</p>\n" + "".join(_unheard(one) for one in page.unheard_of)
    elif len(page.rows) == 1:
        shown = _one(page, page.rows[0])
    else:
        shown = _table(page)
    return f"{shown}\n{_reflects(page)}\n{_ways_on(page)}"


def contents_of(listed: Mapping[str, Any]) -> str:
    """What may be asked, as `/projections` lists it: a question that needs to be told nothing is a link. HTML."""
    parts = [f"<p>As of record {listed['head']:,}. Whoever follows a link sends the key again.</p>"]
    for projection in listed["items"]:
        says = escape(projection["says"].strip().partition("\n\n")[0])
        lines = "\n".join(f"<li>{_question(question)}</li>" for question in projection["questions"])
        parts.append(f"<h2>{_heading(projection['projection'])}</h2>\n<p>{says}</p>\n<ul>\n{lines}\n</ul>")
    return "\n".join(parts)


def _question(question: Mapping[str, Any]) -> str:
    says = escape(" ".join(question["says"].partition("\n\n")[0].split()))
    if not question["needs"]:
        return f"{_link(question['address'] + '?format=html', question['question'])}: {says}"
    return f"{escape(question['question'])}, given {escape(', '.join(question['needs']))}: {says}"


def _reflects(page: Shown) -> str:
    """Of which moment it is, for whom, and what is left out."""
    moments = [
        f"{said} {escape(page.asked[name])}"
        for name, said in (("as_at", "as at"), ("as_known", "as known on"))
        if page.asked.get(name)
    ]
    of = f", {' and '.join(moments)}" if moments else ""
    reader = page.asked.get("reader")
    seen = f" Shown is what a reader of the kind “{escape(reader)}” may see." if reader else ""
    left_out = f" <strong>{page.parked:,} of them could not be digested and are left out.</strong>"
    told = f"As of record {page.position:,} of {escape(page.organisation)}{of}."
    return f"<p>{told}{seen}{left_out if page.parked else ''}</p>"


def _ways_on(page: Shown) -> str:
    """The next page, and the same in other forms. Whoever follows them sends the key again."""
    ways = [
        _link(_asked_again(page, format=form), words) for form, words in (("json", "JSON"), ("csv", "CSV"))
    ]
    if page.next is not None:
        ways.insert(0, _link(_asked_again(page, cursor=page.next, format="html"), "the next rows"))
    return f"<nav><p>{', '.join(ways)} (each is asked for with the key, as this page was)</p></nav>"


def _asked_again(page: Shown, **changes: str) -> str:
    return f"{page.address}?{urlencode({**page.asked, **changes})}"


def _unheard(one: Mapping[str, Any]) -> str:
    near = f" Most like it: {escape(', '.join(one['near']))}." if one["near"] else ""
    return f"<p>Nothing is known of the {escape(one['parameter'])} {escape(one['given'])}.{near}</p>\n"


def _one(page: Shown, row: Mapping[str, Any]) -> str:
    """One thing, field by field; what nobody told is named at the end."""
    told = {name: value for name, value in row.items() if value not in (None, "", [], {})}
    parts = [
        f"<dt>{_heading(name)}</dt><dd>{_value(page, row, name, value)}</dd>"
        for name, value in told.items()
        if not name.endswith(NOT_SHOWN)
    ]
    missing = [_heading(name) for name in row if name not in told and not name.endswith(NOT_SHOWN)]
    untold = f"\n<p>Nothing yet: {', '.join(missing).lower()}.</p>" if missing else ""
    listed = "\n".join(parts)
    return f"<dl>\n{listed}\n</dl>{untold}"


def _table(page: Shown) -> str:
    shown = [name for name in page.columns if not name.endswith(NOT_SHOWN)]
    heads = "".join(f'<th scope="col">{_heading(name)}</th>' for name in shown)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{_value(page, row, name, row.get(name))}</td>" for name in shown) + "</tr>"
        for row in page.rows
    )
    caption = f"<caption>{escape(' '.join(page.says.split()))}</caption>"
    return f"<table>\n{caption}\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"


def _heading(name: str) -> str:
    return escape(name.replace("_", " ").capitalize())


def _value(page: Shown, row: Mapping[str, Any], name: str, value: Any) -> str:
    """A value of a row. A project leads to its page, a measure of it to its chart."""
    if name == "project" and isinstance(value, str):
        asked = {"project": value, "format": "html"} | _of_moment(page)
        return _link(f"/v1/{page.organisation}/projections/projects/one?{urlencode(asked)}", value)
    project = row.get("project")
    if name == "measure" and isinstance(value, str) and isinstance(project, str):
        return f"{escape(value)} ({_charts(page, project, value)})"
    if isinstance(value, list | tuple):
        if all(isinstance(one, str | int | float) for one in value):
            return escape(", ".join(map(str, value)))
        items = (f"<li>{_item(page, project, one)}</li>" for one in value)
        return f"<ul>{''.join(items)}</ul>"
    if isinstance(value, dict):
        return _item(page, project, value)
    return _plain(value)


def _item(page: Shown, project: Any, item: Any) -> str:
    """One of several things within a row."""
    if not isinstance(item, dict):
        return _plain(item)
    told = (
        f"{_heading(name).lower()}: {_plain(value)}"
        for name, value in item.items()
        if value not in (None, "", [], {}) and not name.endswith(NOT_SHOWN)
    )
    charts = ""
    if isinstance(project, str) and isinstance(item.get("measure"), str) and item.get("readings", 1):
        charts = f" ({_charts(page, project, item['measure'])})"
    return "; ".join(told) + charts


def _charts(page: Shown, project: str, measure: str) -> str:
    address = f"/v1/{page.organisation}/charts/{quote(project, safe='')}/{quote(measure, safe='')}"
    return ", ".join(
        _link(f"{address}?{urlencode(_of_moment(page) | {'format': form})}", words)
        for form, words in CHART_FORMS.items()
    )


def _of_moment(page: Shown) -> dict[str, str]:
    """What has to be asked again so that the next page is of the same moment, for the same reader."""
    return {name: page.asked[name] for name in ("as_at", "as_known", "reader") if page.asked.get(name)}


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return escape(msgspec.json.encode(value).decode())
    return escape(str(value))


def _link(address: str, words: str) -> str:
    return f'<a href="{escape(address)}">{escape(words)}</a>'
