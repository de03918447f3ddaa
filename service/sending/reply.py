"""Replies from the network, each as a whole within its time: who drips is no better off than who is silent."""

import io
import socket
import time
from typing import Any


class Reply(io.RawIOBase):
    """What a socket receives until `ends`, by the monotonic clock; then `TimeoutError`."""

    def __init__(self, sock: socket.socket, ends: float) -> None:
        self._sock, self.ends = sock, ends

    def readable(self) -> bool:
        """Say yes: `BufferedReader` asks."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive what has come; the time for sending stays what it was."""
        left, before = self.ends - time.monotonic(), self._sock.gettimeout()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        try:
            return self._sock.recv_into(buffer)
        finally:
            self._sock.settimeout(before)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return it as a file, as `HTTPResponse` asks a socket for one."""
        return io.BufferedReader(self)
