"""The words of messages: every text holds with its example, and no fact can pretend to be words of ours."""

from pathlib import Path
from typing import Any

import pytest

from projections.notices.engine.choosing import DIGEST_MAX
from projections.notices.engine.rule import TITLE_MAX
from services.channels.blocks import VALUE, as_html, blocks_of, is_ours, marked, wrapped
from services.channels.examples import example, unsubscribe_of
from services.channels.letter import Letter
from services.channels.wording import KINDS, CannotBeWorded, Words
from tests.services.channels.conftest import NOON

OURS = "https://qi.trust.nhs.uk"


def worded(
    kind: str, facts: Any = None, *, own: Path | None = None, unsubscribe: str | None = None
) -> Letter:
    told = example(kind) if facts is None else facts
    return Words(OURS, own=own).letter(kind, told, id="m_1", at=NOON, unsubscribe=unsubscribe)


@pytest.mark.parametrize("kind", KINDS)
def test_every_text_holds_with_its_example(kind: str) -> None:
    letter = worded(kind, unsubscribe=unsubscribe_of(kind))
    assert letter.subject
    assert "You are told because" in letter.text
    assert (unsubscribe_of(kind) or "You are told") in letter.text
    assert '<html lang="en-GB">' in letter.html
    assert f"<title>{letter.subject.split(':')[0]}".replace("&", "&amp;") in letter.html
    assert "Hello" not in letter.text, "a message greets nobody: it holds no name"


@pytest.mark.parametrize("kind", KINDS)
def test_a_fact_that_is_missing_is_an_error_and_no_blank(kind: str) -> None:
    for name in set(example(kind)) - {"url"}:  # which may hold a secret: no text shows it
        facts = {had: value for had, value in example(kind).items() if had != name}
        with pytest.raises(CannotBeWorded, match=name):
            worded(kind, facts)
    with pytest.raises(CannotBeWorded):
        worded(kind, dict.fromkeys(example(kind)))


@pytest.mark.parametrize("kind", KINDS)
def test_lines_are_short_and_addresses_whole(kind: str) -> None:
    for line in worded(kind, unsubscribe=f"{OURS}/unsubscribe/{'x' * 300}").text.splitlines():
        assert len(line) <= 72 or line.startswith((OURS, "    ", "  https://")), line


def test_a_message_that_nobody_may_stop_offers_no_way_to_stop_it() -> None:
    assert "Stop" not in worded("notice").text


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "a\n\n# Heading of theirs\n- item",
        "{{ 7 * 7 }} {% raw %}",
        "x\n---\nsubject: y",
        "[Sign in](https://evil.test)",
        "\u202e reversed \x1b[31m \x00",
        "-- \nsmall print",
        "Open it: https://evil.test/x",
        "# Falls",
        "#Falls",
        "- Falls",
        "* Falls",
        "> Falls",
        "^ Falls",
        "--",
        "---",
    ],
)
def test_no_title_is_more_than_a_title(hostile: str) -> None:
    letter = worded("notice", {**example("notice"), "title": hostile})
    assert "<script" not in letter.html
    assert "evil.test" not in "".join(part.partition('"')[0] for part in letter.html.split('href="')[1:])
    assert "<h2>" not in letter.html
    assert "<li>" not in letter.html
    assert letter.html.count('class="small"') == 1
    assert "](" not in letter.marked
    assert "49" not in letter.text
    assert letter.subject.isprintable()
    assert letter.text.count("====") == 0
    first = letter.marked.splitlines()[0]
    assert not first.startswith(("#", "- ", "* ", "> ", "^", "--")), "nor to who reads Markdown"
    assert VALUE not in letter.text + letter.html + letter.marked + letter.subject


def test_a_title_that_looks_like_a_heading_is_told_as_it_is() -> None:
    letter = worded("notice", {**example("notice"), "title": "# Falls"})
    assert letter.subject == "# Falls"
    assert letter.text.startswith("# Falls\n")
    assert "<p># Falls</p>" in letter.html


def test_a_heading_of_ours_may_be_made_of_a_title(tmp_path: Path) -> None:
    (tmp_path / "notice.txt").write_text("subject: {{ title }}\n---\n# {{ title }}\n- {{ why }}\n")
    (tmp_path / "notice.html").write_text("<b>{{ title }}</b>{{ body }}")
    letter = worded("notice", own=tmp_path)
    title = example("notice")["title"]
    assert letter.marked.startswith(f"# {title}\n")
    assert letter.html.startswith(f"<b>{title}</b><h2>{title}</h2>")


@pytest.mark.parametrize("nothing", [" ", "\u200b\u200d", "\u202e", "\u2066\u2069 \ufeff"])
def test_a_title_that_nobody_sees_keeps_no_message_from_going(nothing: str) -> None:
    assert worded("notice", {**example("notice"), "title": nothing}).subject == "(without words)"
    assert (
        "- (without words): "
        in worded(
            "digest", {**example("digest"), "items": [{**example("digest")["items"][0], "title": nothing}]}
        ).marked
    )


def test_the_fullest_digest_of_the_longest_titles_is_a_message() -> None:
    item = {**example("digest")["items"][0], "title": "ж" * TITLE_MAX, "link": "/notice/" + "x" * 250}
    letter = worded("digest", {**example("digest"), "items": [item] * DIGEST_MAX, "there_is_more": True})
    assert letter.subject.startswith(f"More than {DIGEST_MAX} things")
    assert "There is more than one message holds" in letter.text


def test_only_addresses_of_this_house_become_links() -> None:
    for url in (f"{OURS}/p", f"{OURS}?x", OURS):
        assert is_ours(url, OURS)
    for url in (f"{OURS}.evil.test/p", "https://evil.test", f"https://evil.test/{OURS}"):
        assert not is_ours(url, OURS)
        assert "<a " not in as_html(blocks_of(f"Open: {url}"), ours=OURS)


def test_a_path_becomes_an_address_of_this_house() -> None:
    words = Words(f"{OURS}/")
    assert words.address("/projects/P-1") == words.address("projects/P-1") == f"{OURS}/projects/P-1"
    assert words.address(f"{OURS}/x") == f"{OURS}/x"


def test_plain_text_becomes_what_it_looks_like() -> None:
    blocks = blocks_of(
        f"# Head\none\ntwo\n\n- a\n  goes on\n- b\nOpen: {OURS}/p\n\n    as it\n    is\n\n-- \nsmall\n"
    )
    assert wrapped(blocks) == (
        f"Head\n====\n\none two\n\n- a goes on\n- b\n  Open:\n  {OURS}/p\n\n    as it\n    is\n\n-- \nsmall\n"
    )
    assert as_html(blocks, ours=OURS) == (
        f'<h2>Head</h2>\n<p>one two</p>\n<ul>\n<li>a goes on</li>\n<li>b<br>\n<a href="{OURS}/p">Open</a></li>\n</ul>\n'
        '<pre>as it\nis</pre>\n<p class="small">small</p>'
    )
    assert (
        marked(blocks) == f"# Head\n\none two\n\n- a goes on\n- b\nOpen: {OURS}/p\n\nas it\nis\n---\nsmall\n"
    )


def test_texts_of_ones_own_come_first(tmp_path: Path) -> None:
    (tmp_path / "notice.txt").write_text("subject: Ours: {{ title }}\n---\nGood news. {{ title }}\n")
    assert worded("notice", own=tmp_path).text.startswith("Good news.")
    assert worded("digest", own=tmp_path).text.startswith("Waiting for you")
    (tmp_path / "notice.html").write_text("<p>{{ title }} & {{ body }}</p>")
    html = worded("notice", {**example("notice"), "title": "<b>"}, own=tmp_path).html
    assert html == "<p>&lt;b&gt; & <p>Good news. &lt;b&gt;</p></p>"


@pytest.mark.parametrize(
    "text",
    [
        "no front words",
        "---\nno subject",
        "subject: x\n---\n{{ nothing }}",
        "subject: x\n---\n{% if %}",
        "subject: x\n---\n{{ title.__class__.__mro__ }}",
        "subject: x\n---\n{{ ''.__class__.__base__.__subclasses__() }}",
        "subject: x\n---\n{% for n in range(10 ** 9) %}x{% endfor %}",
        "subject: x\n---\n{{ 1 / 0 }}",
        "subject: x\n---\n{% include '/etc/passwd' %}",
        "subject: x\n---\n{% include '../../../etc/passwd' %}",
        "subject: x\n---\n{{ title | address(1, 2) }}",
        "subject: x\n---\n" + "y" * 200_000,
    ],
)
def test_a_text_that_is_wrong_or_reaches_too_far_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "notice.txt").write_text(text)
    with pytest.raises(CannotBeWorded):
        worded("notice", own=tmp_path)


def test_a_kind_that_nobody_knows_has_no_text() -> None:
    with pytest.raises(CannotBeWorded, match="gossip"):
        worded("gossip", {})
