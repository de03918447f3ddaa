"""JSON Schema made readable: the fields of a body as rows of a table, and a sample to try."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

SAMPLE_ID = "01985f6e-7c3a-7b52-9d41-3f6a2b8c1e05"
_FAR = 2**31  # a bound beyond this only guards the number's type
_FORMATS = {"uuid": "UUID", "date-time": "time, RFC 3339", "date": "date, RFC 3339"}
# What a pattern can't say of itself.
_SAMPLES: dict[str, Any] = {
    "claim_code": "74000088962710306127702866241727433142015",
    "code": "731234567894711",
    "currency": "EUR",
    "date": "2026-11-22",
    "description": "T-shirt",
    "enrolment_code": "use_…",
    "handoff": "ush_…",
    "line_id": "1",
    "occurred_at": "2026-11-22T13:00:00+01:00",
    "quantity": "1",
    "receipt_number": "R-1001",
    "total_minor": 2500,
    "scans": [{"scan_id": SAMPLE_ID, "code": "731234567894711", "scanned_at": "2026-11-22T13:00:00+01:00"}],
}


@dataclass(frozen=True)
class Field:
    """One field: `name` is its path, with `[]` for each item of an array."""

    name: str
    type: str
    required: bool
    nullable: bool
    description: str


def fields(schema: Schema, components: Mapping[str, Schema], prefix: str = "") -> Iterator[Field]:
    """Yield the fields of an object and of the objects in it, in the order they are written."""
    schema = _resolve(schema, components)
    for name, given in schema.get("properties", {}).items():
        path, inner = prefix + name, _resolve(given, components)
        description = given.get("description") or _first_sentence(inner)
        required, nullable = name in schema.get("required", ()), inner.get("nullable", False)
        yield Field(path, _type(inner, components), required, nullable, description)
        for nested, suffix in _objects_in(inner, components):
            yield from fields(nested, components, path + suffix)


def sample(schema: Schema, components: Mapping[str, Schema]) -> Any:
    """Return the smallest value that fits an object's schema, in plausible words."""
    schema = _resolve(schema, components)
    names = [name for name in schema.get("properties", {}) if name in schema.get("required", ()) or name == "scans"]
    return {name: _sample_of(name, schema["properties"][name], components) for name in names}


def _sample_of(name: str, schema: Schema, components: Mapping[str, Schema]) -> Any:
    schema = _resolve(schema, components)
    if "examples" in schema:
        return schema["examples"][0]
    if name in _SAMPLES:
        return _SAMPLES[name]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return [sample(schema["items"], components)]
    if schema.get("type") == "object":
        return sample(schema, components)
    return SAMPLE_ID


def _resolve(schema: Schema, components: Mapping[str, Schema]) -> Schema:
    """Follow a reference, and look through `or null` to what else it may be."""
    if "$ref" in schema:
        return components[schema["$ref"].rpartition("/")[2]]
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    if len(options) == 1:
        nullable = len(options) < len(schema["anyOf"])
        return {**_resolve(options[0], components), "nullable": nullable}
    return schema


def _type(schema: Schema, components: Mapping[str, Schema]) -> str:
    return ", ".join(filter(None, (_bare_type(schema, components), _bounds(schema))))


def _bare_type(schema: Schema, components: Mapping[str, Schema]) -> str:
    if "const" in schema:
        return f'"{schema["const"]}"'
    if "enum" in schema:
        return ("one of " if len(schema["enum"]) > 1 else "") + ", ".join(f'"{item}"' for item in schema["enum"])
    if schema.get("type") == "array":
        return "array of " + _bare_type(_resolve(schema["items"], components), components) + "s"
    return _FORMATS.get(schema.get("format", "")) or str(schema.get("type", "any value"))


def _bounds(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None and max(-least, most) < _FAR:
        return f"{least} to {most}"
    if "maxLength" in schema:
        return f"{schema.get('minLength', 0)} to {schema['maxLength']} characters"
    if "maxItems" in schema:
        return f"at most {schema['maxItems']}"
    return ""


def _objects_in(schema: Schema, components: Mapping[str, Schema]) -> Iterator[tuple[Schema, str]]:
    if schema.get("type") == "object":
        yield schema, "."
    elif schema.get("type") == "array":
        yield _resolve(schema["items"], components), "[]."


def _first_sentence(schema: Schema) -> str:
    text = " ".join(schema.get("description", "").split())
    return text.partition(". ")[0].removesuffix(".")
