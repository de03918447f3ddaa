"""The rules of identity: one readable TOML file, checked when the service starts."""

import tomllib
import unicodedata
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from service.customers.models import IdentifierKind
from service.errors import BadSettings

DEFAULT_FILE = Path(__file__).with_name("rules.toml")
_MERGEABLE = (IdentifierKind.EMAIL, IdentifierKind.PHONE, IdentifierKind.CRM, IdentifierKind.LOYALTY_CARD)


def _mergeable(value: object) -> IdentifierKind:
    for kind in _MERGEABLE:
        if kind == value:
            return kind
    raise ValueError(f"only {', '.join(_MERGEABLE)} may merge by themselves")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Merging(_Part):
    """Which kinds merge two customers by themselves, when both hold the same verified value."""

    by_itself: list[Annotated[IdentifierKind, BeforeValidator(_mergeable)]]
    phone_alone_merges_named: bool


class Limits(_Part):
    """How many live identifiers of a kind one customer may hold; of accounts, for each site."""

    account: int = Field(ge=1)
    crm: int = Field(ge=1)
    email: int = Field(ge=1)
    phone: int = Field(ge=1)
    loyalty_card: int = Field(ge=1)
    anonymous: int = Field(ge=1)

    def of(self, kind: str) -> int:
        """Return the limit of a kind."""
        limit: int = getattr(self, kind)
        return limit


class Hub(_Part):
    """From how many customers on a value is nobody's own."""

    customers: int = Field(ge=2)


class Blocked(_Part):
    """Values that never identify anyone."""

    values: list[str]
    mailboxes: list[str]
    domains: list[str]
    phones: list[str]


class Matching(_Part):
    """From which likelihood on two customers are proposed as duplicates, and how many are compared at once."""

    threshold: float = Field(gt=0, le=1)
    largest_block: int = Field(ge=2, le=1_000)


class Rules(_Part):
    """What may merge by itself, and what never counts."""

    merging: Merging
    limits: Limits
    hub: Hub
    blocked: Blocked
    matching: Matching

    def blocks(self, kind: IdentifierKind, value: str) -> bool:
        """Return whether a normalised value never identifies anyone."""
        lower = unicodedata.normalize("NFKC", value).lower()  # full-width letters are letters, too
        mailbox, _, domain = lower.partition("@") if kind is IdentifierKind.EMAIL else (lower, "", "")
        if kind is IdentifierKind.PHONE and value in self.blocked.phones:
            return True
        if domain and (domain in self.blocked.domains or mailbox in self.blocked.mailboxes):
            return True
        return not {lower, mailbox}.isdisjoint(self.blocked.values) or all(map(_says_nothing, mailbox))


def _says_nothing(sign: str) -> bool:
    """Return whether a sign is a zero, in whatever script, or one that stands between digits."""
    return sign in "0-+. \u2212" or unicodedata.category(sign) == "Pd" or unicodedata.numeric(sign, None) == 0


def load_rules(path: Path | None) -> Rules:
    """Return the rules in a file, or the shipped ones; `BadSettings`, in one line, when they can't be used."""
    chosen = path or DEFAULT_FILE
    try:
        return Rules.model_validate(tomllib.loads(chosen.read_text("utf-8")))
    except OSError as error:
        raise BadSettings(f"the identity rules {chosen} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadSettings(f"the identity rules {chosen} are not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(f"the identity rules {chosen} are not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        words = first["msg"].removeprefix("Value error, ")
        raise BadSettings(f"the identity rules {chosen}: {where}: {words}") from None
