"""E-mail by SMTP: STARTTLS wherever the server offers it, and never a password in clear over a network."""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import SplitResult, unquote, urlsplit

from service.sending.message import Message

TIMEOUT_SECONDS = 10
_HERE = ("localhost", "127.0.0.1", "::1")


def send_mail(message: Message, *, url: str, sender: str) -> None:
    """Send one e-mail by way of smtp://USER:PASSWORD@HOST:PORT, or smtps://…; `OSError` when it is not taken.

    Everything that smtplib and ssl raise is an OSError; a `TimeoutError` says that the server didn't answer.
    """
    server = urlsplit(url)
    try:
        with _connect(server) as connection:
            if server.username:
                connection.login(unquote(server.username), unquote(server.password or ""))
            connection.send_message(_compose(message, sender))
    except smtplib.SMTPServerDisconnected as error:  # what smtplib makes of a time-out, too
        if isinstance(error.__context__, TimeoutError):
            raise TimeoutError("the mail server did not answer") from error
        raise


def _connect(server: SplitResult) -> smtplib.SMTP:
    host, tls = server.hostname or "", ssl.create_default_context()
    if server.scheme == "smtps":
        return smtplib.SMTP_SSL(host, server.port or 465, timeout=TIMEOUT_SECONDS, context=tls)
    connection = smtplib.SMTP(host, server.port or 587, timeout=TIMEOUT_SECONDS)
    try:
        connection.ehlo_or_helo_if_needed()
        if connection.has_extn("starttls"):
            connection.starttls(context=tls)
        elif server.username and host not in _HERE:
            raise smtplib.SMTPNotSupportedError("no STARTTLS: the password would travel in clear")
    except BaseException:
        connection.close()
        raise
    return connection


def _compose(message: Message, sender: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, message.to, message.subject
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=sender.rpartition("@")[2].rstrip(">"))
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no machine answers it
    mail.set_content(message.text)
    return mail
