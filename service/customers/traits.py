"""Traits: what is known of a person besides identifiers, one sealed JSON object a node."""

import json
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.crypto.keystore import DataKey, KeyStore, open_or_none
from service.customers.component import nodes_of
from service.customers.models import Customer

TRAITS_CONTEXT = "customers.traits"
KNOWN = ("given_name", "family_name", "name", "birth_date", "gender", "language", "address")
ADDRESS_PARTS = ("street", "house_number", "city", "region", "postcode", "country")
MAX_TRAITS, MAX_TRAITS_BYTES = 50, 16 * 1024
_LONGEST_NAME, _LONGEST_TEXT = 100, 500
_LARGEST_NUMBER = 2**53 - 1


def read_traits(keystore: KeyStore, customer: Customer) -> dict[str, Any]:
    """Return a node's traits; none when its owner was erased."""
    return {} if customer.traits is None else open_traits(keystore.find(customer.id), customer)


def write_traits(keystore: KeyStore, customer: Customer, traits: dict[str, Any]) -> None:
    """Replace a node's traits."""
    text = json.dumps(traits, ensure_ascii=False, separators=(",", ":"))
    customer.traits = keystore.take(customer.id).seal(text, context=TRAITS_CONTEXT) if traits else None


def open_traits(key: DataKey | None, customer: Customer) -> dict[str, Any]:
    """Return a node's traits by its data key: for those who read many nodes and took their keys at once."""
    text = open_or_none(key, customer.traits, context=TRAITS_CONTEXT)
    found: dict[str, Any] = {} if text is None else json.loads(text)
    return found


def component_traits(session: Session, keystore: KeyStore, customer_id: UUID) -> dict[str, Any]:
    """Return the traits of a whole customer: the canonical node's, and what only other nodes know, oldest first."""
    own = select(Customer).where(Customer.id.in_(nodes_of(customer_id)), Customer.traits.is_not(None))
    nodes = sorted(session.scalars(own), key=lambda node: (node.id != node.canonical_id, node.created_at, node.id))
    keys = keystore.find_many(node.id for node in nodes)
    found: dict[str, Any] = {}
    for node in nodes:
        found = open_traits(keys.get(node.id), node) | found
    return found


def change_traits(known: dict[str, Any], given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return traits with what was given laid over what is known, and a problem in words for each name left out.

    A trait given as null is forgotten.
    """
    changed, problems = dict(known), {}
    for name, value in given.items():
        problem = _problem_of(name, value)
        if problem is None and _outgrows({**changed, name: value}):
            problem = f"a customer has at most {MAX_TRAITS} traits of {MAX_TRAITS_BYTES // 1024} KiB in all"
        if problem is not None:
            problems[name] = problem
        elif value is None:
            changed.pop(name, None)
        else:
            changed[name] = value
    return changed, problems


def _outgrows(traits: dict[str, Any]) -> bool:
    return len(traits) > MAX_TRAITS or len(json.dumps(traits, ensure_ascii=False).encode()) > MAX_TRAITS_BYTES


def _problem_of(name: str, value: Any) -> str | None:
    if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
        return f"a trait's name has 1 to {_LONGEST_NAME} printable characters"
    if value is None:
        return None
    if name == "address":
        return _problem_of_address(value)
    if name == "birth_date" and not _is_date(value):
        return "a birth date is written like 1984-05-31"
    if _is_text(value) or (name not in KNOWN and _is_number(value)):
        return None
    return f"a trait is a text of at most {_LONGEST_TEXT} characters; one of your own may be a number, true or false"


def _problem_of_address(value: Any) -> str | None:
    if not isinstance(value, dict) or not set(value) <= set(ADDRESS_PARTS):
        return f"an address is an object of {', '.join(ADDRESS_PARTS)}"
    if not all(part is None or _is_text(part) for part in value.values()):
        return f"each part of an address is a text of at most {_LONGEST_TEXT} characters"
    return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT and "\x00" not in value


def _is_number(value: Any) -> bool:
    """Return whether JavaScript holds it exactly; true and false are numbers here."""
    return isinstance(value, (int, float)) and abs(value) <= _LARGEST_NUMBER


def _is_date(value: Any) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
