"""Make a row of a file into identifiers and traits, or tell by line and column what is wrong with it."""

from collections.abc import Callable, Collection
from datetime import date
from typing import Any, NamedTuple

from service.customers.models import IdentifierKind, Trust
from service.customers.normalise import InvalidIdentifier
from service.importing.columns import IDENTIFIERS, Columns, Field
from service.importing.source import Line

Accept = Callable[[IdentifierKind, str], str]
_KINDS = {
    Field.ACCOUNT_ID: IdentifierKind.ACCOUNT,
    Field.CRM: IdentifierKind.CRM,
    Field.LOYALTY_CARD: IdentifierKind.LOYALTY_CARD,
    Field.EMAIL: IdentifierKind.EMAIL,
    Field.PHONE: IdentifierKind.PHONE,
}
PROOF = {IdentifierKind.EMAIL: Field.EMAIL_VERIFIED, IdentifierKind.PHONE: Field.PHONE_VERIFIED}
_TRAITS = (Field.GIVEN_NAME, Field.FAMILY_NAME, Field.NAME, Field.BIRTH_DATE, Field.GENDER, Field.LANGUAGE)
_ADDRESS = (Field.STREET, Field.HOUSE_NUMBER, Field.CITY, Field.REGION, Field.POSTCODE, Field.COUNTRY)
_BIRTH_DATE = Field.BIRTH_DATE.value
_LONGEST_TEXT = 300
_DIGITS_OF_A_YEAR = 4
_FIRST_DAY = "1880-01-01"
_YES = frozenset(("1", "true", "yes", "y", "si", "sí", "s", "x"))
_ANSWERS = _YES | {"", "0", "false", "no", "n"}


class Fault(NamedTuple):
    """What is wrong with a row: the line on which it begins, the column as the file calls it, and what to do."""

    line: int
    column: str
    words: str


class Given(NamedTuple):
    """An identifier as the row gives it, normalised."""

    kind: IdentifierKind
    value: str
    trust: Trust


class Row(NamedTuple):
    """A good row. Its identifiers stand in the order in which they are its key: the first is."""

    line: int
    identifiers: list[Given]
    traits: dict[str, Any]


class _Wrong(ValueError):
    """A cell that can't be used; the message says what to do, and never repeats the value."""


class Parser:
    """Parses rows. `may_vouch`: the kinds for which the operator takes the site's word as proof."""

    def __init__(
        self, columns: Columns, *, accept: Accept, nothing: Collection[str], may_vouch: Collection[str], today: date
    ) -> None:
        self._columns, self._accept, self._nothing, self._today = columns, accept, nothing, today.isoformat()
        places = columns.places
        self._identifiers_at = [
            (places[field], kind, field, places.get(PROOF[kind]) if kind in PROOF and kind in may_vouch else None)
            for field, kind in _KINDS.items()
            if field in places
        ]
        self._proofs_at = [(places[field], field) for field in PROOF.values() if field in places]
        self._traits_at = [(places[field], field.value, field) for field in _TRAITS if field in places]
        self._address_at = [(places[field], field.value, field) for field in _ADDRESS if field in places]

    def parse(self, line: Line) -> Row | list[Fault]:
        """Return the row, or everything that is wrong with it."""
        cells, faults = line.cells, list[Fault]()
        if line.fault or not self._fits(cells):
            return [Fault(line.number, "", line.fault or self._misfit(cells))]
        identifiers = self._identifiers(line, faults)
        row = "".join(cells)
        is_plain = len(row) <= _LONGEST_TEXT and row.isprintable() and "  " not in row
        traits = self._texts(line, self._traits_at, faults, is_plain=is_plain)
        address = self._texts(line, self._address_at, faults, is_plain=is_plain)
        if address:
            traits["address"] = address
        self._check_proofs(line, faults)
        if not identifiers and not faults:
            words = f"nothing says who this is: give one of {', '.join(field.value for field in IDENTIFIERS)}"
            faults.append(Fault(line.number, "", words))
        return faults or Row(line.number, identifiers, traits)

    def _fits(self, cells: list[str]) -> bool:
        wanted = len(self._columns.header)
        return len(cells) == wanted or (len(cells) > wanted and not any(cells[wanted:]))

    def _misfit(self, cells: list[str]) -> str:
        words = "a value with a delimiter in it must stand in quotation marks"
        return f"the row has {len(cells)} values and the header {len(self._columns.header)}: {words}"

    def _identifiers(self, line: Line, faults: list[Fault]) -> list[Given]:
        found = []
        for place, kind, field, proof_at in self._identifiers_at:
            cell = line.cells[place].strip()
            if not cell or cell.lower() in self._nothing:
                continue
            proved = proof_at is not None and line.cells[proof_at].strip().lower() in _YES
            try:
                found.append(Given(kind, self._accept(kind, cell), Trust.VERIFIED if proved else Trust.VOUCHED))
            except InvalidIdentifier as error:
                faults.append(self._fault(line, field, error.detail))
        return found

    def _check_proofs(self, line: Line, faults: list[Fault]) -> None:
        for place, field in self._proofs_at:
            if line.cells[place].strip().lower() not in _ANSWERS:
                faults.append(self._fault(line, field, "write yes or no"))

    def _texts(
        self, line: Line, wanted: list[tuple[int, str, Field]], faults: list[Fault], *, is_plain: bool
    ) -> dict[str, Any]:
        """Return the cells that say something; `is_plain` when none of the row needs a look for its signs."""
        texts: dict[str, Any] = {}
        for place, name, field in wanted:
            cell = line.cells[place].strip()
            if not cell:
                continue
            try:
                text = cell if is_plain else _text(cell)
                texts[name] = text if name != _BIRTH_DATE else self._birth_date(text)
            except _Wrong as wrong:
                faults.append(self._fault(line, field, str(wrong)))
        return texts

    def _fault(self, line: Line, field: Field, words: str) -> Fault:
        return Fault(line.number, self._columns.name(field), words)

    def _birth_date(self, text: str) -> str:
        """Return a date in ISO form. Written with the year last, the day stands first."""
        try:
            found = (date.fromisoformat(text) if text[4:5] == "-" else _day_first(text)).isoformat()
        except ValueError:
            raise _Wrong("this is no date: write it like 1984-05-31, or 31/05/1984") from None
        if not _FIRST_DAY <= found <= self._today:
            raise _Wrong(f"a birth date lies between {_FIRST_DAY[:4]} and today")
        return found


def _day_first(text: str) -> date:
    day, month, year = text.replace("/", "-").replace(".", "-").split("-")
    if len(year) != _DIGITS_OF_A_YEAR:
        raise ValueError("a year of two digits may be one of two")
    return date(int(year), int(month), int(day))


def _text(cell: str) -> str:
    """Return a text in one line."""
    text = cell if cell.isprintable() and "  " not in cell else " ".join(cell.split())
    if not text.isprintable():
        raise _Wrong("there is a control character in it: take it out")
    if len(text) > _LONGEST_TEXT:
        raise _Wrong(f"at most {_LONGEST_TEXT} characters are kept: shorten it")
    return text
