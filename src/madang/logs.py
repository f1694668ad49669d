"""The log's format: one line per event on stderr, for people or as JSON. Libraries log only what matters.

Everything logs through the standard library; structlog formats it, set up here once at start. No request, token or
message is ever logged.
"""

import logging
import re
import sys
from typing import Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")

_QUIET: Final = {
    "uvicorn": logging.ERROR,  # warnings are starts, stops, and a line for every malformed request
    "alembic": logging.WARNING,
    "httpx2": logging.WARNING,  # a line for every call of a search engine
    "httpcore2": logging.WARNING,
    "asyncio": logging.ERROR,  # warnings are of sockets that a peer closed during a write
    "websockets": logging.ERROR,
}


def _one_line(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Escape control characters, so that text from a client cannot control the terminal."""
    event["event"] = _CONTROL.sub(lambda found: repr(found[0])[1:-1], str(event["event"]))
    return event


def set_up(level: str, form: str) -> None:
    """Log what is at `level` ("debug" to "error") or above, in the format "console" or "json"."""
    shared: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _one_line,
    ]
    closing: list[Processor]
    if form == "json":
        closing = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    else:
        plain = structlog.dev.plain_traceback  # the pretty one shows local variables: tokens and messages
        closing = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain, pad_event_to=0)]
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove_meta, *closing])
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name, lowest in _QUIET.items():
        logging.getLogger(name).setLevel(max(lowest, root.level))
