"""Which channels this house has, by its settings. A library is loaded only for a channel that is set up."""

from collections.abc import Callable, Mapping

from services.channels.outcome import Channel, WrongWay
from services.channels.wording import Words
from services.settings import Settings, variable


def channels(settings: Settings) -> dict[str, Channel]:
    """The ways to reach people outside this house, by name. Raises WrongWay for one that is half set up."""
    made = {name: make(settings) for name, make in MAKERS.items()}
    return {name: channel for name, channel in made.items() if channel is not None}


def sound_channels(settings: Settings) -> tuple[dict[str, Channel], dict[str, str]]:
    """Those that are well set up; and what is wrong with each of the others."""
    sound: dict[str, Channel] = {}
    wrong: dict[str, str] = {}
    for name, make in MAKERS.items():
        try:
            channel = make(settings)
        except WrongWay as why:
            wrong[name] = str(why)
        else:
            sound |= {} if channel is None else {name: channel}
    return sound, wrong


def words(settings: Settings) -> Words:
    """The texts, with the address by which people reach this house."""
    return Words(address_of(settings), own=settings.templates)


def address_of(settings: Settings) -> str:
    """Where links lead: to the public address, or to this machine."""
    return (settings.public_url or f"http://{settings.host}:{settings.port}").rstrip("/")


def _email(settings: Settings) -> Channel | None:
    if settings.smtp_url is None:
        return None
    from services.channels.smtp import Smtp, way_of

    return Smtp(way_of(settings.smtp_url), _beside(settings.mail_from, "mail_from", "smtp_url"))


def _notify(settings: Settings) -> Channel | None:
    if settings.notify_key is None:
        return None
    from services.channels.notify import Notify

    template = _beside(settings.notify_template, "notify_template", "notify_key")
    return Notify(settings.notify_key, template, settings.notify_url)


def _chat(settings: Settings) -> Channel | None:
    if settings.chat_urls is None:
        return None
    from services.channels.chat import Chat, rooms_of

    return Chat(rooms_of(settings.chat_urls))


def _beside(value: str | None, name: str, other: str) -> str:
    if value is None:
        raise WrongWay(f"{variable(other)} needs {variable(name)} beside it")
    return value


MAKERS: Mapping[str, Callable[[Settings], Channel | None]] = {
    "email": _email,
    "notify": _notify,
    "chat": _chat,
}
