"""Prepare rows for the database: look-up digests, and everything sealed as if each row were a new customer."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from service.crypto.keystore import draw_key
from service.crypto.vault import Vault
from service.customers.identifiers import VALUE_CONTEXT, index_parts
from service.customers.models import CONTACTS
from service.customers.traits import TRAITS_CONTEXT
from service.importing.columns import Field
from service.importing.ids import make_ids
from service.importing.parse import Fault, Row

_NAMES = (Field.GIVEN_NAME, Field.FAMILY_NAME, Field.NAME)


# Plain tuples: named ones take five times as long from one process to the next.
#
# An identifier ready to be stored: kind, trust, the digests that it may be found under (one a version of the index
# key), and the sealed value.
Held = tuple[str, str, list[bytes], bytes]
# A row ready to be stored as a new customer: its line, the customer's id as 32 hexadecimal digits, the sealed data
# key, the sealed traits, and the identifiers. The first of them is the row's key.
Draft = tuple[int, str, bytes, bytes | None, list[Held]]


class Drafter:
    """Drafts the rows of one file, and finds those that repeat an earlier one."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._seen: dict[bytes, tuple[int, int]] = {}

    def draft(self, row: Row) -> Draft | Fault | None:
        """Return the row's draft; None for one that repeats an earlier one, a fault when it contradicts that."""
        digests = [self._vault.indexes(*index_parts(one.kind, one.value)) for one in row.identifiers]
        traits = orjson.dumps(row.traits).decode() if row.traits else ""
        content = hash((traits, *[one.value + one.trust for one in row.identifiers]))
        earlier = self._find_earlier(row, digests, content)
        if earlier is not None:
            return None if earlier[1] == content else _contradiction(row, earlier[0])
        customer_id = UUID(make_ids(1)[0])
        key, sealed_key = draw_key(self._vault, customer_id)
        held = [
            (given.kind.value, given.trust.value, found, key.seal(given.value, context=VALUE_CONTEXT))
            for given, found in zip(row.identifiers, digests, strict=True)
        ]
        sealed = key.seal(traits, context=TRAITS_CONTEXT) if traits else None
        return row.line, customer_id.hex, sealed_key, sealed, held

    def _find_earlier(self, row: Row, digests: list[list[bytes]], content: int) -> tuple[int, int] | None:
        """Return line and content of the earlier row with this one's key, and remember this one."""
        is_contact = row.identifiers[0].kind in CONTACTS
        own = digests[0][0] + name_of(row.traits).encode() if is_contact else digests[0][0]
        earlier = self._seen.get(own)
        if earlier is None:
            self._seen[own] = row.line, content
            for given, found in zip(row.identifiers[1:], digests[1:], strict=True):
                if given.kind not in CONTACTS:
                    self._seen.setdefault(found[0], (row.line, content))
        return earlier


def name_of(traits: Mapping[str, Any]) -> str:
    """Return what tells two people at one e-mail address or telephone apart."""
    return " ".join(str(traits[part]) for part in _NAMES if part in traits).casefold()


def _contradiction(row: Row, earlier_line: int) -> Fault:
    kind = row.identifiers[0].kind
    what = f"same {kind} and name" if kind in CONTACTS else f"same {kind}"
    return Fault(
        row.line, kind, f"the row on line {earlier_line} has the {what} and says otherwise: keep one of them"
    )
