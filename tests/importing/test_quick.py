"""The short cuts answer what the long way answers, or nothing."""

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.customers.models import IdentifierKind
from service.customers.normalise import InvalidIdentifier
from service.importing.quick import Acceptance
from service.merging.judge import accept_value
from service.merging.rules import load_rules

RULES = load_rules(None)
REGIONS = ("ES", "DE", "IT", "US", "GB", "BR", "AR", "MX")
ACCEPTANCES = {region: Acceptance(RULES, region) for region in REGIONS}

digits = st.text("0123456789", min_size=4, max_size=15)
spaced = digits.flatmap(
    lambda text: st.lists(st.sampled_from(("", "", "", " ", "-", "  ")), min_size=len(text), max_size=len(text)).map(
        lambda signs: "".join(digit + sign for digit, sign in zip(text, signs, strict=True)).strip()
    )
)
spanish = st.builds(
    lambda first, rest: f"{first}{rest}", st.sampled_from("67"), st.text("0123456789", min_size=8, max_size=8)
)
codes = st.sampled_from(("", "+", "00", "+34", "+49", "+39", "+1", "+44", "+55", "+54", "+52", "0"))
phones = st.builds(lambda code, number: code + number, codes, st.one_of(digits, spaced, spanish))
local_parts = st.text(string.ascii_letters + string.digits + "._+-ñ\"' ", min_size=0, max_size=70)
domains = st.sampled_from(
    (
        "example.org",
        "Example.ORG",
        "gmail.com",
        "a.aa",
        "aaa.aaa",
        "localhost",
        "-x.com",
        "x..com",
        "xn--a.com",
        "ñu.es",
        "example",
        "x.test",
        "x.invalid",
        "1.2.3.4",
        "x.c",
        "a" * 63 + ".com",
        ".".join(["abcdefgh"] * 30),
        "",
    )
)
emails = st.builds(lambda local, domain: f"{local}@{domain}", local_parts, domains)
keys = st.text(min_size=1, max_size=300)


def agree(acceptance: Acceptance, kind: IdentifierKind, value: str, region: str) -> None:
    try:
        expected: object = accept_value(RULES, kind, value, region=region)
    except InvalidIdentifier as error:
        expected = error.detail
    try:
        found: object = acceptance.accept(kind, value)
    except InvalidIdentifier as error:
        found = error.detail
    assert found == expected


@pytest.mark.parametrize("region", REGIONS)
@settings(max_examples=400, deadline=None)
@given(value=phones)
@example(value="+012012000000")
def test_phones(region: str, value: str) -> None:
    agree(ACCEPTANCES[region], IdentifierKind.PHONE, value.strip(), region)


@settings(max_examples=1500, deadline=None)
@given(value=emails)
def test_emails(value: str) -> None:
    agree(ACCEPTANCES["ES"], IdentifierKind.EMAIL, value.strip(), "ES")


@settings(max_examples=500, deadline=None)
@given(value=st.one_of(keys, st.sampled_from(("null", "NULL", "0000", "-", "test", "4711"))))
def test_keys(value: str) -> None:
    agree(ACCEPTANCES["ES"], IdentifierKind.CRM, value.strip(), "ES")


@pytest.mark.parametrize("region", REGIONS)
def test_a_number_that_the_brand_blocks_as_it_is_written_is_blocked(region: str) -> None:
    blocked = RULES.blocked.model_copy(update={"values": ["612 345 678"]})
    acceptance = Acceptance(RULES.model_copy(update={"blocked": blocked}), region)
    with pytest.raises(InvalidIdentifier, match="identifies nobody"):
        acceptance.accept(IdentifierKind.PHONE, "612 345 678")


def test_the_short_cuts_are_taken() -> None:
    """Without this the others would hold with no short cut at all."""
    acceptance = ACCEPTANCES["ES"]
    for value in ("+34612345678", "612345678", "612 34 56 78", "+34 612-345-678", "+4915112345678"):
        assert acceptance._phone(value) is not None
    assert acceptance._email("maria.lopez+x@gmail.com") == "maria.lopez+x@gmail.com"
