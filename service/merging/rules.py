"""The rules of identity: one readable TOML file, checked when the service starts."""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.errors import BadSettings

DEFAULT_FILE = Path(__file__).with_name("rules.toml")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Limits(_Part):
    """How many live identifiers of a kind one customer may hold; of accounts, for each site."""

    account: int = Field(ge=1)
    crm: int = Field(ge=1)
    email: int = Field(ge=1)
    phone: int = Field(ge=1)
    loyalty_card: int = Field(ge=1)
    anonymous: int = Field(ge=1)


class Rules(_Part):
    """What may merge by itself, and what never counts."""

    limits: Limits


def load_rules(path: Path | None) -> Rules:
    """Return the rules in a file, or the shipped ones; `BadSettings`, in one line, when they can't be used."""
    chosen = path or DEFAULT_FILE
    try:
        return Rules.model_validate(tomllib.loads(chosen.read_text("utf-8")))
    except OSError as error:
        raise BadSettings(f"the identity rules {chosen} can't be read: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(f"the identity rules {chosen} are not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadSettings(f"the identity rules {chosen}: {where}: {first['msg']}") from None
