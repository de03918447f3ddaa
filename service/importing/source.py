"""Read a CSV file as it comes: its encoding, its delimiter, and its rows with the line that each begins on."""

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from service.importing.columns import BadFile

_DELIMITERS = ",;\t|"
_CHUNK_BYTES = 1 << 20
_LONGEST_CELL = 128 * 1024
_NOT_CSV = (
    "what begins here isn't CSV, up to line {until}: put a text that holds quotation marks in such marks, doubled"
)
UTF_8, WINDOWS = "utf-8-sig", "cp1252"


@dataclass(frozen=True)
class Source:
    """A file that can be read: how it is written, its header, and its size in bytes."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    size: int


class Line(NamedTuple):
    """One row of the file. `number` is the line on which it begins (the header's is 1); `fault` why it isn't one."""

    number: int
    cells: list[str]
    fault: str | None = None


def look_at(path: Path) -> Source:
    """Find out how a file is written; `BadFile` when it isn't a CSV file with a header."""
    with path.open("rb") as file:
        encoding = _find_encoding(file)
        size = file.seek(0, io.SEEK_END)
    with path.open(encoding=encoding, newline="") as text:
        head = text.read(_LONGEST_CELL)
    candidates = [(_read_header(head, delimiter), delimiter) for delimiter in _DELIMITERS]
    header, delimiter = max(candidates, key=lambda one: len(one[0]))
    if not any(name.strip() for name in header):
        raise BadFile(f"{path.name} has no header: its first line must name the columns")
    return Source(path, encoding, delimiter, tuple(header), size)


class Reading:
    """The rows of a file, one after the other; `at` is how far it has been read, in bytes (roughly)."""

    def __init__(self, raw: BinaryIO, source: Source) -> None:
        self._raw = raw
        text = io.TextIOWrapper(raw, encoding=source.encoding, newline="")
        self._reader = csv.reader(text, delimiter=source.delimiter, strict=True)

    @property
    def at(self) -> int:
        """How many bytes have been read."""
        return self._raw.tell()

    def __iter__(self) -> Iterator[Line]:
        try:
            next(self._reader, None)
        except csv.Error:
            raise BadFile("the header is not valid CSV: look for a quote that is out of place") from None
        while True:
            began = self._reader.line_num + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error:  # the reader goes on with the next line
                yield Line(began, [], _NOT_CSV.format(until=self._reader.line_num))
            else:
                if any(cells):
                    yield Line(began, cells)


@contextmanager
def reading(source: Source) -> Iterator[Reading]:
    """Open a file for reading its rows; the header isn't one, nor are empty lines."""
    with source.path.open("rb") as raw:
        yield Reading(raw, source)


def _find_encoding(file: BinaryIO) -> str:
    """Return UTF-8 when the whole file is that, else Windows-1252, the other thing that office programs write."""
    if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise BadFile("the file is UTF-16: save it as CSV UTF-8")
    for encoding in (UTF_8, WINDOWS):
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            while chunk := file.read(_CHUNK_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise BadFile("the file is neither UTF-8 nor Windows-1252: save it as CSV UTF-8")


def _read_header(head: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []
