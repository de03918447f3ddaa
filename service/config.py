"""Settings: typed, frozen, read once from `UNSPOKEN_*` variables by whoever composes the service."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from service.errors import BadSettings


@dataclass(frozen=True)
class Settings:
    """Everything that may differ between two installations. README.md has the table."""

    database_url: str = "sqlite:///instance/unspoken.db"
    keys_file: Path = Path("instance/keys.json")
    public_url: str = "http://127.0.0.1:8000"
    env: str = "development"
    proxies: int = 0
    metrics_token: str = ""
    keystore_url: str = "sqlite:///instance/unspoken-keystore.db"
    phone_region: str = "ES"
    identity_rules: Path | None = None
    outbox: Path = Path("instance/outbox.jsonl")
    smtp_url: str = field(default="", repr=False)
    mail_from: str = ""
    sms_webhook: str = field(default="", repr=False)

    @property
    def on_sqlite(self) -> bool:
        """Whether the database is an embedded SQLite file."""
        return self.database_url.startswith("sqlite")

    @property
    def in_production(self) -> bool:
        """Whether a missing key file is an error instead of a first start."""
        return self.env == "production" or not self.on_sqlite

    @property
    def secure(self) -> bool:
        """Whether shoppers reach the service over TLS, so that cookies may demand it."""
        return self.public_url.startswith("https://")


def read_settings(environ: Mapping[str, str] | None = None, *, served_at: tuple[str, int] | None = None) -> Settings:
    """Return the settings in `environ` (the process's own by default); raise `BadSettings` naming the variable.

    In development shoppers reach the service where it is served at, host and port, unless the environment says where.
    """
    given = os.environ if environ is None else environ
    settings = _read(given)
    if served_at is None or given.get("UNSPOKEN_PUBLIC_URL") or settings.in_production:
        return settings
    return replace(settings, public_url=_local_url(*served_at))


def _read(given: Mapping[str, str]) -> Settings:
    default = Settings()
    return Settings(
        database_url=_database_url(given.get("UNSPOKEN_DATABASE_URL") or default.database_url),
        keys_file=Path(given.get("UNSPOKEN_KEYS_FILE") or default.keys_file),
        public_url=_public_url(given.get("UNSPOKEN_PUBLIC_URL") or default.public_url),
        env=_env(given.get("UNSPOKEN_ENV") or default.env),
        proxies=_proxies(given.get("UNSPOKEN_PROXIES") or "0"),
        metrics_token=given.get("UNSPOKEN_METRICS_TOKEN", ""),
        keystore_url=_keystore_url(given),
        phone_region=_phone_region(given.get("UNSPOKEN_PHONE_REGION") or default.phone_region),
        identity_rules=Path(given["UNSPOKEN_IDENTITY_RULES"]) if given.get("UNSPOKEN_IDENTITY_RULES") else None,
        outbox=Path(given.get("UNSPOKEN_OUTBOX") or default.outbox),
        smtp_url=_smtp_url(given.get("UNSPOKEN_SMTP_URL", "")),
        mail_from=given.get("UNSPOKEN_MAIL_FROM", ""),
        sms_webhook=_sms_webhook(given.get("UNSPOKEN_SMS_WEBHOOK", "")),
    )


def _local_url(host: str, port: int) -> str:
    """Return how a browser on this machine reaches the port; of any free port (0) nothing is known yet."""
    reached = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host  # noqa: S104 - nothing is bound here
    shown = f"[{reached}]" if ":" in reached else reached
    return f"http://{shown}:{port}" if port else Settings().public_url


def _keystore_url(given: Mapping[str, str]) -> str:
    """Return the given URL, else a second SQLite file: beside the first, or beside the key file."""
    url = given.get("UNSPOKEN_KEYSTORE_URL")
    if url:
        return _database_url(url, variable="UNSPOKEN_KEYSTORE_URL")
    default = Settings()
    main = _database_url(given.get("UNSPOKEN_DATABASE_URL") or default.database_url)
    beside = Path(given.get("UNSPOKEN_KEYS_FILE") or default.keys_file)
    if main.startswith("sqlite:///"):
        beside = Path(main.removeprefix("sqlite:///"))
        return f"sqlite:///{beside.with_name(beside.stem + '-keystore.db')}"
    return f"sqlite:///{beside.with_name('keystore.db')}"


def _phone_region(value: str) -> str:
    if len(value) != 2 or not value.isascii() or not value.isalpha():
        raise BadSettings("UNSPOKEN_PHONE_REGION must be a country of two letters (ISO 3166-1), like ES")
    return value.upper()


def _smtp_url(value: str) -> str:
    if value and (urlsplit(value).scheme not in ("smtp", "smtps") or not _has_good_host(value)):
        raise BadSettings("UNSPOKEN_SMTP_URL must be smtp://USER:PASSWORD@HOST:PORT, or smtps://…")
    return value


def _sms_webhook(value: str) -> str:
    if value and (urlsplit(value).scheme not in ("http", "https") or not _has_good_host(value)):
        raise BadSettings("UNSPOKEN_SMS_WEBHOOK must be an address like https://sms.example.com/send")
    return value


def _database_url(value: str, *, variable: str = "UNSPOKEN_DATABASE_URL") -> str:
    scheme, rest = value.partition("://")[::2]
    if scheme in ("postgres", "postgresql", "postgresql+psycopg") and _has_good_host(value):
        return f"postgresql+psycopg://{rest}"
    if scheme == "sqlite" and value.startswith("sqlite:///") and value != "sqlite:///":
        return value
    raise BadSettings(f"{variable} must be sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME")


def _has_good_host(address: str) -> bool:
    try:
        return urlsplit(address).port != 0
    except ValueError:
        return False


def _public_url(value: str) -> str:
    parts = urlsplit(value if _has_good_host(value) else "")
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise BadSettings("UNSPOKEN_PUBLIC_URL must be an address like https://id.example.com")
    return value.rstrip("/")


def _env(value: str) -> str:
    if value not in ("development", "production"):
        raise BadSettings("UNSPOKEN_ENV must be development or production")
    return value


def _proxies(value: str) -> int:
    if not value.isdecimal() or int(value) > 9:
        raise BadSettings("UNSPOKEN_PROXIES must be how many proxies stand in front of the service: 0 to 9")
    return int(value)
