"""What is sent: short plain text, in the reader's language."""

from dataclasses import dataclass
from enum import StrEnum


class Channel(StrEnum):
    """How a message travels."""

    EMAIL = "email"
    SMS = "sms"


class Language(StrEnum):
    """The languages that messages are written in."""

    ENGLISH = "en"
    SPANISH = "es"


@dataclass(frozen=True)
class Message:
    """A message on its way. `subject` is for e-mail; the code is never in it, for it shows on locked phones."""

    channel: Channel
    to: str
    subject: str
    text: str


_SUBJECTS = {
    Language.ENGLISH: "Your one-time code",
    Language.SPANISH: "Tu código de un solo uso",
}
_EMAILS = {
    Language.ENGLISH: (
        "Your code is {code}.\n\n"
        "It works once, within {minutes} minutes. Enter it only where you asked for it, and tell it to nobody:\n"
        "nobody from the shop will ever ask you for it.\n\n"
        "If you did not ask for a code, ignore this message.\n"
    ),
    Language.SPANISH: (
        "Tu código es {code}.\n\n"
        "Sirve una sola vez, durante {minutes} minutos. Escríbelo solo donde lo has pedido y no se lo digas a\n"
        "nadie: nadie de la tienda te lo pedirá nunca.\n\n"
        "Si no has pedido ningún código, no hagas caso de este mensaje.\n"
    ),
}
# An SMS with letters outside of GSM 03.38's alphabet, as ó is, holds 70 of them.
_TEXTS = {
    Language.ENGLISH: "{code} is your code. It works once, within {minutes} minutes. Tell it to nobody.",
    Language.SPANISH: "{code} es tu código. Vale {minutes} minutos. No se lo digas a nadie.",
}


def write_code(channel: Channel, *, to: str, code: str, minutes: int, language: Language) -> Message:
    """Write the message that carries a one-time code."""
    template = _EMAILS[language] if channel is Channel.EMAIL else _TEXTS[language]
    return Message(channel, to, _SUBJECTS[language], template.format(code=code, minutes=minutes))
