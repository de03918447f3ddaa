"""Unspoken's till client: identify shoppers and record sales, with or without a network.

PosError
 ├── NotACode           not an Unspoken code; it never left the till
 ├── QueueFailed        the till's own file can't be read or written
 └── ServiceError       carries code, status, detail, errors, request_id, item_id
      ├── NotAuthorised the till's token or enrolment code is no good; what was queued stays queued
      ├── Refused       final: the same upload would be refused again; it lies in the dead letters
      └── Unavailable   worth another try later; what was queued stays queued
"""

from pos_client.answers import (
    Action,
    Link,
    Outcome,
    Policy,
    Reason,
    Remark,
    ReturnResult,
    SaleResult,
    ScanResult,
    Store,
    Terminal,
)
from pos_client.backoff import BackOff
from pos_client.basket import Line, LineKind, Receipt, Return, ReturnLine, ReturnReason, Sale
from pos_client.claims import mint_claim
from pos_client.client import PosClient
from pos_client.errors import (
    NotACode,
    NotAuthorised,
    PosError,
    QueueFailed,
    Refused,
    Rejection,
    ServiceError,
    Unavailable,
)
from pos_client.queue import DeadLetter, Kind
from pos_client.reader import read
from pos_client.replay import SyncReport
from pos_client.status import Status

__all__ = [
    "Action",
    "BackOff",
    "DeadLetter",
    "Kind",
    "Line",
    "LineKind",
    "Link",
    "NotACode",
    "NotAuthorised",
    "Outcome",
    "Policy",
    "PosClient",
    "PosError",
    "QueueFailed",
    "Reason",
    "Receipt",
    "Refused",
    "Rejection",
    "Remark",
    "Return",
    "ReturnLine",
    "ReturnReason",
    "ReturnResult",
    "Sale",
    "SaleResult",
    "ScanResult",
    "ServiceError",
    "Status",
    "Store",
    "SyncReport",
    "Terminal",
    "Unavailable",
    "mint_claim",
    "read",
]
