"""What a cashier reads: at most 60 characters, in the store's language, and what to do."""

from enum import StrEnum

from service.codes.refusals import Refusal

MAX_MESSAGE_CHARACTERS = 60


class Action(StrEnum):
    """What a till does after a scan. Clients treat what they don't know as `continue`."""

    NONE = "none"
    RESCAN = "rescan"
    WAIT = "wait"
    CONTINUE = "continue"


ACTIONS: dict[Refusal | None, Action] = {
    None: Action.NONE,
    Refusal.MALFORMED: Action.RESCAN,
    Refusal.UNKNOWN_KEY: Action.CONTINUE,
    Refusal.BAD_SIGNATURE: Action.CONTINUE,
    Refusal.TOO_OLD: Action.RESCAN,
    Refusal.NOT_YET_VALID: Action.RESCAN,
    Refusal.ALREADY_USED: Action.RESCAN,
    Refusal.WRONG_OTP: Action.RESCAN,
    Refusal.TOO_MANY_TRIES: Action.WAIT,
    Refusal.CARD_UNUSABLE: Action.CONTINUE,
}

MESSAGES: dict[str, dict[Refusal | None, str]] = {
    "en": {
        None: "Identified",
        Refusal.MALFORMED: "Not a valid code. Scan again.",
        Refusal.UNKNOWN_KEY: "Code not recognised. Go on without.",
        Refusal.BAD_SIGNATURE: "Code not genuine. Go on without.",
        Refusal.TOO_OLD: "Code expired. Scan the code shown now.",
        Refusal.NOT_YET_VALID: "Code not valid yet. Scan again in a moment.",
        Refusal.ALREADY_USED: "Code already used. Scan the next one.",
        Refusal.WRONG_OTP: "Digits don't match. Type the ones shown now.",
        Refusal.TOO_MANY_TRIES: "Too many tries. Scan the QR, or wait.",
        Refusal.CARD_UNUSABLE: "This card can't be used. Go on without.",
    },
    "es": {
        None: "Identificado",
        Refusal.MALFORMED: "Código no válido. Escanee de nuevo.",
        Refusal.UNKNOWN_KEY: "Código desconocido. Siga sin él.",
        Refusal.BAD_SIGNATURE: "Código no auténtico. Siga sin él.",
        Refusal.TOO_OLD: "Código caducado. Escanee el que se ve ahora.",
        Refusal.NOT_YET_VALID: "Código aún no válido. Repita en un momento.",
        Refusal.ALREADY_USED: "Código ya usado. Escanee el siguiente.",
        Refusal.WRONG_OTP: "Los dígitos no coinciden. Teclee los actuales.",
        Refusal.TOO_MANY_TRIES: "Demasiados intentos. Escanee el QR o espere.",
        Refusal.CARD_UNUSABLE: "Esta tarjeta no sirve. Siga sin ella.",
    },
}
