"""What can go wrong at a till; the tree is drawn in the package's docstring."""

from collections.abc import Mapping, Sequence
from enum import StrEnum


class PosError(Exception):
    """Anything this package raises on purpose; its text is fit to show to a cashier."""


class Rejection(StrEnum):
    """Why the reader kept a line of input on the till."""

    NOT_OURS = "not_ours"
    WRONG_DIGIT = "wrong_digit"
    ALL_DIGITS_NEEDED = "all_digits_needed"


REJECTION_TEXTS = {
    Rejection.NOT_OURS: "Not an Unspoken code, ignored",
    Rejection.WRONG_DIGIT: "Not a valid code: check the digits",
    Rejection.ALL_DIGITS_NEEDED: "Type all 18 digits of the code",
}


class NotACode(PosError):
    """The input is no Unspoken code; it was neither stored nor sent, and the text doesn't repeat it."""

    def __init__(self, why: Rejection) -> None:
        super().__init__(REJECTION_TEXTS[why])
        self.why = why


class QueueFailed(PosError):
    """The till's queue file can't be read or written: full disk, wrong permissions, damaged file."""


class ServiceError(PosError):
    """An answer, or the lack of one, from the service."""

    def __init__(
        self,
        detail: str,
        *,
        code: str,
        status: int | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        request_id: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.status = status
        self.errors = tuple(dict(error) for error in errors)
        self.request_id = request_id
        self.item_id: str | None = None
        """Id of the queued scan, sale or return that the error is about."""


class NotAuthorised(ServiceError):
    """401 or 403: enrol again, or wait until the operator restores the till."""


class Refused(ServiceError):
    """A final no to this very request."""


class Unavailable(ServiceError):
    """No network, a time-out, 429, 5xx, or an answer that doesn't come from an Unspoken service."""

    retry_after: float = 0.0
    """Seconds the service asked us to wait."""
