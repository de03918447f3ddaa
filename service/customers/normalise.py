"""Bring a value into the one form under which it is kept, compared and found. Idempotent for each kind.

The two libraries are imported by their first use: they cost a worker that only scans 5 MB.
"""

import unicodedata

from service.customers.models import IdentifierKind
from service.errors import UnspokenError

_LONGEST = 255


class InvalidIdentifier(UnspokenError):
    """A value that can't be an identifier of its kind; the message says why, and never repeats the value."""

    code = "invalid_identifier"


def normalise(kind: IdentifierKind, value: str, *, region: str) -> str:
    """Return the value's one form; `region` is the country of phone numbers written without one (ISO 3166-1)."""
    if kind is IdentifierKind.EMAIL:
        return _email(value.strip())
    if kind is IdentifierKind.PHONE:
        return _phone(value.strip(), region)
    return _key(value if kind is IdentifierKind.ACCOUNT else unicodedata.normalize("NFC", value.strip()))


def _email(value: str) -> str:
    """Return an address in lower case, its domain in the letters of DNS (IDNA). Nobody is asked about the domain."""
    from email_validator import EmailNotValidError, validate_email

    if not 1 <= len(value) <= _LONGEST:
        raise InvalidIdentifier("an e-mail address has 1 to 255 characters")
    try:
        # `test_environment` lets RFC 6761's .test pass, which mails nobody: installations are tried with it.
        parts = validate_email(value, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise InvalidIdentifier("this is not an e-mail address: write name@domain") from None
    return f"{unicodedata.normalize('NFC', parts.local_part.lower())}@{parts.ascii_domain.lower()}"


def _phone(value: str, region: str) -> str:
    """Return a number as E.164 writes it; one with an extension is a switchboard, and nobody's own."""
    import phonenumbers

    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or number.extension or not phonenumbers.is_valid_number(number):
        raise InvalidIdentifier("this is not a phone number: write it with its country, like +34 600 123 456")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _key(value: str) -> str:
    if not 1 <= len(value) <= _LONGEST or not value.isprintable():
        raise InvalidIdentifier("an identifier has 1 to 255 printable characters")
    return value
