"""Draw a code as a QR code (ISO/IEC 18004) in numeric mode: SVG or PNG, four quiet modules on each side."""

import io
from typing import Literal

QUIET_MODULES = 4
MIN_VERSION = 5
_NUMERIC: Literal[1] = 1  # qrcode.util.MODE_NUMBER
# Scoring all eight masks costs most of the drawing, and any mask decodes.
_MASK = 0


def draw_svg(code: str) -> str:
    """Return an SVG of one path, a user unit a module, dark on its own white ground."""
    rows = _modules(code)
    size = len(rows) + 2 * QUIET_MODULES
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{size}v{size}H0z"/><path d="{_path(rows)}"/></svg>'
    )


def draw_png(code: str, *, scale: int = 8) -> bytes:
    """Return a 1-bit greyscale PNG with `scale` pixels a module."""
    import png

    quiet = [1] * QUIET_MODULES
    rows = _modules(code)
    blank = [[1] * (len(rows) + 2 * QUIET_MODULES)] * QUIET_MODULES
    light = [*blank, *([*quiet, *(not dark for dark in row), *quiet] for row in rows), *blank]
    pixels = [bytes(bit for bit in row for _ in range(scale)) for row in light for _ in range(scale)]
    out = io.BytesIO()
    png.Writer(len(pixels), len(pixels), greyscale=True, bitdepth=1).write(out, pixels)
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
