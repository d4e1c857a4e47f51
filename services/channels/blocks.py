"""Plain text as people write it, as blocks: from these the wrapped text, the HTML and the marked text are made.

    # A heading
    A paragraph, over as many lines as you like.
    - An item of a list
      that goes on here
    Open the project: https://qi.trust.nhs.uk/projects/P-17
        Four blanks before a line keep it as it is.
    --
    What stands after two dashes is small print.

Words, a colon and an address make a link of these words, if it is an address of this house. Nothing else becomes a
link, and no value can begin a block: values are in one line, and a line that begins with one is words.
"""

import html
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import msgspec

WIDTH = 72
SMALL_PRINT = "--"
AS_IT_IS = "    "
VALUE = "\ue000"  # stands before each value until the blocks are made; no value holds one
Kind: TypeAlias = Literal["heading", "paragraph", "item", "as_it_is"]
_LOOKS_LIKE_A_MARK = re.compile(r"[#^>]|[*+-](?=[\s*-]|$)")
_MARKS_NOTHING = {"#": "＃", "^": "＾", ">": "›", "*": "∗", "+": "＋", "-": "‐"}
_LINK = re.compile(r"(?P<words>.{1,800}?): (?P<url>https?://\S{1,900})")


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of text; `lines` are its lines as one reads them, each a sentence or a link."""

    kind: Kind
    lines: tuple[str, ...]
    small: bool = False


def blocks_of(text: str) -> list[Block]:
    """The blocks that a text is made of."""
    blocks: list[Block] = []
    small = False
    open_block = False
    for line in text.splitlines():
        bare = line.strip()
        if line.startswith(AS_IT_IS):
            blocks = _kept(blocks, _said(line.removeprefix(AS_IT_IS).rstrip()), small=small)
            open_block = False
        elif bare == SMALL_PRINT:
            small, open_block = True, False
        elif not bare:
            open_block = False
        elif bare.startswith("# "):
            blocks.append(Block(kind="heading", lines=(_said(bare[2:]),), small=small))
            open_block = False
        elif bare.startswith("- "):
            blocks.append(Block(kind="item", lines=(_said(bare[2:]),), small=small))
            open_block = True
        elif open_block:
            last = blocks.pop()
            blocks.append(msgspec.structs.replace(last, lines=_with(last.lines, _said(bare))))
        else:
            blocks.append(Block(kind="paragraph", lines=(_said(bare),), small=small))
            open_block = True
    return blocks


def _said(line: str) -> str:
    """A line as one reads it."""
    return line.replace(VALUE, "").strip()


def _kept(blocks: list[Block], line: str, *, small: bool) -> list[Block]:
    """With a further line that stays as it is."""
    if blocks and blocks[-1].kind == "as_it_is":
        return [*blocks[:-1], msgspec.structs.replace(blocks[-1], lines=(*blocks[-1].lines, line))]
    return [*blocks, Block(kind="as_it_is", lines=(line,), small=small)]


def _with(lines: tuple[str, ...], more: str) -> tuple[str, ...]:
    """A further line: a link stands for itself, other lines run on."""
    if _LINK.fullmatch(more) or _LINK.fullmatch(lines[-1]):
        return (*lines, more)
    return (*lines[:-1], f"{lines[-1]} {more}")


def wrapped(blocks: Sequence[Block]) -> str:
    """As plain text that any mail program shows well: at most 72 characters a line, addresses never broken."""
    written: list[str] = []
    for before, block in zip([None, *blocks], blocks, strict=False):
        written += _gap(before, block)
        if block.kind == "as_it_is":
            written += [f"{AS_IT_IS}{line}".rstrip() for line in block.lines]
            continue
        indent, hanging = ("- ", "  ") if block.kind == "item" else ("", "")
        for number, line in enumerate(block.lines):
            first = indent if number == 0 else hanging
            written += _lines(line, first, hanging)
        if block.kind == "heading":
            written.append("=" * min(WIDTH, len(block.lines[0])))
    return "\n".join(written) + "\n"


def _gap(before: Block | None, block: Block) -> list[str]:
    """What stands between two blocks: items of a list follow each other closely."""
    if before is None:
        return []
    if block.small and not before.small:
        return ["", "-- "]
    return [] if before.kind == block.kind == "item" and len(before.lines) == 1 else [""]


def _lines(line: str, first: str, rest: str) -> list[str]:
    link = _LINK.fullmatch(line)
    if link is not None:
        return [*_wrap(f"{link['words']}:", first, rest), f"{rest}{link['url']}"]
    return _wrap(line, first, rest)


def _wrap(line: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        line,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def marked(blocks: Sequence[Block]) -> str:
    """As Notify and chat rooms take it: not wrapped, `#` before a heading, `-` before an item."""
    marks = {"heading": "# ", "item": "- "}
    written: list[str] = []
    for before, block in zip([None, *blocks], blocks, strict=False):
        if before is not None and not (before.kind == block.kind == "item"):
            written.append("---" if block.small and not before.small else "")
        mark = marks.get(block.kind, "")
        plain = [_unmarked(line) for line in block.lines]
        if block.kind != "as_it_is":
            behind = 1 if mark else 0  # what has a mark of ours before it begins no line
            plain[behind:] = [_beginning_nothing(line) for line in plain[behind:]]
        written.append(mark + "\n".join(plain))
    return "\n".join(written) + "\n"


def _unmarked(line: str) -> str:
    """Without what Markdown would take for a link with other words than its address."""
    return line.replace("](", "] (")


def _beginning_nothing(line: str) -> str:
    """A line that does not look like a heading, an item or a quotation to whoever reads Markdown."""
    found = _LOOKS_LIKE_A_MARK.match(line)
    return line if found is None else f"{_MARKS_NOTHING[found[0]]}{line[1:]}"


def as_html(blocks: Sequence[Block], *, ours: str) -> str:
    """As HTML. `ours` is the address of this house: what begins with it, and nothing else, becomes a link."""
    written: list[str] = []
    in_list = False
    for block in blocks:
        if in_list and block.kind != "item":
            written.append("</ul>")
        if not in_list and block.kind == "item":
            written.append("<ul>")
        in_list = block.kind == "item"
        written.append(_element(block, ours))
    if in_list:
        written.append("</ul>")
    return "\n".join(written)


def _element(block: Block, ours: str) -> str:
    inner = "<br>\n".join(_inline(block.lines, ours))
    match block.kind:
        case "as_it_is":
            return "<pre>" + html.escape("\n".join(block.lines)) + "</pre>"
        case "heading":
            return f"<h2>{inner}</h2>"
        case "item":
            return f"<li>{inner}</li>"
        case _:
            return f'<p class="small">{inner}</p>' if block.small else f"<p>{inner}</p>"


def _inline(lines: Iterable[str], ours: str) -> Iterable[str]:
    for line in lines:
        link = _LINK.fullmatch(line)
        if link is not None and is_ours(link["url"], ours):
            yield f'<a href="{html.escape(link["url"])}">{html.escape(link["words"])}</a>'
        else:
            yield html.escape(line)


def is_ours(url: str, ours: str) -> bool:
    """Whether an address is one of this house, and not of one whose name begins like it."""
    return url == ours or url.startswith((f"{ours}/", f"{ours}?", f"{ours}#"))
