"""Systems that tell and read improvement events, their keys, and what was taken out."""

from typing import Annotated, Literal

from msgspec import Meta

from events.fields import Id, Label, Text, Title, WrittenDate
from events.streams import OrganisationEvent
from events.vocabulary import example

Scope = Literal["append", "read", "import", "export", "audit", "operate"]
Scopes = Annotated[tuple[Scope, ...], Meta(max_length=6, description="What a client may do.")]
Position = Annotated[int, Meta(ge=0, le=2**53 - 1, description="A position in the log.")]


@example(client="improvement-platform", name="Improvement platform of the trust", scopes=["append", "read"])
class ClientRegistered(OrganisationEvent, frozen=True, kw_only=True, tag="client.registered"):
    """A system may use this log from now on."""

    client: Id  # which system
    name: Title  # what it is called
    scopes: Scopes = ()  # what it may do
    expires: WrittenDate | None = None  # until when


KeyScopes = Annotated[tuple[Label, ...], Meta(max_length=20, description="Scopes, such as `events:read`.")]
Sources = Annotated[tuple[Title, ...], Meta(max_length=20, description="Sources; `*` is any.")]


@example(
    client="improvement-platform",
    key="Ab3dEf9h",
    scopes=["events:write", "events:read"],
    sources=["https://improvement.example"],
    expires="2027-03-31",
)
class KeyCreated(OrganisationEvent, frozen=True, kw_only=True, tag="key.created"):
    """A client was given a key."""

    client: Id  # which system
    key: Id  # the name of the key; never the key
    scopes: KeyScopes  # what it may do
    sources: Sources = ()  # for which sources it may tell
    expires: WrittenDate | None = None  # until when it is good


@example(client="improvement-platform", key="k-2", expires="2026-03-31")
class KeyRotated(OrganisationEvent, frozen=True, kw_only=True, tag="key.rotated"):
    """A client was given a new key in place of its old one."""

    client: Id  # which system
    key: Id  # the name of the new key; never the key
    expires: WrittenDate | None = None  # until when the new key is good


@example(client="improvement-platform", key="k-1", reason="Found in a screenshot.")
class KeyRevoked(OrganisationEvent, frozen=True, kw_only=True, tag="key.revoked"):
    """A key is no longer good."""

    client: Id  # whose
    key: Id  # the name of the key; never the key
    reason: Text | None = None  # why


@example(
    what="All events of 2024",
    purpose="Annual audit of improvement work",
    until_position=48211,
    taken_for="Auditor",
)
class ExportTaken(OrganisationEvent, frozen=True, kw_only=True, tag="export.taken"):
    """Somebody took a copy of the record out of the house."""

    what: Title  # what was taken
    purpose: Text  # what for
    until_position: Position | None = None  # the last position in it
    taken_for: Label | None = None  # the role it was taken for
