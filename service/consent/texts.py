"""What the shopper is asked, purpose by purpose. Whoever changes a word gives the texts a new version.

A statement keeps the version that was on the screen, so what somebody agreed to can be told years later.
"""

from service.consent.models import Purpose

TEXT_VERSION = "2026-11"
LANGUAGES = ("en", "es")

_TEXTS = {
    Purpose.IDENTIFICATION: {
        "en": "Recognise me in the store by the code on my phone, and keep what I buy with my account.",
        "es": "Reconocedme en la tienda por el código de mi móvil y guardad mis compras en mi cuenta.",
    },
    Purpose.PROFILING: {
        "en": "Use what I buy and look at, in stores and online, to choose offers for me.",
        "es": "Usad lo que compro y miro, en tiendas y en línea, para elegir ofertas para mí.",
    },
    Purpose.MARKETING_EMAIL: {
        "en": "Send me news and offers by e-mail.",
        "es": "Enviadme novedades y ofertas por correo electrónico.",
    },
    Purpose.MARKETING_SMS: {
        "en": "Send me news and offers by text message.",
        "es": "Enviadme novedades y ofertas por SMS.",
    },
    Purpose.MARKETING_PUSH: {
        "en": "Send me news and offers as notifications on my phone.",
        "es": "Enviadme novedades y ofertas como notificaciones en el móvil.",
    },
}


def text_of(purpose: Purpose, language: str) -> str:
    """Return what is asked for a purpose, in one of `LANGUAGES`."""
    return _TEXTS[purpose][language]
