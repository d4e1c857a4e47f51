"""The words of messages: one text for each kind, which a person in communications can edit.

A text is a file `<kind>.txt`: front words (`subject:`), a line of three dashes, then plain text as `blocks.py`
describes it, with `{{ … }}` where facts go. A directory of one's own (`QILEDGER_TEMPLATES`) may hold other texts by the
same names, and `<kind>.html` or `layout.html` by those who want the HTML otherwise.

A fact that a text names and a message has not is an error, never a blank. Facts are shown in one line each, so that no
title of a project can pretend to be a paragraph of ours; in HTML they are escaped.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from services.channels.blocks import AS_IT_IS, VALUE, as_html, blocks_of, marked, wrapped
from services.channels.letter import Letter

Kind: TypeAlias = Literal["notice", "digest", "agenda_pack", "checkpoint", "endpoint_disabled"]
KINDS: tuple[Kind, ...] = get_args(Kind)
TEXTS = Path(__file__).parent / "texts"
TEXT_MAX = 100_000  # characters of a message
SHOWN_MAX = 600  # of one fact
NOTHING_TO_SEE = "(without words)"  # for a fact of blanks, or of letters that take no room
LINES_MAX = 200  # of one that is shown as it is


class CannotBeWorded(ValueError):
    """A text and the facts of a message do not go together; the message says which is to be mended."""


class Words:
    """The texts, those of one's own before ours. `ours` is the address by which people reach this house."""

    def __init__(self, ours: str, *, own: Path | None = None) -> None:
        self.ours = ours.rstrip("/")
        places = [TEXTS] if own is None else [own, TEXTS]
        self._environment = _environment(tuple(places))
        self._environment.filters |= {"address": self.address, "as_it_is": _as_it_is, "sentence": _sentence}

    def letter(
        self,
        kind: str,
        facts: Mapping[str, Any],
        *,
        id: str,
        at: datetime,
        unsubscribe: str | None = None,
    ) -> Letter:
        """A message in words. Raises CannotBeWorded."""
        try:
            known = {**facts, "unsubscribe": unsubscribe}
            front, body = self._parts(kind, known)
            blocks = blocks_of(body)
            html = self._html(kind, known, front["subject"], as_html(blocks, ours=self.ours))
        except jinja2.UndefinedError as missing:
            raise CannotBeWorded(f"{kind}: {missing.message}") from None
        except jinja2.TemplateNotFound as missing:
            raise CannotBeWorded(f"there is no text {missing.name}") from None
        except jinja2.TemplateSyntaxError as wrong:
            raise CannotBeWorded(f"{wrong.name}, line {wrong.lineno}: {wrong.message}") from None
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError) as wrong:
            raise CannotBeWorded(f"{kind}: {wrong}") from None
        return Letter(
            id=id,
            subject=front["subject"],
            text=wrapped(blocks),
            html=html,
            marked=marked(blocks),
            at=at,
            unsubscribe=unsubscribe,
        )

    def address(self, link: object) -> str:
        """The whole address of a link that a fact holds: of a path, or of a URL that is ours already."""
        text = _in_one_line(link)
        if text.startswith(("https://", "http://")):
            return text
        return f"{self.ours}/{text.removeprefix('/')}"

    def _parts(self, kind: str, known: Mapping[str, Any]) -> tuple[dict[str, str], str]:
        """The front words and the text."""
        written = self._environment.get_template(f"{kind}.txt").render(known)
        if len(written) > TEXT_MAX:
            raise CannotBeWorded(
                f"{kind}: the message has {len(written):,} characters, more than {TEXT_MAX:,}"
            )
        head, dashes, body = written.partition("\n---\n")
        front = {
            name.strip(): value.strip()
            for name, _, value in (
                line.partition(":") for line in head.replace(VALUE, "").splitlines() if line.strip()
            )
        }
        if not dashes or not front.get("subject"):
            raise CannotBeWorded(f"{kind}.txt begins with `subject: …` and a line of three dashes")
        return front, body

    def _html(self, kind: str, known: Mapping[str, Any], subject: str, body: str) -> str:
        """The HTML: our own of the text, in the layout, unless somebody wrote another."""
        names = [f"{kind}.html", "layout.html"]
        around = {**known, "subject": subject, "body": Markup(body)}  # noqa: S704  (escaped where it was made)
        return self._environment.select_template(names).render(around).replace(VALUE, "")


def _environment(places: tuple[Path, ...]) -> jinja2.Environment:
    """Texts are not code: sandboxed, nothing undefined is a blank, HTML is escaped."""
    return ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader([str(place) for place in places]),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(enabled_extensions=("html",), default=False),
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=True,
    )


def _shown(value: Any) -> Any:
    """A fact as it is shown: in one line, not without end, and known to be one."""
    if isinstance(value, Markup | jinja2.Undefined):
        return value
    if value is None:
        raise CannotBeWorded("a fact that the text shows is null")
    line = _in_one_line(value)
    return f"{VALUE}{line}" if line else ""


def _sentence(value: object) -> str:
    """A fact as the end of a sentence."""
    line = _in_one_line(value)
    return line if line.endswith((".", "!", "?", "…")) else f"{line}."


def _as_it_is(value: object) -> Markup:
    """A fact of many lines, such as a signed note, that is to be shown letter for letter."""
    lines = [f"{AS_IT_IS}{line}" for line in str(value).splitlines()[:LINES_MAX]]
    return Markup("\n".join(lines))  # noqa: S704  (for texts alone, which are escaped when they become HTML)


def _in_one_line(value: object) -> str:
    text = str(value)
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if text and not line:
        return NOTHING_TO_SEE
    return line if len(line) <= SHOWN_MAX else f"{line[: SHOWN_MAX - 1]}…"
