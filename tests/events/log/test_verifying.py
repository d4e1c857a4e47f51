"""An export that was touched is found out, wherever it was touched, and the place is named."""

import gzip
import random
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from events.log.earlier import Unreadable, earlier_in
from events.log.export_file import lines_of
from events.log.exported import Leaves, Piece, Row, Rows, Seal, read_piece, written
from events.log.lines import is_written_as_bodies_are
from events.log.merkle import CompactRange, inclusion_proof
from events.log.notes import SigningKey
from events.log.record import Record
from events.log.verdict import Earlier, Verdict
from events.log.verifying import Verifier, verify_file
from events.vocabulary import canonical_body, example_of, vocabulary
from tests.exports import KEY, ORIGIN, export_of, hashes_of, note_of, record, records, with_leaf

ROWS: list[Rows | Row] = [
    Rows(projection="projects", revision=1, position=7, rows=2),
    Row(projection="projects", key="project/P-0", row=msgspec.Raw(b'{"cycles":2}')),
    Row(projection="projects", key="project/P-1", row=msgspec.Raw(b'{"cycles":3}')),
]


def verdict(text: bytes, **how: object) -> Verdict:
    how.setdefault("unsigned", True)
    with Verifier(**how) as verifier:  # type: ignore[arg-type]
        return verifier.take_all(text.splitlines(keepends=True))


def says(text: bytes, **how: object) -> list[str]:
    return [finding.says for finding in verdict(text, **how).findings]


def test_an_untouched_export_holds() -> None:
    found = verdict(export_of(records(700), rows=ROWS), keys=[KEY.public])
    assert found.findings == []
    assert (found.first, found.last, found.records, found.checkpoint_size) == (1, 700, 700, 700)
    assert found.signed_by == [KEY.public.write()]
    assert found.rows == {"projects": 2}


@pytest.mark.parametrize(("first", "last"), [(1, 300), (300, 700), (257, 512), (700, 700), (5, 4), (1, 0)])
def test_a_part_of_the_log_is_proven_to_be_that_part(first: int, last: int) -> None:
    found = verdict(export_of(records(700), first=first, last=last))
    assert found.findings == []
    assert found.records == last - first + 1
    assert found.checkpoint_size == 700


def test_every_flipped_bit_of_a_small_export_is_found_and_its_line_named() -> None:
    whole = export_of(records(7), rows=ROWS)
    line_at = [n for n, line in enumerate(whole.splitlines(keepends=True), 1) for _ in line]
    for at in range(len(whole)):
        touched = bytearray(whole)
        touched[at] ^= 1 << (at % 8)
        found = verdict(bytes(touched), keys=[KEY.public])
        assert found.findings, f"byte {at} may be anything"
        named = {finding.line for finding in found.findings}
        positions = {finding.position for finding in found.findings}
        line = line_at[at]
        assert line in named or line - 1 in positions, (at, line, found.findings)
        if 2 <= line <= 8:
            assert line - 1 in positions, (at, found.findings)


def test_a_flipped_bit_of_a_larger_export_is_found_and_its_record_named() -> None:
    whole = export_of(records(1_500), rows=ROWS)
    lines = whole.splitlines(keepends=True)
    random_ = random.Random(1)
    for _ in range(40):
        n = random_.randrange(len(lines))
        touched = bytearray(lines[n])
        touched[random_.randrange(len(touched))] ^= 1 << random_.randrange(8)
        found = verdict(b"".join([*lines[:n], bytes(touched), *lines[n + 1 :]]))
        first = found.findings[0]
        assert n + 1 in {finding.line for finding in found.findings}
        if 1 <= n <= 1_500:
            assert n in {finding.position for finding in found.findings}, (n, first)


Change = Callable[[list[bytes]], list[bytes]]
CUTS: dict[str, tuple[Change, str]] = {
    "a record left out": (lambda lines: lines[:3] + lines[4:], "position 4 stands where 3 was to come"),
    "a record twice": (lambda lines: lines[:4] + lines[3:], "position 3 stands where 4 was to come"),
    "two records exchanged": (
        lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]],
        "position 4 stands where 3 was to come",
    ),
    "a record more": (lambda lines: [*lines[:8], lines[7], *lines[8:]], "this line is no record"),
    "no leaves": (lambda lines: lines[:8] + lines[9:], "the leaves of 1 and on are missing"),
    "a row left out": (lambda lines: lines[:10] + lines[11:], "of projects 1 row is missing"),
    "a row twice": (lambda lines: lines[:12] + lines[11:], "a row of projects stands where none was to come"),
    "no last line": (lambda lines: lines[:-1], "the export was not finished"),
    "cut off within a record": (lambda lines: [*lines[:3], lines[3][:50]], "the file was cut off here"),
    "something behind": (lambda lines: [*lines, b"{}\n"], "something stands behind the last line"),
    "two exports": (lambda lines: lines + lines, "something stands behind the last line"),
    "nothing": (lambda _: [], "the file is empty"),
}


@pytest.mark.parametrize(("change", "said"), CUTS.values(), ids=CUTS.keys())
def test_what_is_left_out_added_or_moved_is_said(change: Change, said: str) -> None:
    lines = export_of(records(7), rows=ROWS).splitlines(keepends=True)
    assert any(said in sentence for sentence in says(b"".join(change(lines))))


def forged(position: int, **changes: object) -> list[Record]:
    """A log of which somebody who can compute hashes has made a record another one."""
    kept = records(9)
    kept[position - 1] = record(position, **changes)
    return kept


def test_an_export_that_nobody_signed_does_not_hold_by_itself() -> None:
    assert says(export_of(records(9), sealed=False), unsigned=True) == []
    (finding,) = says(export_of(records(9), sealed=False), unsigned=False)
    assert "no checkpoint has signed this export" in finding


def test_an_older_checkpoint_that_cannot_be_compared_proves_nothing() -> None:
    kept = records(20)
    beyond = Earlier(size=20, root=CompactRange.of(one.leaf for one in kept).root(), origin=ORIGIN)
    assert any("cannot be compared" in s for s in says(export_of(kept[:9]), earlier=[beyond]))
    other = msgspec.structs.replace(beyond, origin="qiledger.example.org/RV3")
    assert any("of another log" in s for s in says(export_of(kept), earlier=[other]))


def test_a_receipt_is_held_against_the_record_it_was_given_for() -> None:
    kept = records(9)
    leaves = [one.leaf for one in kept]
    proof = inclusion_proof(3, 6, hashes_of(leaves))
    lines = "".join(f"{b64encode(one).decode()}\n" for one in proof)
    text = f"c2sp.org/tlog-proof@v1\nindex 3\n{lines}\n{note_of(kept[:6])}"
    receipt = earlier_in(text.encode(), [KEY.public], called="my receipt")
    assert says(export_of(kept), earlier=[receipt]) == []
    lost = list(verdict(export_of(forged(4, body="{}")), earlier=[receipt]).findings)
    assert any(
        "not the record that my receipt was given for" in one.says and one.position == 4 for one in lost
    )
    with pytest.raises(Unreadable):
        earlier_in(text.encode(), [SigningKey.make(ORIGIN).public], called="my receipt")


def test_of_several_receipts_for_one_record_each_is_held_against_it() -> None:
    kept = records(9)
    leaves = [one.leaf for one in kept]
    tree, root = hashes_of(leaves), CompactRange.of(leaves).root()
    good, bad = (
        Earlier(size=9, root=root, origin=ORIGIN, called=called, index=3, hashes=tuple(proof))
        for called, proof in (
            ("the first receipt", inclusion_proof(3, 9, tree)),
            ("the second", inclusion_proof(4, 9, tree)),
        )
    )
    for both in ([good, bad], [bad, good]):
        assert says(export_of(kept), earlier=both) == ["this is not the record that the second was given for"]


@pytest.mark.parametrize(
    "content", [b"", b"x", b"a\nb\nc\n", b"\xff", b"c2sp.org/tlog-proof@v1\nindex x\n\n", b"a" * 200_000]
)
def test_what_is_neither_checkpoint_nor_receipt_is_said_to_be_neither(content: bytes) -> None:
    with pytest.raises(Unreadable):
        earlier_in(content, [], called="it")


def test_a_checkpoint_noted_on_paper_is_three_lines() -> None:
    noted = note_of(records(6)).partition("\n\n")[0]
    assert earlier_in(noted.encode(), [], called="it").size == 6


def test_whoever_computes_all_hashes_again_cannot_sign() -> None:
    forgery = export_of(forged(4, body='{"cycle":"C-9"}'), sealed=False)
    genuine = export_of(records(9)).splitlines(keepends=True)[-1]
    touched = b"".join([*forgery.splitlines(keepends=True)[:-1], genuine])
    assert "the records are not those of the checkpoint over 9 records" in says(touched)


def test_whoever_signs_with_a_key_of_their_own_is_found_out_by_the_key() -> None:
    own = SigningKey.make(ORIGIN)
    forgery = export_of(forged(4, body='{"cycle":"C-9"}'), key=own)
    assert says(forgery) == []  # the file alone cannot tell
    assert any("no key that is known" in sentence for sentence in says(forgery, keys=[KEY.public]))


def test_whoever_holds_the_key_is_found_out_by_an_older_checkpoint() -> None:
    old = CompactRange.of(one.leaf for one in records(6)).root()
    earlier = Earlier(size=6, root=old, origin=ORIGIN)
    assert verdict(export_of(records(9)), earlier=[earlier]).earlier == [6]
    assert says(export_of(records(9)), earlier=[earlier]) == []
    assert says(export_of(forged(7, body="{}")), earlier=[earlier]) == []
    rewritten = export_of(forged(4, body="{}"))
    assert any(
        "history was rewritten: the first 6 records" in sentence
        for sentence in says(rewritten, earlier=[earlier])
    )


def test_a_log_that_was_shortened_and_grown_again_is_found_out() -> None:
    """The newest records were taken away, others put in their place, and everything signed anew."""
    old = CompactRange.of(one.leaf for one in records(9)).root()
    kept = records(6) + [record(n, body="{}") for n in range(7, 12)]
    assert any(
        "history was rewritten" in s
        for s in says(export_of(kept), earlier=[Earlier(size=9, root=old, origin=ORIGIN)])
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 3}, "version 3 of project/P-1 stands where 2 was to come"),
        ({"stream": "project/P-0"}, "version 2 of project/P-0 stands where"),
        ({"organisation": "RV3"}, "it is of the log of RV3"),
        ({"recorded_at": record(1).recorded_at}, "it was recorded before the record that stands before it"),
    ],
)
def test_a_log_that_never_could_have_been_is_not_believed(changes: dict[str, object], said: str) -> None:
    kept = records(9)
    kept[3] = with_leaf(msgspec.structs.replace(kept[3], **changes))
    found = verdict(export_of(kept))
    assert any(said in finding.says for finding in found.findings), found.findings


def test_a_checkpoint_of_another_log_is_no_checkpoint_of_this() -> None:
    other = note_of(records(9), origin="qiledger.example.org/RV3")
    *lines, last = export_of(records(9)).splitlines(keepends=True)
    seal = msgspec.structs.replace(read_piece(last[:-1]), checkpoint=other)
    assert any("is of the log" in s for s in says(b"".join([*lines, written(seal)])))


def test_a_zipped_export_reads_the_same_and_a_damaged_one_is_found(tmp_path: Path) -> None:
    path = tmp_path / "export.ndjson.gz"
    whole = export_of(records(700))
    path.write_bytes(gzip.compress(whole))
    assert b"".join(lines_of(path)) == whole
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    found = verify_file(path)
    assert any("cannot be read beyond here" in finding.says for finding in found.findings)


FORGED_PIECES: list[tuple[int, Piece]] = [
    (8, Leaves(first=-5, hashes=bytes(7 * 32))),
    (8, Leaves(first=2**60, hashes=bytes(7 * 32))),
    (8, Leaves(first=1, hashes=bytes(31))),
    (8, Leaves(first=1, hashes=b"")),
    (9, Rows(projection="projects", revision=1, position=7, rows=-1)),
    (9, Rows(projection="projects", revision=1, position=7, rows=2**60)),
    (12, Seal(records=7, root=b"", checkpoint="x", consistency=(b"1",), keys=("y",))),
    (12, Seal(records=-7, root=bytes(32), checkpoint=None, consistency=(), keys=())),
]


@pytest.mark.parametrize(("line", "piece"), FORGED_PIECES)
def test_whatever_a_forger_writes_into_the_other_lines_is_found_and_breaks_nothing(
    line: int, piece: Piece
) -> None:
    lines = export_of(records(7), rows=ROWS).splitlines(keepends=True)
    lines[line] = written(piece)
    assert says(b"".join(lines), unsigned=False)


@pytest.mark.parametrize(
    "changes",
    [{"first": -1}, {"last": 2**60}, {"before": (b"x",)}, {"first": 2**40, "before": ()}, {"format": 2}],
)
def test_whatever_a_forger_writes_into_the_head_is_found_and_breaks_nothing(
    changes: dict[str, object],
) -> None:
    head, *lines = export_of(records(7)).splitlines(keepends=True)
    forged_head = msgspec.structs.replace(read_piece(head[:-1]), **changes)
    assert says(b"".join([written(forged_head), *lines]))


BODIES = {
    "a member twice": '{"cycle":"C-1","cycle":"C-2"}',
    "a member twice, deep down": '{"a":{"b":1,"b":2}}',
    "a number in another dress": '{"value":1e0}',
    "a minus nought": '{"value":-0}',
    "a blank": '{"cycle": "C-1"}',
    "a letter in another dress": '{"cycle":"\\u0043-1"}',
    "an escaped stroke": '{"cycle":"C\\/1"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_two_readers_could_read_differently_is_named(body: str) -> None:
    found = verdict(export_of(forged(4, body=body))).findings
    assert [(one.position, "written as the door writes" in one.says) for one in found] == [(4, True)]


def test_every_body_that_the_door_lets_in_is_written_so() -> None:
    for kind in vocabulary().values():
        assert is_written_as_bodies_are(canonical_body(example_of(kind))), kind
    assert is_written_as_bodies_are(
        b'{"a":1.0,"b":-3,"c":1e16,"d":"\\u0007 \xc3\xa9 e\xcc\x81 \xf0\x9f\x8f\xa5"}'
    )


def test_composed_and_decomposed_letters_are_different_records() -> None:
    """Nothing normalises: what was told is kept letter by letter, and so is its hash."""
    one, other = record(4, body='{"a":"\u00e9"}'), record(4, body='{"a":"e\u0301"}')
    assert one.leaf != other.leaf


def test_a_row_with_a_member_twice_is_named() -> None:
    lines = export_of(records(7), rows=ROWS).splitlines(keepends=True)
    twice = Row(projection="projects", key="project/P-0", row=msgspec.Raw(b'{"cycles":99,"cycles":2}'))
    lines[10] = written(twice)
    assert any("not written as rows are" in one for one in says(b"".join(lines)))


def behind(content: bytes) -> dict[str, bytes]:
    """An export with something behind its seal, plain or zipped."""
    return {
        "a blank line": content + b"\n",
        "NULs": content + bytes(512),
        "a line end of another kind": content[:-1] + b"\r\n",
        "line ends of another kind": content.replace(b"\n", b"\r\n"),
        "a mark before it": b"\xef\xbb\xbf" + content,
        "another export": content + content,
        "a second seal": content + content.splitlines(keepends=True)[-1],
        "a very long line": content + b"x" * 2_000_000,
        "a zipped member": gzip.compress(content) + gzip.compress(b"{}\n"),
        "a zipped export": gzip.compress(content) + gzip.compress(content),
        "something unzipped": gzip.compress(content) + b"{}\n",
        "half a zip": gzip.compress(content)[:-4],
        "a plain beginning": content + gzip.compress(content),
    }


@pytest.mark.parametrize("what", behind(b"\n"))
def test_whatever_stands_around_an_export_is_found(tmp_path: Path, what: str) -> None:
    path = tmp_path / "export.ndjson"
    path.write_bytes(behind(export_of(records(9)))[what])
    assert verify_file(path).findings, what


def test_an_export_zipped_in_several_members_is_the_same_export(tmp_path: Path) -> None:
    path = tmp_path / "export.ndjson.gz"
    lines = export_of(records(9)).splitlines(keepends=True)
    path.write_bytes(b"".join(gzip.compress(line) for line in lines))
    assert verify_file(path).findings == []
