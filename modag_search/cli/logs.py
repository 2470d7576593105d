"""What is logged: warnings in words, and where a server is asked to, each request, for people or for programs."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from modag_search.cli.hints import completed
from modag_search.cli.output import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMATS = ("text", "json")
_OF_REQUESTS = ("request_id", "method", "route", "status", "duration_ms", "bytes")


class HarmlessFormatter(logging.Formatter):
    """Writes warnings on one line, with escapes for what would steer a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's name
        """Complete hints, and escape what names hold; a traceback that follows keeps its lines."""
        return harmless(completed(super().formatMessage(record)))


class _TextFormatter(HarmlessFormatter):
    """Says when, and of which request."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        request_id = getattr(record, "request_id", None)
        of_request = f", request {request_id}" if request_id else ""
        return f"{_time_of(record)} {record.levelname.lower()}: {super().formatMessage(record)}{of_request}"


class _JsonFormatter(logging.Formatter):
    """Writes one JSON object a line, in ASCII: nothing in it ends the line, or steers a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        document = {
            "time": _time_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        document |= {name: value for name in _OF_REQUESTS if (value := getattr(record, name, None)) is not None}
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document)


def _time_of(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


@contextmanager
def requests_logged(log_format: str) -> Iterator[None]:
    """Have each request logged inside the block, and all else in the same format, what libraries warn of too.

    Parameters
    ----------
    log_format : {"text", "json"}
    """
    from modag_search.web.request_ids import WithRequestId

    logger, names_requests = logging.getLogger("modag_search.web"), WithRequestId()
    handlers = [(handler, handler.formatter) for handler in logging.getLogger().handlers]
    formatter = _JsonFormatter() if log_format == "json" else _TextFormatter()
    for handler, _ in handlers:
        handler.setFormatter(formatter)
        handler.addFilter(names_requests)
    former_level = logger.level
    logger.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        logger.setLevel(former_level)
        for handler, former in handlers:
            handler.removeFilter(names_requests)
            handler.setFormatter(former)
