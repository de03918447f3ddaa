"""What a scanner or a keyboard gives a till's reader, and what the reader sends on."""

from typing import Any

_BLANKS = " \t\u00a0"


def readings(issued: str, typed: str) -> list[dict[str, Any]]:
    """Return lines with the code to send; `None` where nothing may leave the till."""
    scanned = typed[:17]
    grouped = f"{typed[:2]} {typed[2:5]} {typed[5:8]} {typed[8:11]} {typed[11:14]} {typed[14:]}"
    sent = {
        "an issued code": (issued, issued),
        "with the AIM prefix of a QR code": ("]Q1" + issued, issued),
        "with white space around": (f"\t {issued}\r\n", issued),
        "with white space within": (issued[:100] + _BLANKS + issued[100:], issued),
        "a typed code": (typed, typed),
        "a typed code in groups": (grouped, typed),
        "a typed code from a bar code, 17 digits": (scanned, scanned),
        "a device code": ("72" + "1" * 300, "72" + "1" * 300),
        "a claim code": ("74" + "1" * 39, "74" + "1" * 39),
        "the most digits under 71": ("71" + "1" * 253, "71" + "1" * 253),
        "the fewest digits under 71": ("71" + "1" * 200, "71" + "1" * 200),
    }
    kept = {
        "too many digits under 71": "71" + "1" * 254,
        "too few digits under 71": "71" + "1" * 199,
        "too few digits under 72": "72" + "1" * 299,
        "too many digits under 72": "72" + "1" * 701,
        "a typed code with a wrong check digit": scanned + str((int(typed[-1]) + 1) % 10),
        "40 digits under 74": "74" + "1" * 40,
        "an EAN-13": "4006381333931",
        "an EAN-13 with its AIM prefix": "]E04006381333931",
        "a GTIN-14": "04006381333931",
        "a GS1 element string": "0109501101530003",
        "a code under another symbology": "]C1" + typed,
        "a GS1 QR code": "]Q3" + issued,
        "a group separator": typed[:9] + "\x1d" + typed[9:],
        "an address": "https://shop.example/" + issued,
        "Arabic-Indic digits": "73" + "".join(chr(0x0660 + int(digit)) for digit in typed[2:]),
        "a payment card number": "4242424242424242",
        "an SSCC whose last digit is the check digit of a typed code, too": "730000000000000082",
        "nothing": "",
        "only white space": " \r\n",
    }
    return [
        *({"name": name, "scanned": line, "sends": code} for name, (line, code) in sent.items()),
        *({"name": name, "scanned": line, "sends": None} for name, line in kept.items()),
    ]
