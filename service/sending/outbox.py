"""The outbox: a file or the console that keeps messages instead of sending them, for a first start and for tests."""

import json
import os
from pathlib import Path

from service.sending.message import Message

# Written to as they are: opened once more, a file behind them would be written over, and a socket can't be opened.
_CONSOLE = {"-": 1, "/dev/stdout": 1, "/dev/stderr": 2}


def keep(message: Message, *, path: Path) -> None:
    """Append a message as one line of JSON; a file can be read by the service's own user only."""
    fields = {"channel": message.channel, "to": message.to, "subject": message.subject, "text": message.text}
    line = json.dumps(fields, ensure_ascii=False).encode() + b"\n"
    console = _CONSOLE.get(str(path))
    if console is not None:
        os.write(console, line)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, line)
    finally:
        os.close(file)
