"""Signed notes and checkpoints: Go's own published ones, and what must not pass for one."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from events.log import checkpoints, notes
from events.log.checkpoints import Checkpoint
from events.log.notes import COSIGNED, NoteKey, SigningKey, Unverified, WrongNote, WrongNoteKey

# The key and the note of the tests of golang.org/x/mod/sumdb/note.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
LINE = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
NOTE = f"{TEXT}\n{LINE}"
ORIGIN = "qiledger.example.org/RWK"


def test_what_go_signs_we_sign_to_the_byte_and_what_we_sign_go_would():
    key = SigningKey.read(SKEY)
    assert key.public.write() == VKEY
    assert key.write() == SKEY
    assert notes.sign(TEXT, [key]).write() == NOTE
    note = notes.read_note(NOTE)
    assert [signature.line() for signature in notes.verified(note, [NoteKey.read(VKEY)])] == [LINE]


@given(at=st.integers(0, len(VKEY) - 1), by=st.integers(1, 0x7F))
def test_a_key_with_one_character_changed_is_no_key(at: int, by: int):
    changed = VKEY[:at] + chr((ord(VKEY[at]) + by) % 0x80) + VKEY[at + 1 :]
    with pytest.raises(WrongNoteKey):
        NoteKey.read(changed)


@given(at=st.integers(0, len(NOTE) - 1), by=st.integers(1, 0x7F))
def test_a_note_with_one_character_changed_is_not_believed(at: int, by: int):
    changed = NOTE[:at] + chr((ord(NOTE[at]) + by) % 0x80 + 0x20) + NOTE[at + 1 :]
    if changed == NOTE:
        return
    with pytest.raises((WrongNote, Unverified)):
        notes.verified(notes.read_note(changed), [NoteKey.read(VKEY)])


@pytest.mark.parametrize(
    "written",
    [
        "",
        "text\n",
        TEXT + LINE,
        NOTE.rstrip("\n"),
        f"{TEXT}\n",
        f"{TEXT}\n{LINE}unsigned\n",
        f"{TEXT}\n— Peter Neumann {base64.b64encode(bytes(68)).decode()}\n",
        f"{TEXT}\n— Peter+ {base64.b64encode(bytes(68)).decode()}\n",
        f"{TEXT}\n— P AAAA\n",
        f"{TEXT}\n— P ????\n",
        f"{TEXT}\n— P {base64.b64encode(bytes(67)).decode().replace('A==', 'B==')}\n",
        f"{TEXT}\n{LINE[:-1]}\u2028{LINE}",
        f"{TEXT}\n{LINE[:-1]}\x85{LINE}",
        f"te\x00xt\n\n{LINE}",
        f"te\rxt\n\n{LINE}",
        b"\xff\n\n" + LINE.encode(),
        f"{TEXT}\n" + LINE * (notes.SIGNATURES_MAX + 1),
        "x" * notes.NOTE_BYTES_MAX + f"\n\n{LINE}",
    ],
)
def test_what_is_no_note_is_refused(written: str | bytes):
    with pytest.raises(WrongNote):
        notes.read_note(written)


def test_unknown_signatures_are_passed_over_and_wrong_ones_of_known_keys_are_not():
    key, stranger = SigningKey.make("a.example"), SigningKey.make("a.example")
    note = notes.sign(TEXT, [stranger, key])
    assert [one.key_id for one in notes.verified(note, [key.public])] == [key.public.id]
    with pytest.raises(Unverified, match="no key that is known"):
        notes.verified(notes.sign(TEXT, [stranger]), [key.public])
    forged = notes.Signature(key.public.name, key.public.id, bytes(64))
    with pytest.raises(Unverified, match="not for this text"):
        notes.verified(note.joined_by([forged]), [key.public])


def test_a_text_of_several_paragraphs_ends_at_the_last_empty_line():
    key = SigningKey.make("a.example")
    text = "Ognuno sta solo\n\ned è subito sera.\n"
    assert notes.read_note(notes.sign(text, [key]).write()).text == text
    with pytest.raises(WrongNote):
        notes.sign("no end", [key])


def test_a_key_comes_as_pkcs8_too_and_no_other_kind_of_key_does():
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert SigningKey.read(pem, ORIGIN).public.public == private.public_key().public_bytes_raw()
    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for wrong in (other.decode(), pem[:60], SKEY[:-4], SKEY.replace("Peter", "Paula"), VKEY, ""):
        with pytest.raises(WrongNoteKey) as refused:
            SigningKey.read(wrong, ORIGIN)
        assert "AYEKFALV" not in str(refused.value)


def test_a_private_key_does_not_print_itself():
    assert "AYEKFALV" not in repr(SigningKey.read(SKEY))


def test_one_key_seals_many_logs_under_their_names():
    key = SigningKey.read(SKEY).named(ORIGIN)
    assert key.public.name == ORIGIN
    assert key.public.public == NoteKey.read(VKEY).public
    assert key.public.id != NoteKey.read(VKEY).id


def test_a_cosignature_is_for_a_text_and_a_time():
    witness = SigningKey.make("witness.example/w1", COSIGNED)
    signature = witness.cosign(TEXT, at=1679315147)
    witness.public.verify(TEXT, signature)
    assert notes.time_of(signature) == 1679315147
    later = notes.Signature(
        signature.name, signature.key_id, (1679315148).to_bytes(8, "big") + signature.content[8:]
    )
    for text, wrong in [(TEXT, later), (TEXT + "more\n", signature)]:
        with pytest.raises(Unverified):
            witness.public.verify(text, wrong)
    with pytest.raises(Unverified, match="no time"):
        witness.public.verify(TEXT, notes.Signature(signature.name, signature.key_id, bytes(64)))
    beyond = notes.Signature(signature.name, signature.key_id, (2**63).to_bytes(8, "big") + bytes(64))
    assert notes.time_of(beyond) is None, "no signed number of 64 bits holds it"
    assert NoteKey.read(witness.public.write()) == witness.public


@given(
    size=st.integers(0, checkpoints.SIZE_MAX),
    root=st.binary(min_size=32, max_size=32),
    extensions=st.lists(st.from_regex(r"[a-z ]{1,9}", fullmatch=True), max_size=3),
)
def test_a_checkpoint_is_read_as_it_was_written(size: int, root: bytes, extensions: list[str]):
    checkpoint = Checkpoint(ORIGIN, size, root, tuple(extensions))
    key = SigningKey.read(SKEY).named(ORIGIN)
    written = checkpoints.sign(checkpoint, [key]).write()
    assert checkpoints.verify(written, [key.public], origin=ORIGIN)[0] == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n1\n",
        "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "a\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "a\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "a\n9999999999999999999\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
        "a\n1\nCsUYapGGPo4=\n",
        "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\nextension\n",
        "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str):
    with pytest.raises(WrongNote):
        Checkpoint.read(text)


def test_the_checkpoint_of_another_log_is_not_believed():
    key = SigningKey.make("other.example/ABC")
    written = checkpoints.sign(Checkpoint("other.example/ABC", 0, bytes(32)), [key]).write()
    with pytest.raises(Unverified, match="not of"):
        checkpoints.verify(written, [key.public], origin=ORIGIN)
