"""Receipts with a claim code, and shoppers who claim them."""

import hashlib
from typing import Any
from uuid import UUID

from werkzeug.test import TestResponse

from pos_client import mint_claim
from service.audit.models import SYSTEM
from service.merging.join import Cause, Joined, join
from service.merging.models import Rule
from service.scans.models import Scan
from tests.world import Shopper, Till, World


def hashed(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def receipt(till: Till, scan_id: str | None = None, **given: Any) -> tuple[str, str]:
    """Sell something with a claim code on the receipt; return the code and the sale's id."""
    code = mint_claim()
    sold = till.sell(scan_id, claim_hash=hashed(code), **given)
    assert sold.status_code == 201, sold.json
    return code, sold.json["sale_id"]


def claim(shopper: Shopper, code: str) -> TestResponse:
    return shopper.call("POST", "/shopper/v1/claims", {"claim_code": code})


def claimed(shopper: Shopper, code: str) -> tuple[int, str]:
    """Claim; return the status, and the code of the problem or the status of the claim."""
    answer = claim(shopper, code)
    return answer.status_code, answer.json.get("code") or answer.json["status"]


def sales_of(shopper: Shopper) -> list[str]:
    items = shopper.call("GET", "/shopper/v1/activity").json["items"]
    return [item["id"] for item in items if item["kind"] == "sale"]


def link_now(till: Till, sale_id: str) -> str:
    told: str = till.call("GET", f"/pos/v1/sales/{sale_id}").json["link"]
    return told


def refused_scan(till: Till, scan_id: str | None = None) -> str:
    told = till.scan("71", scan_id).json
    assert told["outcome"] == "refused"
    ident: str = told["scan_id"]
    return ident


def unite(world: World, one: Shopper, other: Shopper) -> Joined:
    """Merge two customers, as an operator does."""
    with world.service.db.write() as session:
        return join(
            session,
            world.service.keystore,
            UUID(one.customer_id),
            UUID(other.customer_id),
            cause=Cause(Rule.OPERATOR, SYSTEM, {}, "the same person"),
            rules=world.service.rules,
            now=world.clock(),
        )


def count_scans(world: World) -> int:
    with world.service.db.read() as session:
        return session.query(Scan).count()
