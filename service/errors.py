"""The base of the domain's errors. Nothing here knows HTTP; `service.web.problems` gives each its status.

UnspokenError
 ├── NotFound          no such thing, or not the asker's to see
 ├── Conflict          the thing is there, in a state that forbids this
 │    └── IdConflict   the id was used before with another body
 ├── NotAuthorised     the credential is bad, used, expired or revoked
 ├── Unavailable       a store or a key that this needs isn't there; worth trying again
 ├── BadSettings       the settings or the key file can't be used; the service won't start
 └── a feature's own   customers' InvalidIdentifier, proof's AskedTooOften, sales' ClaimedTooMany, importing's BadFile
"""


class UnspokenError(Exception):
    """Something the caller can be told: `code` for programs, the message for people."""

    code = "error"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code


class NotFound(UnspokenError):
    """There is no such thing, or it isn't the asker's to see."""

    code = "not_found"


class Conflict(UnspokenError):
    """The thing exists in a state that forbids what was asked."""

    code = "conflict"


class IdConflict(Conflict):
    """An id minted by a till came back with another body."""

    code = "id_conflict"


class NotAuthorised(UnspokenError):
    """A credential is unknown, used, expired or revoked."""

    code = "unauthorized"


class Unavailable(UnspokenError):
    """A store or a key that this needs isn't there; the message names it."""

    code = "not_ready"


class BadSettings(UnspokenError):
    """A setting or the key file is missing or wrong; the message is one line for the operator."""

    code = "bad_settings"
