"""Watches every answer that the suite gets from the tills' door, and every problem from any door."""

import re
from collections.abc import Iterator
from typing import Any

from flask import Response, request
from sqlalchemy import select

from service.cards.models import Card
from service.customers.models import Customer
from service.db import Database
from service.web.operations.problem_codes import WHAT_TO_DO

# Every field that an answer to a till may have. Whoever adds one shows here that it is nothing personal.
POS_FIELDS = frozenset(
    {
        *("terminal_id", "terminal_token", "label", "training", "store", "keys", "policy", "server_time"),
        *("store_id", "name", "time_zone", "currency", "language"),
        *("kty", "crv", "alg", "use", "kid", "x", "signs_from", "verifies_until"),
        *("accept_before_seconds", "accept_after_seconds", "grace_seconds"),
        *("heartbeat_seconds", "max_sync_items", "max_body_bytes", "claim_url"),
        *("scan_id", "outcome", "reason", "message", "action", "attributes", "late"),
        *("sale_id", "return_id", "link", "warnings", "code", "detail"),
        *("results", "kind", "id", "status", "body"),
        *("type", "title", "errors", "pointer"),
    }
)
PROBLEM_FIELDS = {"type", "title", "status", "detail", "code", "errors"}
TOKEN = re.compile(r"u(?:s[tekwsh]|op)_[0-9A-Za-z]{20,}")
_ACCOUNT = re.compile(r"/commerce/v1/accounts/(.+?)(/sessions|/link-requests|/identifiers/[^/]+)?$")
# Shorter account ids than this stand in ordinary words by chance.
_SHORTEST_ACCOUNT = 5


def field_names(value: Any) -> Iterator[str]:
    """Yield the names of every field in a JSON value."""
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from field_names(inner)


class Recorder:
    """Keeps what tills were answered, and says what of it they should not have been."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self._answers: list[str] = []
        self._accounts: set[str] = set()

    def look(self, response: Response) -> Response:
        """Look at one answer: an `after_request` function."""
        if found := _ACCOUNT.match(request.path):
            self._accounts.add(found[1])
        if response.content_type == "application/problem+json":
            self._look_at_problem(response)
        if request.path.startswith("/pos/v1/") and not response.direct_passthrough:
            self._look_at_answer(response)
        return response

    def secrets_told(self, db: Database) -> list[str]:
        """Return what of the database's people stands in an answer to a till."""
        with db.read() as session:
            customers = [str(ident) for ident in session.scalars(select(Customer.id))]
            cards = [str(number) for number in session.scalars(select(Card.card_number))]
            cards += [f"{ident:016x}" for ident in session.scalars(select(Card.id))]
        accounts = [account for account in self._accounts if len(account) >= _SHORTEST_ACCOUNT]
        return [secret for secret in customers + cards + accounts if any(secret in told for told in self._answers)]

    def _look_at_problem(self, response: Response) -> None:
        problem = response.get_json() if request.method != "HEAD" else {"code": "not_found"}
        if problem["code"] not in WHAT_TO_DO:
            self.faults.append(f"the docs don't know the problem {problem['code']}")
        if not set(problem) <= PROBLEM_FIELDS:
            self.faults.append(f"a problem has the fields {sorted(problem)}")

    def _look_at_answer(self, response: Response) -> None:
        told = response.get_json(silent=True)
        self._answers.append(response.get_data(as_text=True))
        if unknown := set(field_names(told)) - POS_FIELDS:
            self.faults.append(f"a till was told {sorted(unknown)} by {request.method} {request.url_rule}")
        without_own_token = {**told, "terminal_token": ""} if isinstance(told, dict) else told
        if TOKEN.search(str(without_own_token)):
            self.faults.append(f"a till was told a token by {request.method} {request.url_rule}")
