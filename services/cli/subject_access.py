"""`qiledger subject-access`: everything that is kept about one person, for them, as JSON or as a page to read."""

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

import msgspec
import rich_click as click

from events.counted import counted
from events.log.outcomes import UnknownOrganisation
from events.privacy.subject_access import NamedIn, SubjectAccess
from events.privacy.subject_access import subject_access as put_together
from services.cli.as_operator import as_operator, person_of

_PAGE = """<!doctype html>
<html lang="en-GB">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{person} at {organisation}</title>
<style>body {{ font-family: sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }}
th, td {{ text-align: left; vertical-align: top; padding: .3em .6em; border-bottom: 1px solid #ccc }}
pre {{ white-space: pre-wrap; margin: 0 }}</style></head>
<body>
<h1>What {organisation} keeps about {person}</h1>
<h2>How you are reached</h2>
{contact}
<h2>What is on record ({events_count})</h2>
<p>Each line is a record that names you. Your own words are in clear; words of others stay closed.</p>
{events}
<h2>What you were told ({notices_count})</h2>
{notices}
<h2>What was sent to you ({messages_count})</h2>
{messages}
<h2>What is in your inbox ({inbox_count})</h2>
{inbox}
<h2>What you chose, and what is remembered of you</h2>
{settings}
<h2>Who looked you up, and what was done with data about you ({operations_count})</h2>
{operations}
</body>
</html>
"""


@click.command("subject-access")
@click.argument("person")
@click.option("--organisation", required=True, help="Whose log names the person.")
@click.option(
    "--page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page to read there, instead of JSON.",
)
def subject_access(person: str, organisation: str, page: Path | None) -> None:
    """Put together everything about a person: contact, records with their words in clear, what they were told
    and what they chose, who looked.

    PERSON is the opaque reference, such as person/8Qm2. That it was put together is on record.
    """
    reference = person_of(person)
    with as_operator(name="subject-access") as conn:
        try:
            given = put_together(conn, organisation, reference)
        except UnknownOrganisation as unknown:
            raise click.ClickException(str(unknown)) from None
    if page is None:
        click.echo(msgspec.json.format(msgspec.json.encode(given)))
        return
    with open(page, "w", encoding="utf-8", opener=_for_us_alone) as file:
        os.fchmod(file.fileno(), 0o600)  # also one that was there
        file.write(_as_page(given))
    click.echo(f"{counted(len(given.events), 'record')} about {reference}: {page}")


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _as_page(given: SubjectAccess) -> str:
    return _PAGE.format(
        person=escape(given.person),
        organisation=escape(given.organisation),
        contact=_contact(given),
        events_count=len(given.events),
        events=_records(given.events),
        notices_count=len(given.notices),
        notices=_table(
            ("made", "what", "why"), [(one.made, one.title, one.why) for one in given.notices], "Nothing."
        ),
        messages_count=len(given.messages),
        messages=_table(
            ("made", "by", "what", "is", "since", "why"),
            [
                (one.made, one.channel, one.kind, one.state, one.ended or "", one.reason or "")
                for one in given.messages
            ],
            "Nothing.",
        ),
        inbox_count=len(given.inbox),
        inbox=_table(
            ("came", "read", "subject", "text"),
            [(one.came, one.read or "", one.subject, one.body) for one in given.inbox],
            "Nothing.",
        ),
        settings=_table(
            ("what", "of", "is"), [(one.what, one.about, one.value) for one in given.settings], "Nothing."
        ),
        operations_count=len(given.operations),
        operations=_records(given.operations),
    )


def _contact(given: SubjectAccess) -> str:
    if given.contact is None:
        return "<p>Nothing is known.</p>"
    known = [
        ("name", given.contact.name),
        ("e-mail", given.contact.email),
        ("telephone", given.contact.phone),
    ]
    return _table(("what", "is"), [(what, value) for what, value in known if value], "Nothing is known.")


def _records(records: list[NamedIn]) -> str:
    rows = [
        (
            str(one.position),
            one.occurred,
            one.type,
            one.stream,
            one.told_by,
            msgspec.json.encode(one.data).decode(),
        )
        for one in records
    ]
    return _table(("record", "happened", "what", "to", "told by", "data"), rows, "Nothing.")


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], none: str) -> str:
    if not rows:
        return f"<p>{none}</p>"
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "\n".join(
        f"<tr>{''.join(f'<td><pre>{escape(cell)}</pre></td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"
