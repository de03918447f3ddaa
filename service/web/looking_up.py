"""Looking somebody up, as the doors speak of it."""

from service.customers.models import IdentifierKind
from service.customers.normalise import InvalidIdentifier, normalise
from service.web.context import service
from service.web.problems import Problem


def normalised(kind: IdentifierKind, value: str) -> str:
    """Return the form under which a caller's value is found; a 422 problem when it can't be one of its kind."""
    try:
        return normalise(kind, value, region=service().settings.phone_region)
    except InvalidIdentifier as error:
        errors = [{"pointer": "/value", "detail": error.detail}]
        raise Problem(422, error.code, "the value can't be one of its kind", errors=errors) from None
