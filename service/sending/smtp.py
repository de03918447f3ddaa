"""E-mail by SMTP: STARTTLS wherever the server offers it, and never a password in clear over a network."""

import smtplib
import ssl
import time
from contextlib import closing, suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from service.sending.message import Message
from service.sending.reply import Reply

TIMEOUT_SECONDS = 10
MESSAGE_SECONDS = 60  # for all that is said about one message; its lease is longer
_HERE = ("localhost", "127.0.0.1", "::1")


class _Prompt(smtplib.SMTP):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._ends = time.monotonic() + MESSAGE_SECONDS
        super().__init__(*args, **kwargs)

    def getreply(self) -> tuple[int, bytes]:
        """Give the server its time for a reply, but not beyond the message's."""
        if self.file is None and self.sock is not None:
            self._reply = Reply(self.sock, self._ends)
            self.file: Any = self._reply.makefile("rb")
        self._reply.ends = min(time.monotonic() + TIMEOUT_SECONDS, self._ends)
        return super().getreply()


class _PromptByTls(_Prompt, smtplib.SMTP_SSL):
    pass


def send_mail(message: Message, *, url: str, sender: str) -> None:
    """Send one e-mail by way of smtp://USER:PASSWORD@HOST:PORT, or smtps://…; `OSError` when it is not taken.

    Everything that smtplib and ssl raise is an OSError; a `TimeoutError` says that the server didn't answer in time.
    Once the message is taken, nothing that the server says or does is a failure: it would be sent again.
    """
    server = urlsplit(url)
    try:
        with closing(_connect(server)) as connection:
            if server.username:
                connection.login(unquote(server.username), unquote(server.password or ""))
            connection.send_message(_compose(message, sender))
            with suppress(OSError):
                connection.quit()
    except smtplib.SMTPServerDisconnected as error:  # what smtplib makes of a time-out, too
        if isinstance(error.__context__, TimeoutError):
            raise TimeoutError("the mail server did not answer") from error
        raise


def _connect(server: SplitResult) -> smtplib.SMTP:
    host, tls = server.hostname or "", ssl.create_default_context()
    if server.scheme == "smtps":
        return _PromptByTls(host, server.port or 465, timeout=TIMEOUT_SECONDS, context=tls)
    connection = _Prompt(host, server.port or 587, timeout=TIMEOUT_SECONDS)
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
