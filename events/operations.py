"""What happens to the ledger itself: what it refused, who read as an auditor, who looked somebody up, who was erased.

Told by the ledger in the log of an organisation's operations, `RWK.operations`, and by nobody else. What could come in
floods is counted for some seconds and told in one event.
"""

from typing import Annotated

from msgspec import Meta

from events.fields import Count, Id, Label, Ordinal, Part, PersonRef, Size, Title
from events.streams import OperationsEvent
from events.vocabulary import example

LISTED_MAX = 100  # in one event; what goes beyond is counted
Position = Annotated[int, Meta(ge=0, le=2**53 - 1, description="A position in the log.")]
Persons = Annotated[tuple[PersonRef, ...], Meta(max_length=LISTED_MAX, description="Persons, by reference.")]


class Refusals(Part, frozen=True, kw_only=True):
    """Requests, or single events of a request, that were refused for one reason at one door."""

    problem: Label  # the kind of problem, as its page at /problems is called
    status: Annotated[int, Meta(ge=400, le=599, description="The HTTP status.")]  # its HTTP status
    door: Title  # method and address of the door
    times: Ordinal  # how often
    client: Id | None = None  # whose key it was; none if there was none, or no good one
    key: Id | None = None  # the name of that key


class Reads(Part, frozen=True, kw_only=True):
    """What one key read at one door."""

    client: Id  # whose key it was; for a command that read in the database, the role that logged in
    key: Id | None = None  # the name of that key; none for a command
    door: Title  # method and address of the door, or the command
    times: Ordinal  # how often
    first: Position | None = None  # the lowest position that was read, where the door shows records
    last: Position | None = None  # the highest
    persons: Persons = ()  # those whose words were read in clear
    more_persons: Count = 0  # how many more


RefusalList = Annotated[tuple[Refusals, ...], Meta(min_length=1, max_length=LISTED_MAX)]
ReadList = Annotated[tuple[Reads, ...], Meta(min_length=1, max_length=LISTED_MAX)]
KeyIds = Annotated[tuple[Id, ...], Meta(max_length=10, description="Names of keys, never the keys.")]


@example(
    refusals=[
        {
            "problem": "unknown-key",
            "status": 401,
            "door": "POST /v1/{organisation}/events",
            "times": 12,
        }
    ],
    seconds=5.0,
)
class RequestsRefused(OperationsEvent, frozen=True, kw_only=True, tag="requests.refused"):
    """Requests were refused in the seconds before, counted by reason, door and key."""

    refusals: RefusalList  # what was refused how often
    seconds: Size  # over how many seconds it was counted
    others: Count = 0  # refusals beyond those listed


@example(
    reads=[
        {
            "client": "internal-audit",
            "key": "Ab3dEf9h",
            "door": "GET /v1/{organisation}/events",
            "times": 3,
            "first": 1,
            "last": 300,
        }
    ],
    seconds=5.0,
)
class RecordsRead(OperationsEvent, frozen=True, kw_only=True, tag="records.read"):
    """Auditors read, or somebody read words in clear, in the seconds before."""

    reads: ReadList  # who read what
    seconds: Size  # over how many seconds it was counted
    others: Count = 0  # reads beyond those listed


@example(person="person/8Qm2", client="intranet", key="Ab3dEf9h")
class ContactRead(OperationsEvent, frozen=True, kw_only=True, tag="contact.read"):
    """Somebody looked up in the vault how a person is reached."""

    person: PersonRef  # who was looked up
    client: Id  # whose key it was
    key: Id | None = None  # the name of that key; none for an operator's command


@example(person="person/8Qm2", client="intranet", key="Ab3dEf9h")
class ContactChanged(OperationsEvent, frozen=True, kw_only=True, tag="contact.changed"):
    """Somebody told the vault how a person is reached. What they told is on no record."""

    person: PersonRef  # whose entry it is
    client: Id  # whose key it was
    key: Id | None = None  # the name of that key; none for an operator's command


@example(person="person/8Qm2", client="intranet", key="Ab3dEf9h")
class ContactEmptied(OperationsEvent, frozen=True, kw_only=True, tag="contact.emptied"):
    """The vault forgot how a person is reached. Their words stay readable until they are erased."""

    person: PersonRef  # whose entry it was
    client: Id  # whose key it was
    key: Id | None = None  # the name of that key; none for an operator's command


@example(person="person/8Qm2", keys=["0011223344556677"], grounds="consent_withdrawn", contact=True)
class PersonErased(OperationsEvent, frozen=True, kw_only=True, tag="person.erased"):
    """The key of a person was destroyed: their words can be read by nobody any more, in no copy."""

    person: PersonRef  # whose key it was
    keys: KeyIds  # the names of the keys that were destroyed
    grounds: Label  # on which grounds
    contact: bool = False  # whether the vault held an entry, now emptied


@example(person="person/8Qm2", events=38, words=4)
class SubjectAccessGiven(OperationsEvent, frozen=True, kw_only=True, tag="subject_access.given"):
    """All that is kept about a person was put together for them."""

    person: PersonRef  # about whom
    events: Count  # how many events name them
    words: Count = 0  # how many fields were read in clear


@example(was="0a1b2c3d4e5f", now="5f4e3d2c1b0a", keys=12)
class MasterKeyRotated(OperationsEvent, frozen=True, kw_only=True, tag="master_key.rotated"):
    """The keys of persons were wrapped by another master key. What they encrypt was not touched."""

    was: Title | None = None  # the name of the master key before; none if there were several
    now: Title  # the name of the master key now
    keys: Count  # how many keys were wrapped anew


@example(invitation="0a1b2c3d4e5f6071", persons=212, erased=3)
class PeoplePacked(OperationsEvent, frozen=True, kw_only=True, tag="people.packed"):
    """The keys and addresses of the organisation's people were sealed into a file, for another installation."""

    invitation: Id  # to which invitation
    persons: Count  # of how many
    erased: Count = 0  # how many erasures went along


@example(invitation="0a1b2c3d4e5f6071", origin="qiledger.example.org/RWK", persons=212, erased=3)
class PeopleTakenIn(OperationsEvent, frozen=True, kw_only=True, tag="people.taken_in"):
    """The people of the organisation came from another installation, beside their log."""

    invitation: Id  # by which invitation
    origin: Title  # the name of their log in the checkpoints of the place they came from
    persons: Count  # how many came
    erased: Count = 0  # how many did not, because they were erased
