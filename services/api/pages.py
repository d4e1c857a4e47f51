"""Plain pages: HTML that needs no script and no style, and takes nothing from elsewhere."""

from html import escape
from typing import Any

from services.api.problems import Problem

_PAGE = """<!doctype html>
<html lang="en-GB">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>{style}</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


PLAIN = {  # of a page: no script, no style, nothing from elsewhere
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "vary": "accept",
}


def page_text(title: str, body: str, style: str = "") -> bytes:
    """The bytes of a plain page. `body` is HTML; a `style` has to be allowed by its hash."""
    styled = f"<style>{style}</style>" if style else ""
    return _PAGE.format(title=escape(title), body=body, style=styled).encode()


def problem_page(problem: Problem, number: str) -> bytes:
    """A problem as a page, for whoever meets it with a browser: what went wrong, why, and what to do."""
    kind = problem.kind
    detail = f"<p>{escape(problem.detail)}</p>\n" if problem.detail else ""
    return page_text(
        kind.title,
        f"{detail}<p>{escape(kind.cause)}</p>\n<h2>What to do</h2>\n<p>{escape(kind.cure)}</p>\n{_facts(problem)}"
        f"<p>Status {kind.status}, request <code>{escape(number)}</code></p>",
    )


def _facts(problem: Problem) -> str:
    """What the cause and the cure speak of, under the names by which they do."""
    facts = ({"field": problem.field} if problem.field else {}) | problem.facts
    rows = (
        f"<dt><code>{escape(name)}</code></dt><dd>{escape(_said(fact))}</dd>" for name, fact in facts.items()
    )
    return f"<dl>{''.join(rows)}</dl>\n" if facts else ""


def _said(fact: Any) -> str:
    return ", ".join(map(str, fact)) if isinstance(fact, list | tuple) else str(fact)
