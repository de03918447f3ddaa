"""Why two customers may be one, or may not be joined without a person: closed codes, and their words."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from service.customers.models import IdentifierKind


class Reason(StrEnum):
    """What speaks for a proposal, or keeps a merge from happening by itself. A `note` is a decider's own, sealed."""

    SAME_EMAIL = "same_email"
    SAME_PHONE = "same_phone"
    SAME_CRM = "same_crm"
    SAME_LOYALTY_CARD = "same_loyalty_card"
    SIMILAR = "similar"
    LIMIT = "limit"
    CONFLICTING_CRM = "conflicting_crm"
    PHONE_ALONE = "phone_alone"
    RECYCLED = "recycled"
    NOT_BY_ITSELF = "not_by_itself"
    HUB = "hub"
    BLOCKED = "blocked"
    DEMOTED = "demoted"
    DO_NOT_LINK = "do_not_link"
    ERASED = "erased"
    NOTE = "note"


SAME = {
    IdentifierKind.EMAIL: Reason.SAME_EMAIL,
    IdentifierKind.PHONE: Reason.SAME_PHONE,
    IdentifierKind.CRM: Reason.SAME_CRM,
    IdentifierKind.LOYALTY_CARD: Reason.SAME_LOYALTY_CARD,
}
_KIND_WORDS = {
    "account": "accounts of one site",
    "crm": "CRM ids",
    "email": "e-mail addresses",
    "phone": "phone numbers",
    "loyalty_card": "loyalty cards",
}
_WORDS = {
    Reason.SAME_EMAIL: "both {verb} the same e-mail address",
    Reason.SAME_PHONE: "both {verb} the same phone number",
    Reason.SAME_CRM: "both have the same CRM id",
    Reason.SAME_LOYALTY_CARD: "both have the same loyalty card",
    Reason.SIMILAR: "they have {alike}",
    Reason.LIMIT: "together they would have too many {kind}",
    Reason.CONFLICTING_CRM: "they have different CRM ids",
    Reason.PHONE_ALONE: "both have a name, and a phone number alone may be shared",
    Reason.RECYCLED: "one proved the phone number long after the other, and it may have changed hands",
    Reason.NOT_BY_ITSELF: "the rules leave this kind to a person",
    Reason.HUB: "too many customers claim this value",
    Reason.BLOCKED: "the rules block this value",
    Reason.DEMOTED: "one of them would have had too many {kind}, and this one no longer counted as proved",
    Reason.DO_NOT_LINK: "a person said that they are not one",
    Reason.ERASED: "one of the two was erased",
}


def words_of(reasons: Iterable[dict[str, Any]]) -> str:
    """Return in words why: each reason is `{"code": …}`, with `trust`, `kind` or `fields` where its words need it."""
    return "; ".join(_word(reason) for reason in reasons if reason["code"] != Reason.NOTE)


def _word(reason: dict[str, Any]) -> str:
    from service.matching.words import say_agreements  # its comparing costs 4 MB, which a till's worker never needs

    verb = "proved" if reason.get("trust") == "verified" else "claim"
    alike = say_agreements(reason.get("fields", {})) or "much in common"
    kind = _KIND_WORDS.get(str(reason.get("kind")), "identifiers of a kind")
    return _WORDS[Reason(reason["code"])].format(verb=verb, alike=alike, kind=kind)
