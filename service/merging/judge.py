"""Judge the identifiers that somebody gives: their one form and what they are worth, or why they identify nobody."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from service.customers.models import STRENGTH, IdentifierKind, Trust
from service.customers.normalise import InvalidIdentifier, normalise
from service.merging.rules import Rules

# An account is named by its address, so it can't be given.
GIVEN_KINDS = tuple(kind for kind in IdentifierKind if kind is not IdentifierKind.ACCOUNT)
_TYPED_BY_ANYONE = frozenset((IdentifierKind.EMAIL, IdentifierKind.PHONE))
_BLOCKED = {
    IdentifierKind.EMAIL: "this e-mail address is a placeholder, a role's or the brand's own: it identifies nobody",
    IdentifierKind.PHONE: "this phone number is a placeholder or the brand's own: it identifies nobody",
}


@dataclass(frozen=True)
class Given:
    """An accepted identifier: `value` is normalised, `trust` is what the giver's word is worth.

    `pointer` is the JSON Pointer of the item that it was given as.
    """

    kind: IdentifierKind
    value: str
    trust: Trust
    pointer: str = ""


@dataclass(frozen=True)
class Judge:
    """Judges what one giver gives. `may_vouch`: the kinds for which the operator takes the giver's word as proof."""

    rules: Rules
    region: str
    may_vouch: Collection[str] = ()

    def accept(self, items: Iterable[tuple[str, str, bool]]) -> tuple[list[Given], list[dict[str, str]]]:
        """Return what is good of (kind, value, verified), each once, and a problem for each item that isn't."""
        accepted: dict[tuple[IdentifierKind, str], Given] = {}
        problems: list[dict[str, str]] = []
        for number, (kind, value, verified) in enumerate(items):
            pointer = f"/identifiers/{number}"
            if kind not in GIVEN_KINDS:
                words = f"the kinds are {', '.join(GIVEN_KINDS)}; an account is named by its address"
                problems.append({"pointer": f"{pointer}/kind", "detail": words})
                continue
            try:
                given = self._judge(IdentifierKind(kind), value, verified, pointer)
            except InvalidIdentifier as error:
                problems.append({"pointer": f"{pointer}/value", "detail": error.detail})
            else:
                same = accepted.get((given.kind, given.value), given)
                accepted[given.kind, given.value] = max(same, given, key=lambda one: STRENGTH[one.trust])
        return list(accepted.values()), problems

    def _judge(self, kind: IdentifierKind, value: str, verified: bool, pointer: str) -> Given:
        accepted = accept_value(self.rules, kind, value, region=self.region)
        if verified and kind in self.may_vouch:
            return Given(kind, accepted, Trust.VERIFIED, pointer)
        claimed = not verified and kind in _TYPED_BY_ANYONE
        return Given(kind, accepted, Trust.CLAIMED if claimed else Trust.VOUCHED, pointer)


def accept_value(rules: Rules, kind: IdentifierKind, value: str, *, region: str) -> str:
    """Return the value normalised; `InvalidIdentifier`, in words, when it can't be one or the rules block it."""
    blocked = InvalidIdentifier(_BLOCKED.get(kind, "this value is a placeholder: it identifies nobody"))
    if rules.blocks(kind, value.strip()):
        raise blocked
    accepted = normalise(kind, value, region=region)
    if rules.blocks(kind, accepted):
        raise blocked
    return accepted
