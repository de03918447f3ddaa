"""The newest beep, in the queue's file: the same code soon afterwards is no second shopper, in any process."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import pbkdf2_hmac
from hmac import compare_digest
from typing import Self

from pos_client.basket import format_time
from pos_client.queue import encode

# A cashier who isn't sure scans again; after this long it is a question of its own.
ONE_BEEP = timedelta(minutes=1)
# The mark stays when the code is wiped, and 18 digits are soon guessed unless each guess takes a while.
_ROUNDS = 20_000


@dataclass(frozen=True)
class Beep:
    """A scan, when its code was last read, and a mark to know that code again by; not the code."""

    scan_id: str
    mark: str
    at: str

    @classmethod
    def of(cls, scan_id: str, code: str, training: bool, now: datetime) -> Self:
        """Return the beep of a code."""
        return cls(scan_id, _mark(scan_id, code, training), format_time(now))

    @classmethod
    def recall(cls, fact: str) -> Self:
        """Return the beep that a fact of the queue is."""
        return cls(**json.loads(fact))

    @property
    def fact(self) -> str:
        """What the queue remembers of it."""
        return encode(vars(self))

    def is_repeated(self, code: str, training: bool, now: datetime) -> bool:
        """Return whether it is this code that beeps again."""
        soon = now - datetime.fromisoformat(self.at) < ONE_BEEP
        return soon and compare_digest(self.mark, _mark(self.scan_id, code, training))


def _mark(scan_id: str, code: str, training: bool) -> str:
    return pbkdf2_hmac("sha256", f"{code} {training}".encode(), scan_id.encode(), _ROUNDS).hex()
