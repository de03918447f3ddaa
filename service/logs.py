"""JSON logs on standard error: one line a request, and one for each thing an operator should see.

Nothing here takes a message of an exception: it may quote what a person sent.
"""

import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson


class Level(StrEnum):
    """How much an operator should care."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def log(level: Level, event: str, **fields: Any) -> None:
    """Write one line, in one piece, so that the lines of many processes don't mix.

    A line that can't be written, as on a full disk, is lost: nothing else may fail for it.
    """
    line = {"timestamp": datetime.now(UTC), "level": level, "event": event} | fields
    text = orjson.dumps(line, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE, default=str)
    with suppress(OSError):
        sys.stderr.buffer.write(text)
        sys.stderr.buffer.flush()


def where(error: BaseException) -> list[str]:
    """Return an exception's type and the places it passed, innermost last, and those of its cause."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    cause = where(error.__cause__) if error.__cause__ is not None else []
    return [type(error).__qualname__, *frames, *cause]
