"""What the house says of itself: one line for each thing worth saying, for machines (`json`) or for people (`console`).

A value can never begin a new line or move a terminal's cursor: JSON escapes it, and the console renderer prints its
`repr`. Secrets are not cleaned away here; they are never given.
"""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

# Where it happened and nothing of what was in hand there: local variables hold keys and people's words.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def speak(level: str = "info", form: str = "json") -> None:
    """Sets the log up for this process: structlog, and whatever libraries say through `logging`, on stderr."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _TRACEBACKS if form == "json" else structlog.processors.format_exc_info,
    ]
    last: Any = structlog.processors.JSONRenderer() if form == "json" else _one_line
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(_LEVELS[level], logging.WARNING), force=True)


def _one_line(_: WrappedLogger, __: str, said: EventDict) -> str:
    """`12:04:31 warning  refused  problem='no-key' status=401`: for people, and still one line (tracebacks apart)."""
    moment, level, event = said.pop("timestamp", ""), said.pop("level", ""), said.pop("event", "")
    traceback = said.pop("exception", None)
    facts = " ".join(f"{name}={value!r}" for name, value in sorted(said.items()))
    line = f"{str(moment)[11:19]} {level:<7}  {_plain(str(event))}  {facts}".rstrip()
    return line if traceback is None else f"{line}\n{traceback}"


def _plain(text: str) -> str:
    return text if text.isprintable() else repr(text)
