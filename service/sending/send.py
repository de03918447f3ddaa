"""Send a message the way that the settings say: the port between the service and the networks outside."""

from enum import StrEnum
from urllib.parse import urlsplit

from service.config import Settings
from service.sending.message import Channel, Message
from service.sending.outbox import keep
from service.sending.smtp import send_mail
from service.sending.webhook import post_sms


class Way(StrEnum):
    """How a message left."""

    SMTP = "smtp"
    WEBHOOK = "webhook"
    OUTBOX = "outbox"


def send(message: Message, settings: Settings) -> Way:
    """Send a message and return how; `OSError` when it was not taken. What has no way out goes to the outbox."""
    if message.channel is Channel.EMAIL and settings.smtp_url:
        send_mail(message, url=settings.smtp_url, sender=_sender(settings))
        return Way.SMTP
    if message.channel is Channel.SMS and settings.sms_webhook:
        post_sms(message, url=settings.sms_webhook)
        return Way.WEBHOOK
    keep(message, path=settings.outbox)
    return Way.OUTBOX


def _sender(settings: Settings) -> str:
    return settings.mail_from or f"no-reply@{urlsplit(settings.public_url).hostname}"
