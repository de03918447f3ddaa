"""What the service answers, typed; answers may gain fields, and unknown words mean *continue without*."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from pos_client.basket import is_plausible
from pos_client.errors import Unavailable

Answer = Mapping[str, Any]
T = TypeVar("T")
Word = TypeVar("Word", bound=StrEnum)

NOT_UNSPOKEN = "The answer doesn't come from an Unspoken service; check the address and the network."


class Outcome(StrEnum):
    """What became of a scan; a till that is offline never says more than pending."""

    IDENTIFIED = "identified"
    REFUSED = "refused"
    PENDING = "pending"


class Action(StrEnum):
    """What the cashier does next."""

    NONE = "none"
    RESCAN = "rescan"
    WAIT = "wait"
    CONTINUE = "continue"


class Reason(StrEnum):
    """Why a scan was refused, as far as a till is told."""

    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    TOO_OLD = "too_old"
    NOT_YET_VALID = "not_yet_valid"
    ALREADY_USED = "already_used"
    WRONG_OTP = "wrong_otp"
    TOO_MANY_TRIES = "too_many_tries"
    CARD_UNUSABLE = "card_unusable"


class Link(StrEnum):
    """How a sale stands to a customer."""

    LINKED = "linked"
    PENDING = "pending"
    UNIDENTIFIED = "unidentified"
    REFUSED = "refused"
    CONFLICT = "conflict"


@dataclass(frozen=True, kw_only=True)
class ScanResult:
    """The answer to a scan; reason is a Reason, or a newer word that this client doesn't know."""

    scan_id: str
    outcome: Outcome
    reason: str | None = None
    message: str = ""
    action: Action = Action.NONE
    attributes: Mapping[str, str] = field(default_factory=dict)
    late: bool = False

    @property
    def subject(self) -> str:
        """Id of what this is the answer to."""
        return self.scan_id


@dataclass(frozen=True, kw_only=True)
class Remark:
    """Something odd about a stored sale or return."""

    code: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class SaleResult:
    """The answer to a sale or to linking one; queued means that the service has not seen it yet."""

    sale_id: str
    link: Link
    warnings: tuple[Remark, ...] = ()
    queued: bool = False
    training: bool = False

    @property
    def subject(self) -> str:
        """Id of what this is the answer to."""
        return self.sale_id

    @property
    def may_be_claimed(self) -> bool:
        """Whether a claim code on the receipt can be of use."""
        return not self.training and self.link not in (Link.LINKED, Link.CONFLICT)


@dataclass(frozen=True, kw_only=True)
class ReturnResult:
    """The answer to a return; queued means that the service has not seen it yet."""

    return_id: str
    warnings: tuple[Remark, ...] = ()
    queued: bool = False

    @property
    def subject(self) -> str:
        """Id of what this is the answer to."""
        return self.return_id


@dataclass(frozen=True, kw_only=True)
class Store:
    """The store that the till stands in."""

    store_id: str
    name: str
    time_zone: str
    currency: str
    language: str


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The service's limits for this till, and where shoppers open a claim code."""

    accept_before_seconds: int = 30
    accept_after_seconds: int = 60
    grace_seconds: int = 600
    heartbeat_seconds: int = 300
    max_sync_items: int = 500
    max_body_bytes: int = 1_048_576
    claim_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """This till as the service knows it; keys are the JWKs that a code's signature is checked with."""

    terminal_id: str
    label: str | None
    training: bool
    store: Store
    policy: Policy
    keys: tuple[Mapping[str, Any], ...]


Result = TypeVar("Result", bound=ScanResult | SaleResult | ReturnResult)


def understand(read: Callable[[Answer], T], answer: Answer) -> T:
    """Return the typed answer; raise Unavailable when it isn't what an Unspoken service says."""
    try:
        return read(answer)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Unavailable(NOT_UNSPOKEN, code="garbage_answer") from error


def about(ident: str, read: Callable[[Answer], Result]) -> Callable[[Answer], Result]:
    """Return a reader that takes an answer about another item than this for no answer at all."""

    def read_own(answer: Answer) -> Result:
        result = read(answer)
        if result.subject != ident:
            raise ValueError("an answer about something else")
        return result

    return read_own


def read_scan(answer: Answer) -> ScanResult:
    """Return the typed answer to a scan."""
    outcome, known_outcome = _known(Outcome, answer["outcome"], Outcome.REFUSED)
    action, _ = _known(Action, answer.get("action") or Action.CONTINUE, Action.CONTINUE)
    reason = None if answer.get("reason") is None else _text(answer["reason"])
    known_reason = reason is None or reason in frozenset(Reason)
    return ScanResult(
        scan_id=_text(answer["scan_id"]),
        outcome=outcome,
        reason=reason,
        message=_text(answer.get("message") or ""),
        action=action if known_outcome and known_reason else Action.CONTINUE,
        attributes={_text(name): str(value) for name, value in (answer.get("attributes") or {}).items()},
        late=bool(answer.get("late")),
    )


def read_sale(answer: Answer) -> SaleResult:
    """Return the typed answer to a sale, or to linking one."""
    link, _ = _known(Link, answer["link"], Link.UNIDENTIFIED)
    return SaleResult(sale_id=_text(answer["sale_id"]), link=link, warnings=_warnings(answer))


def read_return(answer: Answer) -> ReturnResult:
    """Return the typed answer to a return."""
    return ReturnResult(return_id=_text(answer["return_id"]), warnings=_warnings(answer))


def read_terminal(answer: Answer) -> Terminal:
    """Return the typed answer to enrolment or heartbeat."""
    store = answer["store"]
    return Terminal(
        terminal_id=_text(answer["terminal_id"]),
        label=None if answer.get("label") is None else _text(answer["label"]),
        training=bool(answer.get("training")),
        store=Store(**{name: _text(store[name]) for name in Store.__dataclass_fields__}),
        policy=_policy(answer.get("policy") or {}),
        keys=tuple(dict(key) for key in answer.get("keys") or ()),
    )


def read_server_time(answer: Answer) -> datetime | None:
    """Return the service's clock, or None when the answer doesn't tell it, or nothing that can be true."""
    try:
        moment = datetime.fromisoformat(answer["server_time"])
    except (KeyError, TypeError, ValueError):
        return None
    return moment if moment.tzinfo and is_plausible(moment) else None


def _policy(answer: Answer) -> Policy:
    limits = {name: usual for name, usual in vars(Policy()).items() if name != "claim_url"}
    told = answer.get("claim_url")
    return Policy(
        claim_url=None if told is None else _text(told),
        **{name: _natural(answer.get(name, usual)) for name, usual in limits.items()},
    )


def _warnings(answer: Answer) -> tuple[Remark, ...]:
    found = answer.get("warnings") or ()
    return tuple(Remark(code=_text(one["code"]), detail=_text(one.get("detail") or "")) for one in found)


def _known(words: type[Word], word: object, otherwise: Word) -> tuple[Word, bool]:
    try:
        return words(_text(word)), True
    except ValueError:
        return otherwise, False


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _natural(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("not a natural number")
    return value
