"""A small SMTP server (RFC 5321) on loopback: STARTTLS, AUTH PLAIN, and the mails it took."""

import base64
import contextlib
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


@dataclass
class SmtpServer:
    """What a server offers, and what it was given. `tls` is for STARTTLS, or from the first byte with `implicit`.

    It refuses one command, or hangs up at one, and takes its seconds for each reply.
    """

    tls: ssl.SSLContext | None = None
    implicit: bool = False
    password: str = ""
    refuse: str = ""
    hang_up: str = ""
    seconds: float = 0
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


class _Talk(socketserver.StreamRequestHandler):
    server: Any

    def handle(self) -> None:
        offer: SmtpServer = self.server.offer
        self.secure = False
        with contextlib.suppress(OSError):
            if offer.implicit:
                self._encrypt(offer)
            self._say("220 here")
            while line := self.rfile.readline():
                if not self._obey(offer, line.decode("ascii").strip()):
                    return

    def _obey(self, offer: SmtpServer, line: str) -> bool:
        verb = line.partition(" ")[0].upper()
        offer.commands.append(("tls " if self.secure else "") + verb)
        if offer.hang_up and verb == offer.hang_up:
            return False
        if offer.refuse and verb == offer.refuse:
            self._say("550 not here")
        elif verb == "EHLO":
            offers = ["here", "SMTPUTF8", "8BITMIME"]
            offers += ["STARTTLS"] if offer.tls and not self.secure else []
            offers += ["AUTH PLAIN"] if offer.password else []
            self._say("\r\n".join([f"250-{word}" for word in offers[:-1]] + [f"250 {offers[-1]}"]))
        elif verb == "STARTTLS":
            self._say("220 go on")
            self._encrypt(offer)
        elif verb == "AUTH":
            given = base64.b64decode(line.split(" ")[2]).decode()
            self._say("235 welcome" if given == f"\0unspoken\0{offer.password}" else "535 wrong")
        elif verb == "DATA":
            self._take(offer)
        else:
            self._say("221 bye" if verb == "QUIT" else "250 fine")
        return verb != "QUIT"

    def _take(self, offer: SmtpServer) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        offer.mails.append(message_from_bytes(b"".join(lines), EmailMessage, policy=policy.default))  # type: ignore[arg-type]
        self._say("250 taken")

    def _encrypt(self, offer: SmtpServer) -> None:
        assert offer.tls is not None
        self.connection = offer.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.secure = self.connection.makefile("rb"), True

    def _say(self, words: str) -> None:
        time.sleep(self.server.offer.seconds)
        self.connection.sendall(f"{words}\r\n".encode("ascii"))

    def finish(self) -> None:
        self.rfile.close()
        super().finish()
        self.connection.close()


@contextlib.contextmanager
def serving(offer: SmtpServer) -> Iterator[SmtpServer]:
    """Serve on a free port of loopback."""
    with socketserver.TCPServer(("127.0.0.1", 0), _Talk) as server:
        server.offer = offer  # type: ignore[attr-defined]
        offer.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield offer
        finally:
            server.shutdown()
            thread.join()
