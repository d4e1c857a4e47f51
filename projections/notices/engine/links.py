"""Where to read of what a notice is about: an address of this house, below the organisation's own."""

from collections.abc import Mapping

_PAGES: Mapping[str, str] = {
    "project": "projections/projects/one?project={id}",
    "story": "projections/story_wall/told?story={id}",
    "idea": "streams/idea/{id}",
    "forum": "projections/agenda_pack/agenda?forum={id}",
}


def link_to(subject: str) -> str:
    """The address of a subject, to follow `/v1/{organisation}/`."""
    kind, _, name = subject.partition("/")
    return _PAGES.get(kind, "streams/{kind}/{id}").format(kind=kind, id=name)
