"""Why a code is refused: the closed list that tills are told, and the exception that carries one."""

from enum import StrEnum


class Refusal(StrEnum):
    """A reason for a refused scan, as tills know it (docs/codes.md)."""

    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    TOO_OLD = "too_old"
    NOT_YET_VALID = "not_yet_valid"
    ALREADY_USED = "already_used"
    WRONG_OTP = "wrong_otp"
    TOO_MANY_TRIES = "too_many_tries"
    CARD_UNUSABLE = "card_unusable"


class CodeRefused(Exception):
    """A code can't be accepted; `reason` says why."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.value)
        self.reason = reason
