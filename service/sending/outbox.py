"""The outbox: a file that keeps messages instead of sending them, for a first start and for tests."""

import json
import os
from pathlib import Path

from service.sending.message import Message


def keep(message: Message, *, path: Path) -> None:
    """Append a message to the file as one line of JSON. Only the service's own user can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = {"channel": message.channel, "to": message.to, "subject": message.subject, "text": message.text}
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, json.dumps(line, ensure_ascii=False).encode() + b"\n")
    finally:
        os.close(file)
