"""Events that are made in code are checked like those from outside before they are kept."""

import msgspec
import pytest

from events.log.operations import submission
from events.operations import PersonErased
from events.rights import ErasureDecided, ErasureExecuted
from events.vocabulary import Event, checked


def test_what_may_be_read_is_the_same_event() -> None:
    event = ErasureExecuted(keys_destroyed=1, copies=("The intranet",))
    assert checked(event) == event


@pytest.mark.parametrize(
    "event",
    [
        ErasureDecided(decision="granted", reason=""),
        ErasureExecuted(keys_destroyed=1, copies=("x" * 101,)),
        PersonErased(person="Amina Example", keys=(), grounds="objection"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_could_not_be_read_again_is_not_put_on_record(event: Event) -> None:
    with pytest.raises(msgspec.ValidationError):
        submission("RWK", event)
