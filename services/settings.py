"""Everything that is decided outside the code, read once at start from `QILEDGER_*` environment variables.

A new setting is one new line in `Settings`: its name, its type, its bounds and its default; the variable, the check,
the help and the printing follow from it. Secrets may lie in files: `QILEDGER_X_FILE` names the file that holds X.
"""

import difflib
import os
import re
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin

import msgspec
from msgspec import Meta

from events.fields import END

PREFIX = "QILEDGER_"
MASK = "•••"
LIKENESS_MIN = 0.87  # DATABSE_URL is a slip of the pen; TEST_DATABASE_URL is somebody else's


def data_home() -> Path:
    """Where a user's programs keep their data: `$XDG_DATA_HOME`, else `~/.local/share` (XDG Base Directory 0.8)."""
    given = Path(os.environ.get("XDG_DATA_HOME", ""))
    return given if given.is_absolute() else Path.home() / ".local" / "share"


Secret = Annotated[str, Meta(extra={"secret": True})]
"""A text that is never printed."""

# What stands in a password unescaped cuts a URL elsewhere than was meant, and drivers say the rest of it as a host.
_ESCAPED = "@ as %40, / as %2F, ? as %3F, # as %23, % as %25"
PostgresUrl = Annotated[
    str,
    Meta(
        pattern=r"^postgres(ql)?://([^@/?#%]|%[0-9A-Fa-f]{2})*(@([^@/?#%]|%[0-9A-Fa-f]{2})*)?"
        r"(/([^@?#%]|%[0-9A-Fa-f]{2})*)?(\?([^@#%]|%[0-9A-Fa-f]{2})*)?" + END,
        description="Give postgresql://user:password@host:5432/database; escape what a password has of these: "
        f"{_ESCAPED}.",
    ),
]
RedisUrl = Annotated[
    str,
    Meta(
        pattern=r"^(unix://|rediss?://[^/?#]*([/?#][^@]*)?" + END + ")",
        description="Give redis://host:6379/0, rediss://… or unix:///path?db=0; escape what a password has of these: "
        f"{_ESCAPED}.",
    ),
]
HttpUrl = Annotated[
    str, Meta(pattern=r"^https?://[^/\s]+", description="Give https://host, as people reach it.")
]
SmtpUrl = Annotated[
    str,
    Meta(
        pattern=r"^smtps?://[^/?#\s]+([/?#][^@]*)?" + END,
        description="Give smtp://user:password@host:587 (STARTTLS), smtps://…:465, or smtp://host:25?tls=none; escape "
        f"what a password has of these: {_ESCAPED}.",
    ),
]
Origin = Annotated[
    str,
    Meta(
        pattern=r"^[^\s+:]+[^\s+:/]" + END,
        description="Give a name without scheme, such as qiledger.example.org.",
    ),
]
Networks = Annotated[
    str,
    Meta(
        pattern=r"^[0-9a-fA-F.:]+/[0-9]{1,3}(,\s*[0-9a-fA-F.:]+/[0-9]{1,3})*" + END,
        description="Give networks such as 10.20.0.0/16, with commas between.",
    ),
]
Port = Annotated[
    int, Meta(ge=0, le=65535, description="Give a port from 1 to 65535, or 0 for any that is free.")
]


class WrongSettings(Exception):
    """Settings that cannot be used: all of them, each with what to do."""

    def __init__(self, wrongs: list[str]) -> None:
        self.wrongs = wrongs
        super().__init__("\n".join(["These settings cannot be used:", *(f"  - {wrong}" for wrong in wrongs)]))


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of every command and server of this house."""

    environment: Literal["development", "production"] = "development"
    database_url: PostgresUrl | None = None  # None: a Postgres of our own
    redis_url: RedisUrl | None = None  # None: a Valkey of our own
    data_directory: Path = msgspec.field(default_factory=lambda: data_home() / "qiledger")
    host: str = "127.0.0.1"
    port: Port = 8080
    public_url: HttpUrl | None = None  # None: as the request came
    master_key: Secret | None = None  # wraps the keys of persons; None: as the command says
    master_key_command: str | None = None  # a key-management service instead of a key in hand
    erasure_ledger: Path | None = None  # None: in the data directory
    smtp_url: SmtpUrl | None = None  # None: no e-mail by a server of one's own
    mail_from: str | None = None  # QI team <qi@trust.nhs.uk>
    notify_key: Secret | None = None  # None: no e-mail by GOV.UK Notify
    notify_template: str | None = None  # the id of the template with ((subject)) and ((body))
    notify_url: HttpUrl = "https://api.notifications.service.gov.uk"
    chat_urls: Secret | None = None  # forum=URL of Apprise, with blanks between
    templates: Path | None = None  # a directory of texts of one's own
    sealing_key: Secret | None = None  # None: nothing is sealed
    sealing_keys_before: str | None = None  # public keys that have sealed, with blanks between
    seal_directory: Path | None = None  # where the last checkpoints are kept outside Postgres
    log_origin: Origin | None = None  # None: the host of the public URL
    witnesses: str | None = None  # public key and URL of each, with blanks between
    public_checkpoints: bool = False  # whether checkpoints, keys and proofs may be read without a key
    webhook_networks: Networks | None = None  # private networks to which webhooks may be sent
    webhook_ca: Path | None = None  # who certifies receivers; None: whom everybody trusts
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read `QILEDGER_*`; an empty value counts as none. Raises `WrongSettings`, naming all at once."""
        given = os.environ if environ is None else environ
        wrongs: list[str] = []
        values: dict[str, Any] = {}
        for field in msgspec.structs.fields(cls):
            try:
                text = _text_of(field.name, given)
                if text is not None:
                    values[field.name] = _value_of(field, text)
            except ValueError as wrong:
                wrongs.append(str(wrong))
        wrongs += _slips_of_the_pen(given, [field.name for field in msgspec.structs.fields(cls)])
        if wrongs:
            raise WrongSettings(wrongs)
        return cls(**values)

    def describe(self) -> dict[str, str]:
        """Each variable with its value as it may be printed: without secrets, without passwords in URLs."""
        return {
            variable(field.name): _printable(field, getattr(self, field.name))
            for field in msgspec.structs.fields(type(self))
        }


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def _text_of(name: str, environ: Mapping[str, str]) -> str | None:
    """What was given for a setting, itself or in the file named."""
    here, file = environ.get(variable(name)) or None, environ.get(f"{variable(name)}_FILE") or None
    if file is None:
        return here
    if here is not None:
        raise ValueError(f"{variable(name)} and {variable(name)}_FILE are both given. Remove one of them.")
    try:
        return Path(file).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as wrong:
        reason = wrong.strerror if isinstance(wrong, OSError) else "it is not UTF-8 text"
        raise ValueError(f"{variable(name)}_FILE: {file} cannot be read: {reason}.") from None


def _value_of(field: msgspec.structs.FieldInfo, text: str) -> Any:
    """The text as the field's type. Raises `ValueError` with the variable, what is wrong and what to do."""
    try:
        return msgspec.convert(text, field.type, strict=False, dec_hook=_decode)
    except (msgspec.ValidationError, ValueError) as wrong:
        shown = _printable(field, text)
        raise ValueError(f"{variable(field.name)}={shown}: {_advice(field.type) or wrong}") from None


def _decode(kind: type, value: Any) -> Any:
    if kind is not Path:
        raise NotImplementedError(kind)
    path = Path(value).expanduser()
    if not path.is_absolute():
        raise ValueError("Give an absolute path.")
    return path


def _advice(kind: Any) -> str | None:
    """What to give instead: from the type's own description, or its choices."""
    if get_origin(kind) is Literal:
        return f"Give one of {', '.join(map(str, get_args(kind)))}."
    for meta in getattr(kind, "__metadata__", ()):
        if isinstance(meta, Meta) and meta.description is not None:
            return meta.description
    if get_origin(kind) in (Union, types.UnionType):
        return next(filter(None, map(_advice, get_args(kind))), None)
    return None


def _is_secret(kind: Any) -> bool:
    metas = getattr(kind, "__metadata__", ())
    return any((meta.extra or {}).get("secret") for meta in metas if isinstance(meta, Meta)) or (
        get_origin(kind) in (Union, types.UnionType) and any(map(_is_secret, get_args(kind)))
    )


def _printable(field: msgspec.structs.FieldInfo, value: Any) -> str:
    if value is None:
        return "(not set)"
    return MASK if _is_secret(field.type) else without_password(str(value))


def without_password(text: str) -> str:
    """A URL with its password hidden, in the user part or in the query; other text as it is.

    A password may hold anything, so all up to the last `@` counts as user part: rather hidden too much.
    """
    if "@" in text:
        scheme, slashes, rest = text.partition("://")
        user, _, place = (rest if slashes else text).rpartition("@")
        name, colon, _ = user.partition(":")
        if not slashes:
            text = f"{MASK}@{place}"
        elif colon:
            text = f"{scheme}://{name}:{MASK}@{place}"
    return re.sub(r"(password=)[^&#\s]*", lambda found: found[1] + MASK, text)


def _slips_of_the_pen(environ: Mapping[str, str], names: list[str]) -> list[str]:
    """Variables that look like one of ours, misspelt: ignored in silence they cost an evening."""
    known = [variable(name) for name in names]
    known += [f"{name}_FILE" for name in known]
    wrongs = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            likely = difflib.get_close_matches(
                name.removeprefix(PREFIX), _bare(known), n=1, cutoff=LIKENESS_MIN
            )
            wrongs += [f"{name} is not a setting. Did you mean {PREFIX}{meant}?" for meant in likely]
    return wrongs


def _bare(names: list[str]) -> list[str]:
    return [name.removeprefix(PREFIX) for name in names]
