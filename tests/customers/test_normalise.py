import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.customers.models import IdentifierKind
from service.customers.normalise import InvalidIdentifier, normalise
from service.merging.judge import accept_value
from service.merging.rules import load_rules

RULES = load_rules(None)


@pytest.mark.parametrize(
    ("kind", "written", "kept"),
    [
        ("email", "  Maria.Lopez@Example.COM ", "maria.lopez@example.com"),
        ("email", "maria@bücher.example", "maria@xn--bcher-kva.example"),
        ("email", "maria@BÜCHER.example", "maria@xn--bcher-kva.example"),
        ("email", "J\u030can@example.com", "\u01f0an@example.com"),
        ("email", "maria@shop.test", "maria@shop.test"),
        ("phone", "600 11 12 22", "+34600111222"),
        ("phone", "0034 600-111-222", "+34600111222"),
        ("phone", "+34 (600) 111 222", "+34600111222"),
        ("phone", "+1 415 555 2671", "+14155552671"),
        ("crm", " C-7 ", "C-7"),
        ("loyalty_card", "0042", "0042"),
        ("loyalty_card", "Nin\u0303o 7", "Niño 7"),
        ("crm", "\u212b-7", "Å-7"),
        ("anonymous", "cafe\u0301", "café"),
        ("crm", "e\u0301" * 255, "é" * 255),
        ("account", "cafe\u0301", "cafe\u0301"),
    ],
)
def test_different_writings_of_one_value_become_one(kind: str, written: str, kept: str) -> None:
    assert normalise(IdentifierKind(kind), written, region="ES") == kept


def test_a_number_without_its_country_is_read_in_the_configured_one() -> None:
    assert normalise(IdentifierKind.PHONE, "(415) 555-2671", region="US") == "+14155552671"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "maria"),
        ("email", "maria@"),
        ("email", "maria@localhost"),
        ("email", "m" * 300 + "@example.com"),
        ("phone", "12345"),
        ("phone", "my mobile"),
        ("phone", "+34 100 111 222"),
        ("phone", "+34 600 111 222 ext 5"),
        ("crm", ""),
        ("crm", "a\nb"),
        ("crm", "x" * 256),
    ],
)
def test_what_can_not_be_one_of_its_kind_is_refused_without_an_echo(kind: str, value: str) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        normalise(IdentifierKind(kind), value, region="ES")
    assert not value or value not in refused.value.detail


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "info@example.com"),
        ("email", "No-Reply@example.com"),
        ("email", ""),
        ("phone", "000000000"),
        ("phone", "n/a"),
        ("phone", " n/a "),
        ("crm", "0000"),
        ("crm", "NULL"),
        ("loyalty_card", "n/a"),
        ("loyalty_card", "  "),
    ],
)
def test_a_placeholder_or_a_role_is_nobodys_identifier_and_is_called_so(kind: str, value: str) -> None:
    with pytest.raises(InvalidIdentifier, match="identifies nobody"):
        accept_value(RULES, IdentifierKind(kind), value, region="ES")


def test_the_brands_own_domain_and_phone_are_nobodys_identifiers() -> None:
    own = RULES.blocked.model_copy(update={"domains": ["shop.example"], "phones": ["+34910000000"]})
    rules = RULES.model_copy(update={"blocked": own})
    for kind, value in ((IdentifierKind.EMAIL, "Ana@Shop.example"), (IdentifierKind.PHONE, "910 000 000")):
        assert accept_value(RULES, kind, value, region="ES")
        with pytest.raises(InvalidIdentifier, match="brand's own"):
            accept_value(rules, kind, value, region="ES")


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(IdentifierKind), st.text(max_size=40))
def test_normalising_twice_is_normalising_once(kind: IdentifierKind, value: str) -> None:
    check_idempotent(kind, value)


@settings(max_examples=300, deadline=None)
@given(st.text(min_size=1, max_size=20), st.sampled_from(["Example.com", "bücher.de", "ÉCOLE.fr", "x.İstanbul.com"]))
def test_normalising_an_address_twice_is_normalising_it_once(local: str, domain: str) -> None:
    check_idempotent(IdentifierKind.EMAIL, f"{local}@{domain}")


@settings(max_examples=300, deadline=None)
@given(st.from_regex(r"(\+|00)?[1-9][0-9 ]{6,14}", fullmatch=True), st.sampled_from(["ES", "US", "IT", "AR", "GB"]))
def test_normalising_a_number_twice_is_normalising_it_once(value: str, region: str) -> None:
    check_idempotent(IdentifierKind.PHONE, value, region=region)


def check_idempotent(kind: IdentifierKind, value: str, *, region: str = "ES") -> None:
    try:
        once = normalise(kind, value, region=region)
    except InvalidIdentifier:
        return
    assert normalise(kind, once, region=region) == once
