"""Makes what many tests need, while the quick ones run: the package and the root filesystems.

`python3 -m tests.support.runner.prepare minimal` fills the cache with a root filesystem of that kind, or of that suite.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

from laboratory import rootfs

ROOT = Path(__file__).parents[3]


class Preparation:
    """Processes that make it, side by side."""

    def __init__(self, roots: bool) -> None:
        """`roots`: whether root filesystems are made too."""
        self._deb = self._start(ROOT / "tools" / "build-deb")
        cache = [sys.executable, "-B", "-m", "tests.support.runner.prepare"]
        self._processes = [self._deb, *(self._start(*cache, name) for name in (*rootfs.SUITES, "minimal") if roots)]

    @staticmethod
    def _start(*command: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def deb(self) -> str:
        """Return the path of the package, empty when it could not be built."""
        path = self._deb.communicate()[0].strip()
        return str(ROOT / path) if path else ""

    def end(self) -> None:
        """End what has not ended yet; a test that needs it will make it again."""
        for process in self._processes:
            process.send_signal(signal.SIGINT)
        for process in self._processes:
            process.wait()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        rootfs.base(*(("cluster", sys.argv[1]) if sys.argv[1] in rootfs.SUITES else sys.argv[1:]))
