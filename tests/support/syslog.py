"""A syslog of a test's own, in a mount namespace, which can be read and can be full."""

import socket
import threading
import time

PRIVATE_DEV = """
for device in null zero urandom; do touch "$1/$device"; mount --bind "/dev/$device" "$1/$device"; done
mount --bind "$1" /dev
"""


class Log:
    """A syslog at /dev/log in a mount namespace of the agent's own, read by a thread."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)

    def _read(self):
        while data := self._socket.recv(65536):
            self._lines.append(data.decode())

    def read(self):
        """Begin to read."""
        self._reader.start()
        return self

    def lines(self):
        """Return what came since the last call: all of it, since a mark that we send ourselves comes last."""
        mark = f"mark {len(self._lines)}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(mark.encode(), self._socket.getsockname())
        while not self._lines or self._lines[-1] != mark:
            time.sleep(0.001)
        lines, self._lines = self._lines[:-1], []
        return lines

    def fill(self):
        """Let it be full for ever, as if its reader hung."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
            try:
                while True:
                    sender.sendto(b"noise", self._socket.getsockname())
            except BlockingIOError:
                return
