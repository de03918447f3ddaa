"""A stolen copy of the database tells nothing of a person in clear."""

import base64
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import select, update
from sqlalchemy.engine import make_url

from service.crypto import keyfile
from service.crypto.keystore import KeyStore, _data_keys
from service.customers.identifiers import VALUE_CONTEXT
from service.customers.models import Identifier
from service.db import Database
from service.errors import Unavailable
from service.tables import ALL_TABLES
from tests.customers.given import card, crm, email, phone
from tests.world import World

PERSONAL = (
    "maria.lopez@example.com",
    "maria.lopez",
    "600111222",
    "CRM-4711",
    "CARD-0815",
    "shop-login-7",
    "device-99",
    "María",
    "Lopez-Quintana",
    "1984-05-31",
    "Calle Mayor",
    "28013",
)


def dump(db: Database) -> bytes:
    """Return everything that a database holds: every byte of an SQLite file and its log, or every row."""
    if db.on_sqlite:
        path = Path(str(make_url(db.engine.url).database))
        return b"".join(Path(f"{path}{suffix}").read_bytes() for suffix in ("", "-wal"))
    with db.read() as session:
        rows = [row for table in ALL_TABLES for row in session.execute(select(table.__table__))]
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)


def dump_keystore(keystore: KeyStore) -> bytes:
    return dump(keystore.db)


def fill(world: World) -> None:
    """Let a person leave everything that a file can hold, by every way that a site has, and be read and found."""
    site, other = (world.site(name, may_vouch=["email", "phone"]) for name in ("Shop", "Outlet"))
    traits = {
        "given_name": "María",
        "family_name": "Lopez-Quintana",
        "birth_date": "1984-05-31",
        "address": {"street": "Calle Mayor", "postcode": "28013"},
    }
    given = (
        email("Maria.Lopez@example.com", verified=True),
        phone(verified=True),
        crm("CRM-4711"),
        card("CARD-0815"),
        {"kind": "anonymous", "value": "device-99"},
    )
    customer_id = site.put("shop-login-7", *given, traits=traits)["customer_id"]
    assert other.put("shop-login-7-outlet", *given[:3], traits=traits)["outcome"] == "linked"
    site.shopper("shop-login-7")
    for item in given:
        site.call("POST", "/commerce/v1/customers/lookup", {"kind": item["kind"], "value": item["value"]})
    read = site.call("GET", f"/commerce/v1/customers/{customer_id}").json
    assert read["traits"] == traits, "what is grepped for below is there"
    assert len(read["identifiers"]) >= 4


def test_a_dump_of_the_database_contains_no_personal_value_in_clear(world: World) -> None:
    fill(world)
    stolen = dump(world.service.db).lower()
    assert b"identifier.linked" in stolen, "the dump holds the rows"
    assert tells(stolen) == []


def test_a_dump_of_the_key_store_contains_no_personal_value_in_clear(world: World) -> None:
    fill(world)
    stolen = dump_keystore(world.service.keystore).lower()
    assert b"data_keys" in stolen
    assert tells(stolen) == []


def test_a_value_in_clear_would_be_found(world: World) -> None:
    fill(world)
    world.site("María")
    assert tells(dump(world.service.db).lower()) == ["María"]


def tells(stolen: bytes) -> list[str]:
    """Return which personal values stand in a dump, as they are, or in one of the common disguises."""
    found = []
    for value in PERSONAL:
        plain = value.encode()
        disguises = (
            plain,
            plain.hex().encode(),
            base64.b64encode(plain).rstrip(b"="),
            value.encode("unicode_escape"),
        )
        if any(disguise.lower() in stolen for disguise in disguises):
            found.append(value)
    return found


def test_a_data_key_opens_for_its_own_customer_alone(world: World) -> None:
    """Whoever can write to the key store makes nobody's key another's."""
    store, ids = world.service.keystore, [UUID(world.site(name).account()) for name in ("Shop", "Outlet")]
    with store.db.write() as session:
        sealed = [
            session.scalar(select(_data_keys.c.sealed_key).where(_data_keys.c.customer_id == one)) for one in ids
        ]
        for one, key in zip(ids, reversed(sealed), strict=True):
            session.execute(update(_data_keys).where(_data_keys.c.customer_id == one).values(sealed_key=key))
    for one in ids:
        with pytest.raises(Unavailable):
            store.find(one)


def test_the_data_key_of_one_customer_opens_nothing_of_another(world: World) -> None:
    """Else whoever is forgotten would be read on with the key of whoever is not."""
    store, ids = world.service.keystore, [UUID(world.site(name).account("maria")) for name in ("Shop", "Outlet")]
    with world.service.db.read() as session:
        sealed = {row.customer_id: row.value_sealed or b"" for row in session.scalars(select(Identifier))}
    keys = store.find_many(ids)
    for one, another in (ids, ids[::-1]):
        assert keys[one].open(sealed[one], context=VALUE_CONTEXT) == "maria"
        with pytest.raises(InvalidTag):
            keys[another].open(sealed[one], context=VALUE_CONTEXT)


def test_whoever_has_a_dump_and_not_the_key_finds_nobody_by_guessing(world: World) -> None:
    """There are few phone numbers: a look-up index that needed no key would be undone by trying them all."""
    fill(world)
    stolen, ours, strangers = dump(world.service.db), world.service.keys.vault, keyfile.create(world.clock()).vault
    for guess in (
        ("email", PERSONAL[0]),
        ("phone", "+34600111222"),
        ("crm", "CRM-4711"),
        ("account", "shop-login-7"),
    ):
        assert any(digest in stolen for digest in ours.indexes(*guess)), guess
        assert not any(digest in stolen for digest in strangers.indexes(*guess)), guess


def test_one_value_sealed_twice_is_not_told_to_be_one(world: World) -> None:
    vault, key = world.service.keys.vault, world.service.keystore.take(UUID(world.site().account()))
    assert vault.seal(b"0042", context=b"") != vault.seal(b"0042", context=b"")
    assert key.seal("0042", context="") != key.seal("0042", context="")
    assert vault.indexes("crm", "0042") != vault.indexes("crm0", "042")
    assert vault.digest(b"0042", context="one") != vault.digest(b"0042", context="other")
