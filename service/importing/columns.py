"""What the columns of a file mean: recognised by their names in English and Spanish, or told by the operator."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from service.errors import UnspokenError


class BadFile(UnspokenError):
    """A file that can't be imported at all; the message says what to do."""

    code = "bad_file"


class Field(StrEnum):
    """What a column may hold."""

    ACCOUNT_ID = "account_id"
    CRM = "crm"
    LOYALTY_CARD = "loyalty_card"
    EMAIL = "email"
    PHONE = "phone"
    EMAIL_VERIFIED = "email_verified"
    PHONE_VERIFIED = "phone_verified"
    GIVEN_NAME = "given_name"
    FAMILY_NAME = "family_name"
    NAME = "name"
    BIRTH_DATE = "birth_date"
    GENDER = "gender"
    LANGUAGE = "language"
    STREET = "street"
    HOUSE_NUMBER = "house_number"
    CITY = "city"
    REGION = "region"
    POSTCODE = "postcode"
    COUNTRY = "country"


IDENTIFIERS = (Field.ACCOUNT_ID, Field.CRM, Field.LOYALTY_CARD, Field.EMAIL, Field.PHONE)
IGNORE = "ignore"
# The same words, without accents, case and signs. Each leads to one field only.
_SYNONYMS = {
    Field.ACCOUNT_ID: "account id_cuenta cuenta shop_id user_id usuario_id id_usuario",
    Field.CRM: "crm_id id_crm crm_number contact_id customer_number numero_cliente numero_de_cliente n_cliente",
    Field.LOYALTY_CARD: "loyalty loyalty_number card_number tarjeta tarjeta_fidelidad tarjeta_de_fidelidad"
    " numero_tarjeta numero_de_tarjeta",
    Field.EMAIL: "e_mail mail email_address e_mail_address correo correo_electronico",
    Field.PHONE: "phone_number mobile mobile_phone mobile_number telephone tel telefono telefono_movil movil",
    Field.EMAIL_VERIFIED: "verified_email email_confirmed correo_verificado email_verificado",
    Field.PHONE_VERIFIED: "verified_phone phone_confirmed telefono_verificado movil_verificado",
    Field.GIVEN_NAME: "first_name firstname forename nombre nombre_de_pila",
    Field.FAMILY_NAME: "last_name lastname surname surnames apellido apellidos",
    Field.NAME: "full_name fullname customer_name nombre_completo nombre_y_apellidos",
    Field.BIRTH_DATE: "birthdate birthday date_of_birth dob fecha_nacimiento fecha_de_nacimiento nacimiento",
    Field.GENDER: "sex sexo genero",
    Field.LANGUAGE: "lang locale idioma lengua",
    Field.STREET: "address address_1 address1 address_line_1 street_address direccion calle domicilio",
    Field.HOUSE_NUMBER: "house_no street_number numero_de_calle portal",
    Field.CITY: "town ciudad poblacion localidad municipio",
    Field.REGION: "state province county provincia comunidad",
    Field.POSTCODE: "postal_code zip zip_code zipcode cp codigo_postal",
    Field.COUNTRY: "country_code pais",
}
_FIELDS = {word: field for field, words in _SYNONYMS.items() for word in (field.value, *words.split())}


@dataclass(frozen=True)
class Columns:
    """Where each field stands in a row, the header as it was written, and which columns nobody knows."""

    header: tuple[str, ...]
    places: dict[Field, int]
    unknown: tuple[str, ...]

    def name(self, field: Field) -> str:
        """Return a field's column as the file calls it."""
        return self.header[self.places[field]]


def match_columns(header: Sequence[str], mapped: Mapping[str, str]) -> Columns:
    """Return what each column holds; `mapped` (column → field, or `ignore`) goes before what its name says."""
    names = [name.strip() for name in header]
    told = {plain(column): what for column, what in mapped.items()}
    missing = [column for column in mapped if plain(column) not in {plain(name) for name in names}]
    if missing:
        raise BadFile(f"the file has no column {missing[0]!r}; its columns are {', '.join(names)}")
    _refuse_repeated(names, told)
    places, unknown = _place(names, told)
    if not any(field in places for field in IDENTIFIERS):
        raise BadFile(
            "no column holds an account_id, crm, loyalty_card, email or phone; say which does: --map COLUMN=email"
        )
    return Columns(tuple(names), places, tuple(name for name in unknown if name))


def plain(name: str) -> str:
    """Return a column's name without accents, case and signs: `Fecha de Nacimiento` is `fecha_de_nacimiento`."""
    letters = unicodedata.normalize("NFKD", re.sub("[.ºª]", "", name)).lower()
    ascii_only = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "_", ascii_only).strip("_")


def _field_of(name: str, told: Mapping[str, str]) -> Field | str | None:
    """Return a column's field, `ignore`, or None when nobody knows it."""
    what = told.get(plain(name))
    if what == IGNORE:
        return IGNORE
    return _FIELDS.get(plain(name)) if what is None else Field(what)


def _refuse_repeated(names: Sequence[str], told: Mapping[str, str]) -> None:
    """Refuse two columns of one name, unless nobody knows it: whatever is told of it would be told of both."""
    for one, other in pairwise(sorted(names, key=plain)):
        if plain(one) == plain(other) and _field_of(one, told) is not None:
            raise BadFile(f"{one!r} and {other!r} are one name: rename one of the two in the file")


def _place(names: Sequence[str], told: Mapping[str, str]) -> tuple[dict[Field, int], list[str]]:
    """Give each field its column. What was told goes before what a name says; between two names nobody guesses."""
    places: dict[Field, int] = {}
    unknown: list[str] = []
    for place in sorted(range(len(names)), key=lambda place: plain(names[place]) not in told):
        name, field = names[place], _field_of(names[place], told)
        if not isinstance(field, Field):
            unknown += [name] if field is None else []
        elif field not in places:
            places[field] = place
        elif plain(names[places[field]]) in told and plain(name) not in told:
            unknown.append(name)
        else:
            raise BadFile(
                f"{names[places[field]]!r} and {name!r} both hold {field}: leave one out with --map '{name}={IGNORE}'"
            )
    return places, unknown
