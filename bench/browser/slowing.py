"""Stops a browser's renderers and resumes them in turn, so that each thread gets 1/factor.

``python -m bench.browser.slowing FACTOR BROWSER_PID`` until it is terminated, or its parent
ended; the renderers are always resumed after that. One that starts meanwhile is slowed soon after.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

RUN_S = 0.002  # Long beside what a signal takes, short beside what a person notices.
LOOK_AROUND = 5  # After so many turns.
RENDERER = b"--type=renderer"


def descendants(pid: int) -> Iterator[int]:
    """Return all processes below a process."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return  # It has ended.
    for child in map(int, children):
        yield child
        yield from descendants(child)


class Renderers:
    """The renderers of one browser."""

    def __init__(self, browser: int) -> None:
        self._browser = browser
        self._known: dict[int, bool] = {}
        self.pids: Sequence[int] = ()

    def look(self) -> None:
        """Find the present ones."""
        found = list(descendants(self._browser))
        self._known = {pid: self._known.get(pid) or _is_renderer(pid) for pid in found}
        self.pids = [pid for pid, renders in self._known.items() if renders]

    def tell(self, which: signal.Signals) -> None:
        """Send all of them a signal."""
        for pid in self.pids:
            try:
                os.kill(pid, which)
            except ProcessLookupError:
                continue  # Its page was closed.


def _is_renderer(pid: int) -> bool:
    try:
        # A process that a zygote has forked has its arguments in one, with spaces.
        return RENDERER in Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").split(
            b" "
        )
    except OSError:
        return False


def slow(factor: float, browser: int) -> None:
    """Do it until SystemExit, or the parent is gone."""
    parent = os.getppid()
    renderers = Renderers(browser)
    try:
        while os.getppid() == parent:
            for turn in range(LOOK_AROUND):
                began = time.perf_counter()
                if turn == 0:
                    renderers.look()  # They run meanwhile, so it counts.
                time.sleep(RUN_S)
                renderers.tell(signal.SIGSTOP)
                time.sleep((time.perf_counter() - began) * (factor - 1))
                renderers.tell(signal.SIGCONT)
    finally:
        renderers.tell(signal.SIGCONT)


def _end(_signal: int, _frame: object) -> None:
    raise SystemExit


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    slow(float(sys.argv[1]), int(sys.argv[2]))
