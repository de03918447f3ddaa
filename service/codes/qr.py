"""Draw a code as a QR code (ISO/IEC 18004) in numeric mode: SVG or PNG, four quiet modules on each side."""

import io
from typing import Literal

QUIET_MODULES = 4
MIN_VERSION = 5
_NUMERIC: Literal[1] = 1  # qrcode.util.MODE_NUMBER
# Scoring all eight masks costs most of the drawing, and any mask decodes.
_MASK = 0
_PIXELS_A_MODULE = 8
_DARK, _LIGHT = b"\x00", b"\xff"


def draw_svg(code: str) -> str:
    """Return an SVG of one path, a user unit a module, dark on its own white ground."""
    rows = _modules(code)
    size = len(rows) + 2 * QUIET_MODULES
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{size}v{size}H0z"/><path d="{_path(rows)}"/></svg>'
    )


def draw_png(code: str) -> bytes:
    """Return a 1-bit greyscale PNG with eight pixels a module, so that a module is a byte of each line."""
    import png

    rows = _modules(code)
    quiet = _LIGHT * QUIET_MODULES
    blank = [_LIGHT * (len(rows) + 2 * QUIET_MODULES)] * QUIET_MODULES
    drawn = [quiet + b"".join(_DARK if dark else _LIGHT for dark in row) + quiet for row in rows]
    lines = [line for line in (*blank, *drawn, *blank) for _ in range(_PIXELS_A_MODULE)]
    out = io.BytesIO()
    png.Writer(len(lines), len(lines), greyscale=True, bitdepth=1).write_packed(out, lines)
    return out.getvalue()


def _modules(code: str) -> list[list[bool]]:
    # Imported here: few processes ever draw, and the library is not small.
    import qrcode
    from qrcode.constants import ERROR_CORRECT_L
    from qrcode.util import QRData

    drawing = qrcode.QRCode(version=MIN_VERSION, error_correction=ERROR_CORRECT_L, mask_pattern=_MASK)
    drawing.add_data(QRData(code, mode=_NUMERIC))
    drawing.make(fit=True)
    return [[bool(module) for module in row] for row in drawing.modules]


def _path(rows: list[list[bool]]) -> str:
    """Return each horizontal run of dark modules as one move, in coordinates relative to the run before."""
    parts, x, y = [], 0, 0
    for row_number, row in enumerate(rows, QUIET_MODULES):
        for start, length in _runs(row):
            parts.append(f"m{start - x} {row_number - y}h{length}v1h-{length}z")
            x, y = start, row_number
    return "".join(parts)


def _runs(row: list[bool]) -> list[tuple[int, int]]:
    runs, start = [], None
    for column, dark in enumerate([*row, False]):
        if dark and start is None:
            start = column
        elif not dark and start is not None:
            runs.append((start + QUIET_MODULES, column - start))
            start = None
    return runs
