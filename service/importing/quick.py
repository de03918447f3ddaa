"""Accept identifiers at speed: what is plain is judged here, everything else by `merging.judge`.

The libraries take 50 and 100 microseconds for a phone number and an address, more than all the rest of a row.
Whatever the short cuts answer is what the long way answers; a property test holds one against the other.
"""

import re
from functools import lru_cache
from unicodedata import is_normalized

import phonenumbers

from service.customers.models import IdentifierKind
from service.customers.normalise import InvalidIdentifier
from service.merging.judge import accept_value
from service.merging.rules import Rules

_LOCAL_PART = re.compile(r"[a-z0-9_+-]{1,64}(?:\.[a-z0-9_+-]{1,64})*")
_LONGEST_LOCAL_PART, _LONGEST_EMAIL, _LONGEST_KEY = 64, 254, 255
_DIGITS = re.compile(r"(\+?)([0-9](?:[ -]?[0-9]){5,19})")
_NEVER = re.compile("(?!)")
_DOMAINS_REMEMBERED = 65_536


class Acceptance:
    """Brings identifiers into their one form: as `accept_value` does, only sooner."""

    def __init__(self, rules: Rules, region: str) -> None:
        self._rules, self._region = rules, region
        self._is_good_domain = lru_cache(_DOMAINS_REMEMBERED)(self._ask_about_domain)
        code = phonenumbers.country_code_for_region(region)
        self._national = _Mobiles(code) if phonenumbers.region_code_for_country_code(code) == region else None
        self._mobiles = lru_cache(None)(_Mobiles)

    def accept(self, kind: IdentifierKind, value: str) -> str:
        """Return the form of a stripped value; `InvalidIdentifier`, in words, when it identifies nobody."""
        if kind is IdentifierKind.EMAIL:
            quick = self._email(value)
        elif kind is IdentifierKind.PHONE:
            quick = self._phone(value)
        else:
            is_plain = len(value) <= _LONGEST_KEY and value.isprintable() and is_normalized("NFC", value)
            quick = value if is_plain else None
        if quick is None or self._rules.blocks(kind, quick) or (quick != value and self._rules.blocks(kind, value)):
            return accept_value(self._rules, kind, value, region=self._region)
        return quick

    def _email(self, value: str) -> str | None:
        lower = value.lower()
        local_part, _, domain = lower.partition("@")
        if not value.isascii() or len(value) > _LONGEST_EMAIL or len(local_part) > _LONGEST_LOCAL_PART:
            return None
        return lower if _LOCAL_PART.fullmatch(local_part) and self._is_good_domain(domain) else None

    def _ask_about_domain(self, domain: str) -> bool:
        """Return whether an address in this domain is good, and stays as it is written."""
        asked = f"a@{domain}"
        try:
            return accept_value(self._rules, IdentifierKind.EMAIL, asked, region=self._region) == asked
        except InvalidIdentifier:
            return False

    def _phone(self, value: str) -> str | None:
        written = _DIGITS.fullmatch(value)
        if written is None:
            return None
        digits = written[2].replace(" ", "").replace("-", "")
        if not written[1]:
            return None if self._national is None else self._national.find(digits)
        for length in (1, 2, 3):  # country codes are prefix-free
            if digits[0] != "0" and int(digits[:length]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
                return self._mobiles(int(digits[:length])).find(digits[length:])
        return None


class _Mobiles:
    """The mobile numbers of a country code's main region."""

    def __init__(self, code: int) -> None:
        self._code = code
        self._mobile = self._prefix = _NEVER
        known = phonenumbers.PhoneMetadata.metadata_for_region(phonenumbers.region_code_for_country_code(code))
        # Where a prefix rewrites what follows it, all is left to the library.
        if known is not None and known.mobile is not None and not known.national_prefix_transform_rule:
            self._mobile = re.compile(known.mobile.national_number_pattern or _NEVER.pattern)
            self._prefix = re.compile(known.national_prefix_for_parsing or _NEVER.pattern)

    def find(self, digits: str) -> str | None:
        """Return the number in E.164 when it is plainly a mobile one, with no prefix before it."""
        if digits[0] == "0" or self._prefix.match(digits) or not self._mobile.fullmatch(digits):
            return None
        return f"+{self._code}{digits}"
