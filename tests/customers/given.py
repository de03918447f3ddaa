"""Identifiers as sites give them."""

from typing import Any

EMAIL, PHONE = "maria@example.com", "+34600111222"


def email(value: str = EMAIL, **given: Any) -> dict[str, Any]:
    return {"kind": "email", "value": value, **given}


def phone(value: str = PHONE, **given: Any) -> dict[str, Any]:
    return {"kind": "phone", "value": value, **given}


def crm(value: str) -> dict[str, Any]:
    return {"kind": "crm", "value": value}


def card(value: str) -> dict[str, Any]:
    return {"kind": "loyalty_card", "value": value}


def device(value: str) -> dict[str, Any]:
    return {"kind": "anonymous", "value": value}
