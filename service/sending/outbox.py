"""The outbox: a file that keeps messages instead of sending them, or the console, for a first start and for tests."""

import json
import os
import sys
from pathlib import Path

from service.sending.message import Message

# The stream that is open already: opened anew, a file behind it would be written over, and a socket can't be opened.
_CONSOLE = ("-", "/dev/stderr")


def keep(message: Message, *, path: Path) -> None:
    """Append a message as one line of JSON; a file can be read by the service's own user only."""
    fields = {"channel": message.channel, "to": message.to, "subject": message.subject, "text": message.text}
    line = json.dumps(fields, ensure_ascii=False).encode() + b"\n"
    if str(path) in _CONSOLE:
        _show(line)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def _show(line: bytes) -> None:
    if sys.stderr is None:
        raise OSError("standard error is closed")
    os.write(sys.stderr.fileno(), line)
